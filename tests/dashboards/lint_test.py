#!/usr/bin/env -S python3 -B
"""The boards: Grafana's dashboard-linter finds nothing, and they are what they promise to be."""

import copy
import json
import re
import subprocess
import tempfile
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path

import linter
from linter import Board, complaints, panels, targets
from promql import selectors

ROOT = Path(__file__).resolve().parent.parent.parent
BOARDS = {
    file.name: json.loads(file.read_text()) for file in (ROOT / "dashboards").glob("*.json")
}
# What Grafana puts in the place of variables; longest first.
VALUES = {
    "$__rate_interval": "5m",
    "$__interval": "15s",
    "$__range": "1h",
    "$instance": ".+",
    "$cluster": "prod",
    "$native": "prod",
    "$job": ".+",
}
SUFFIXES = ("_bucket", "_sum", "_count")
OTHERS = {"up"}  # made by Prometheus itself


def filled(expression: str) -> str:
    for variable, value in VALUES.items():
        expression = expression.replace(variable, value)
    return expression


def expressions(board: Board) -> Iterator[tuple[str, str]]:
    """Of panels, annotations and variables, each with a name for people."""
    for panel, expression in targets(board):
        yield panel["title"], expression
    for annotation in board["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]
    for variable in linter.variables(board, "query"):
        if found := linter.VARIABLE_QUERY.search(variable["query"]):
            yield f"variable {variable['name']}", found[2].rpartition(",")[0]


def known_metrics() -> set[str]:
    """Of our golden pages and of etcd's own."""
    names = set()
    for page in (ROOT / "tests" / "golden").glob("*.txt"):
        names |= set(re.findall(r"^# TYPE (\S+)", page.read_text(), re.MULTILINE))
    for page in (ROOT / "tests" / "golden" / "native").glob("*.txt"):
        names |= {line.split()[0] for line in page.read_text().splitlines()}
    return names | {f"{name}{suffix}" for name in names for suffix in SUFFIXES} | OTHERS


class Boards(unittest.TestCase):
    def test_there_are_four(self) -> None:
        names = {f"etcd-warden-{name}.json" for name in ("fleet", "cluster", "backups", "exporter")}
        self.assertEqual(names, set(BOARDS))

    def test_the_linter_finds_nothing(self) -> None:
        for name, board in BOARDS.items():
            self.assertEqual([], complaints(board), name)

    def test_every_expression_is_valid(self) -> None:
        rules = [
            {"record": "x", "expr": filled(expression), "labels": {"from": f"{name}: {what}"}}
            for name, board in BOARDS.items()
            for what, expression in expressions(board)
        ]
        self.assertGreater(len(rules), 100)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"groups": [{"name": "boards", "rules": rules}]}, file)
            file.flush()
            command = ["promtool", "check", "rules", "--lint=none", file.name]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_every_metric_exists(self) -> None:
        known = known_metrics()
        for name, board in BOARDS.items():
            for what, expression in expressions(board):
                for selector in selectors(expression):
                    named = [selector.metric] if selector.metric else []
                    for label, _, value in selector.matchers:
                        named += value.split("|") if label == "__name__" else []
                    self.assertTrue(named, f"{name}: {what}: {expression}")
                    for metric in named:
                        self.assertTrue(metric in known, f"{name}: {what}: no metric {metric}")

    def test_ids_are_unique_and_places_do_not_overlap(self) -> None:
        for name, board in BOARDS.items():
            every = [*board["panels"], *(p for row in board["panels"] for p in row.get("panels", []))]
            ids = [panel["id"] for panel in every]
            self.assertEqual(len(ids), len(set(ids)), name)
            for group in [board["panels"], *(row.get("panels", []) for row in board["panels"])]:
                taken: set[tuple[int, int]] = set()
                for panel in group:
                    place = panel["gridPos"]
                    cells = {
                        (x, y)
                        for x in range(place["x"], place["x"] + place["w"])
                        for y in range(place["y"], place["y"] + place["h"])
                    }
                    self.assertFalse(cells & taken, f"{name}: {panel['title']}")
                    self.assertLessEqual(place["x"] + place["w"], 24, f"{name}: {panel['title']}")
                    taken |= cells

    def test_every_panel_and_row_has_a_title_of_its_own(self) -> None:
        for name, board in BOARDS.items():
            for panel in panels(board):
                self.assertTrue(panel["description"], f"{name}: {panel['title']}")
                self.assertLess(len(panel["description"]), 350, f"{name}: {panel['title']}")
            rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
            self.assertEqual(len(rows), len(set(rows)), name)

    def test_links_lead_to_the_other_boards(self) -> None:
        uids = {board["uid"] for board in BOARDS.values()}
        self.assertEqual(4, len(uids))
        for name, board in BOARDS.items():
            linked = {link["url"].removeprefix("/d/") for link in board["links"]}
            self.assertEqual(uids - {board["uid"]}, linked, name)
            for found in re.findall(r"/d/([\w-]+)", json.dumps(board)):
                self.assertIn(found, uids, name)

    def test_nothing_but_the_variable_names_a_data_source(self) -> None:
        for name, board in BOARDS.items():
            uids = set(re.findall(r'"uid": "([^"]+)"', json.dumps(board)))
            self.assertEqual({board["uid"], "${datasource}"}, uids, name)
            self.assertNotIn("__inputs", board)

    def test_thresholds_are_those_of_the_alerts(self) -> None:
        done = subprocess.run(
            ["jsonnet", "--exec", "(import 'alerts/config.libsonnet')._config"],
            capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        config = json.loads(done.stdout)
        expected = {
            ("etcd-warden-cluster.json", "Share of the quota"):
                [config["quota"]["high"], config["quota"]["critical"]],
            ("etcd-warden-cluster.json", "Behind the newest entry"): [config["lag"]["entries"]],
            ("etcd-warden-cluster.json", "Days until a certificate expires"):
                [config["certificate"]["criticalDays"], config["certificate"]["warningDays"]],
            ("etcd-warden-cluster.json", "WAL fsync, p99"):
                list(config["native"]["fsyncSeconds"].values())[::-1],
            ("etcd-warden-exporter.json", "Share of the time budget"): [config["scrapeBudget"]],
            ("etcd-warden-backups.json", "Proof of the newest backup"): [config["backup"]["level"]],
        }  # fmt: skip
        for (name, title), values in expected.items():
            panel = next(panel for panel in panels(BOARDS[name]) if panel["title"] == title)
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            self.assertEqual(values, [step["value"] for step in steps[1:]], title)


def first(board: Board) -> dict[str, object]:
    return next(panel for panel in panels(board) if panel["type"] == "timeseries")


def replace_in_first(old: str, new: str, beside: str = "") -> Callable[[Board], object]:
    """In the first expression that has both texts."""

    def apply(board: Board) -> None:
        for panel in panels(board):
            for target in panel.get("targets", []):
                if old in target["expr"] and beside in target["expr"]:
                    target["expr"] = target["expr"].replace(old, new)
                    return
        raise AssertionError(f"no expression has {old}")

    return apply


def override_in_first(board: Board, name: str, value: str) -> None:
    override = {"matcher": {}, "properties": [{"id": name, "value": value}]}
    first(board)["fieldConfig"] = {"defaults": {"unit": "short"}, "overrides": [override]}


def variable(board: Board, name: str) -> dict[str, object]:
    return next(each for each in board["templating"]["list"] if each["name"] == name)


class Linter(unittest.TestCase):
    """A good board, spoilt in one point, is found out by the rule on that point."""

    CASES: tuple[tuple[str, Callable[[Board], object]], ...] = (
        ("template-datasource-rule", lambda b: variable(b, "datasource").update(name="ds")),
        ("template-datasource-rule", lambda b: variable(b, "datasource").update(label="X")),
        ("template-job-rule", lambda b: variable(b, "job").update(multi=False)),
        ("template-job-rule", lambda b: variable(b, "job").update(allValue=".*")),
        ("template-instance-rule", lambda b: variable(b, "instance").update(label="i")),
        ("template-instance-rule", lambda b: variable(b, "instance").update(name="host")),
        ("template-label-promql-rule", lambda b: variable(b, "cluster").update(query="up")),
        (
            "template-on-time-change-reload-rule",
            lambda b: variable(b, "cluster").update(refresh=1),
        ),
        ("panel-datasource-rule", lambda b: first(b).update(datasource={"uid": "P1809"})),
        ("panel-title-description-rule", lambda b: first(b).update(description="")),
        ("panel-title-description-rule", lambda b: first(b).update(title="")),
        ("panel-units-rule", lambda b: first(b).update(fieldConfig={"defaults": {}})),
        ("panel-units-rule", lambda b: override_in_first(b, "unit", "parsecs")),
        ("panel-no-targets-rule", lambda b: first(b).update(targets=[])),
        ("target-promql-rule", replace_in_first("etcdwarden_member_up{", "(etcdwarden_up{")),
        ("target-rate-interval-rule", replace_in_first("[$__rate_interval]", "[5m]", "(rate(")),
        ("target-job-rule", replace_in_first('job=~"$job"', 'job="warden"')),
        ("target-instance-rule", replace_in_first(', instance=~"$instance"', "")),
        ("target-counter-agg-rule", replace_in_first("rate(etcdwarden_rpc", "max(etcdwarden_rpc")),
        ("uneditable-dashboard", lambda b: b.update(editable=True)),
    )

    def test_finds_each_fault(self) -> None:
        for rule, spoil in self.CASES:
            board = copy.deepcopy(BOARDS["etcd-warden-cluster.json"])
            spoil(board)
            found = {each.partition(":")[0] for each in complaints(board)}
            self.assertIn(rule, found)

    def test_every_rule_has_a_case(self) -> None:
        self.assertEqual(set(linter.RULES), {rule for rule, _ in self.CASES})


if __name__ == "__main__":
    unittest.main()
