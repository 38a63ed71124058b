"""The rules of Grafana's dashboard-linter on classic boards, under the names that it gives them.

https://github.com/grafana/dashboard-linter/blob/main/docs/index.md. Stricter than it in two points:
target-counter-agg-rule looks at the metric's name whether or not it has matchers, and what it only
warns of is an error here. The rules on Loki have nothing to look at.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from promql import RATES, selectors

Board = dict[str, Any]
Panel = dict[str, Any]

DRAWN = ("stat", "singlestat", "graph", "table", "timeseries", "gauge")
WITH_UNIT = DRAWN
WITH_DATASOURCE = ("singlestat", "graph", "table", "timeseries")
QUERIED = ("singlestat", "gauge", "table", "stat", "state-timeline", "timeseries")
# Those of Grafana's units that are used here; an unknown one is a complaint.
UNITS = {
    "none", "string", "short", "percent", "percentunit", "bytes", "decbytes", "Bps", "binBps", "ops",
    "reqps", "wps", "rps", "cps", "s", "ms", "m", "h", "d", "dtdurations", "dateTimeAsIso", "bool",
}  # fmt: skip
DATASOURCES = ("$datasource", "${datasource}")
VARIABLE_QUERY = re.compile(r"(label_names|label_values|metrics|query_result)\((.+)\)")


def panels(board: Board) -> Iterator[Panel]:
    """Every panel but the rows themselves."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def targets(board: Board) -> Iterator[tuple[Panel, str]]:
    for panel in panels(board):
        for target in panel.get("targets", []):
            yield panel, target.get("expr", "")


def variables(board: Board, kind: str) -> list[dict[str, Any]]:
    return [each for each in board["templating"]["list"] if each["type"] == kind]


def template_datasource(board: Board) -> Iterator[str]:
    found = variables(board, "datasource")
    if len(found) != 1:
        yield f"{len(found)} variables choose a data source, not one"
    for variable in found:
        if (variable["name"], variable.get("label")) != ("datasource", "Data source"):
            yield f"it is called {variable['name']}, {variable.get('label')}"
        if variable.get("query") != "prometheus":
            yield "it is not of Prometheus"


def template_of(name: str) -> Callable[[Board], Iterator[str]]:
    def rule(board: Board) -> Iterator[str]:
        found = [each for each in board["templating"]["list"] if each["name"] == name]
        if not found:
            yield "missing"
            return
        variable = found[0]
        wanted = {"type": "query", "label": name.title(), "multi": True, "allValue": ".+"}
        for key, value in wanted.items():
            if variable.get(key) != value:
                yield f"{key} is {variable.get(key)!r}, not {value!r}"
        if variable.get("datasource", {}).get("uid") not in DATASOURCES:
            yield "it does not use the chosen data source"

    return rule


def template_label_promql(board: Board) -> Iterator[str]:
    for variable in variables(board, "query"):
        if not VARIABLE_QUERY.search(variable["query"]):
            yield f"{variable['name']}: {variable['query']}"


def template_on_time_change_reload(board: Board) -> Iterator[str]:
    for variable in variables(board, "query"):
        if variable.get("refresh") != 2:
            yield f"{variable['name']} has refresh {variable.get('refresh')}"


def panel_datasource(board: Board) -> Iterator[str]:
    for panel in panels(board):
        if panel["type"] in WITH_DATASOURCE:
            if panel.get("datasource", {}).get("uid") not in DATASOURCES:
                yield panel["title"]


def panel_title_description(board: Board) -> Iterator[str]:
    for panel in panels(board):
        if panel["type"] in DRAWN and not (panel.get("title") and panel.get("description")):
            yield f"{panel.get('title')!r}: {panel.get('description')!r}"


def panel_units(board: Board) -> Iterator[str]:
    for panel in panels(board):
        if panel["type"] in WITH_UNIT:
            config = panel.get("fieldConfig", {})
            defaults = config.get("defaults", {})
            units = [
                each["value"]
                for override in config.get("overrides", [])
                for each in override["properties"]
                if each["id"] == "unit"
            ]
            if not defaults.get("mappings"):
                units.append(defaults.get("unit"))
            for unit in units:
                if unit not in UNITS:
                    yield f"{panel['title']}: {unit!r}"


def panel_no_targets(board: Board) -> Iterator[str]:
    for panel in panels(board):
        if panel["type"] in DRAWN and not panel.get("targets"):
            yield panel["title"]


def target_promql(board: Board) -> Iterator[str]:
    for panel, expression in targets(board):
        try:
            if panel["type"] in QUERIED and not selectors(expression):
                yield f"{panel['title']}: asks for nothing: {expression}"
        except ValueError as error:
            yield f"{panel['title']}: {error}"


def target_with(label: str) -> Callable[[Board], Iterator[str]]:
    def rule(board: Board) -> Iterator[str]:
        for panel, expression in targets(board):
            for selector in selectors(expression):
                if (label, "=~", f"${label}") not in selector.matchers:
                    yield f"{panel['title']}: {selector.metric}"

    return rule


def target_rate_interval(board: Board) -> Iterator[str]:
    for panel, expression in targets(board):
        for selector in selectors(expression):
            if selector.function in RATES and selector.window != "$__rate_interval":
                yield f"{panel['title']}: {selector.metric}[{selector.window}]"


def target_counter_agg(board: Board) -> Iterator[str]:
    for panel, expression in targets(board):
        for selector in selectors(expression):
            if selector.metric.endswith("_total"):
                if not selector.window or selector.function not in (*RATES, "increase"):
                    yield f"{panel['title']}: {selector.metric}"


def uneditable(board: Board) -> Iterator[str]:
    if board.get("editable"):
        yield "editable"


RULES: dict[str, Callable[[Board], Iterator[str]]] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_of("job"),
    "template-instance-rule": template_of("instance"),
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": target_with("job"),
    "target-instance-rule": target_with("instance"),
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable,
}


def complaints(board: Board) -> list[str]:
    """What the rules find, as "rule: what"."""
    found = []
    for name, rule in RULES.items():
        try:
            found += [f"{name}: {what}" for what in rule(board)]
        except ValueError:
            continue  # target-promql-rule has told of it
    return found
