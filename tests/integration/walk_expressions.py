"""Every expression of the rules and dashboards, against a Prometheus that has seen a whole walk."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from walk_watch import api

from lab.monitoring import Prometheus
from lab.waiting import LabError

# Grafana's own variables; all others select labels, and stand for every value.
BUILT_IN = {"__rate_interval": "10s", "__interval": "10s", "__range": "15m"}
EVERYTHING = ".+"
MOMENTS = 400
WORDS = {
    "and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool",
    "offset", "inf", "nan",
}  # fmt: skip


class Expression(NamedTuple):
    where: str
    text: str


def check_expressions(prometheus: Prometheus, generated: Path, begun: float) -> list[str]:
    """What Prometheus refuses, what no board would ever show, and rules about what is not there."""
    faults = []
    boards = list(dashboard_expressions(generated / "dashboards"))
    for each in boards:
        fault = check_query(prometheus, each) or check_data(prometheus, each, begun)
        faults += [fault] if fault else []
    rules = list(rule_expressions(generated))
    known = set(api(prometheus, "label/__name__/values", start=begun))
    for each in rules:
        fault = check_query(prometheus, each)
        faults += [fault] if fault else []
        for metric in sorted(metrics_of(each.text) - known):
            faults.append(f"{each.where}: there is no metric {metric}")
    if not boards or not rules:
        faults.append(f"{len(boards)} expressions of dashboards, {len(rules)} of rules")
    print(f"{len(boards)} expressions of dashboards and {len(rules)} of rules were evaluated")
    return faults


def check_query(prometheus: Prometheus, expression: Expression) -> str:
    try:
        api(prometheus, "query", query=expression.text)
    except LabError as error:
        return f"{expression.where}: {error}"
    return ""


def check_data(prometheus: Prometheus, expression: Expression, begun: float) -> str:
    """Whether it had data at any moment."""
    end = time.time()
    step = max(1.0, (end - begun) / MOMENTS)
    try:
        data = api(
            prometheus, "query_range", query=expression.text, start=begun, end=end, step=step
        )
    except LabError as error:
        return f"{expression.where}: {error}"
    return "" if data["result"] else f"{expression.where}: it never has data: {expression.text}"


def dashboard_expressions(directory: Path) -> Iterator[Expression]:
    for file in sorted(directory.glob("*.json")):
        board = json.loads(file.read_text())
        variables = board["templating"]["list"]
        values = dict.fromkeys((each["name"] for each in variables), EVERYTHING) | BUILT_IN
        for where, text in board_queries(board):
            # The variable of one length comes first: $__range is the beginning of another name.
            for name in sorted(values, key=len, reverse=True):
                text = re.sub(rf"\$\{{{name}(:\w+)?\}}|\${name}\b", values[name], text)
            yield Expression(f"{file.stem}, {where}", text)


def board_queries(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in panels_of(board["panels"]):
        for target in panel.get("targets", []):
            yield f'panel "{panel.get("title", "")}"', target["expr"]
    for annotation in board.get("annotations", {}).get("list", []):
        if "expr" in annotation:
            yield f'annotation "{annotation["name"]}"', annotation["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            query = variable["query"]
            text = query["query"] if isinstance(query, dict) else query
            if found := re.fullmatch(r"label_values\((.*),\s*\w+\)", text, re.DOTALL):
                text = found[1]
            yield f"variable {variable['name']}", text


def panels_of(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those in rows that are folded as well."""
    for panel in panels:
        yield panel
        yield from panels_of(panel.get("panels", []))


def rule_expressions(directory: Path) -> Iterator[Expression]:
    for file in sorted(directory.glob("*.rules.yml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                yield Expression(rule.get("alert") or rule["record"], rule["expr"])


def metrics_of(expression: str) -> set[str]:
    """The names of the metrics in it: what is no text, no label, no function and no word."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", text)
    grouped = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
    text = re.sub(grouped, " ", text)
    names = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", text)
    return {name for name in names if name.lower() not in WORDS}
