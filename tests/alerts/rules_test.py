#!/usr/bin/env -S python3 -B
"""The alert rules as they are shipped: valid, complete, and held to what they say by sharp tests.

`mixin_test.py` is about the mixin they are made from, `mutants` the whole of the campaign here.
"""

import random
import re
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from equivalent import reason_why_nothing_changes
from mutations import RULE_FILES, Suite, load

ROOT = Path(__file__).resolve().parent.parent.parent
ALERTS = ROOT / "alerts"
TESTS = sorted((ALERTS / "tests").glob("*.yml"))
GOLDEN = ROOT / "tests" / "golden"
SEVERITIES = {"critical", "warning", "info", "none"}
MUTANTS = 12

# What a selector or a function is applied to, once strings and grouping labels are gone.
NO_METRIC = re.compile(
    r"\{[^}]*\}|\"[^\"]*\"|\[[^\]]*\]|\b(?:by|on|ignoring|group_left|group_right)\s*\([^)]*\)"
)
METRIC = re.compile(r"\b[a-zA-Z_:][\w:]*(?![\w:])(?!\s*\()")
KEYWORDS = {"and", "or", "unless", "bool", "offset"}
AFTER_OFFSET = re.compile(r"\boffset \d+[smhd]")
AGGREGATION = re.compile(r"(?<![\w:])(?:max|min|sum|count)(?![\w:])")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for name in RULE_FILES
        for group in load(ALERTS / name)["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def tests_of_alerts() -> list[dict[str, Any]]:
    return [
        test
        for file in TESTS
        for case in load(file)["tests"]
        for test in case.get("alert_rule_test", [])
    ]


def metrics_in(expression: str) -> set[str]:
    bare = AGGREGATION.sub(" ", NO_METRIC.sub(" ", AFTER_OFFSET.sub(" ", expression)))
    return {name for name in METRIC.findall(bare) if name not in KEYWORDS}


def known_metrics() -> set[str]:
    """Those of sample pages, of what etcd itself serves, and of the rules; histograms by parts."""
    known = {"up", "ALERTS"} | {rule["record"] for rule in rules() if "record" in rule}
    lines = [
        line.removeprefix("# TYPE ")
        for file in GOLDEN.glob("*.txt")
        for line in file.read_text().splitlines()
        if line.startswith("# TYPE ")
    ]
    for file in (GOLDEN / "native").glob("*.txt"):
        lines += file.read_text().splitlines()
    for line in lines:
        if re.fullmatch(r"\w+ \w+", line):
            name, kind = line.split()
            known.add(name)
            if kind == "histogram":
                known |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    return known


class Rules(unittest.TestCase):
    def test_promtool_accepts_them(self) -> None:
        done = promtool("check", "rules", *(ALERTS / name for name in RULE_FILES))
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_names_are_unique_and_written_alike(self) -> None:
        names = [alert["alert"] for alert in alerts()]
        self.assertEqual(sorted(set(names)), sorted(names))
        for name in names:
            self.assertRegex(name, r"\A(?:[A-Z][a-z]+)+\Z")

    def test_each_says_how_bad_it_is_and_what_to_do(self) -> None:
        for alert in alerts():
            with self.subTest(alert["alert"]):
                self.assertIn(alert["labels"]["severity"], SEVERITIES)
                annotations = alert["annotations"]
                self.assertEqual({"summary", "description", "runbook_url"}, set(annotations))
                for text in annotations.values():
                    self.assertTrue(text.strip())
                self.assertTrue(annotations["runbook_url"].endswith(f"/{alert['alert']}.md"))

    def test_every_metric_exists(self) -> None:
        known = known_metrics()
        self.assertIn("etcdwarden_up", known)
        for rule in rules():
            metrics = metrics_in(rule["expr"])
            with self.subTest(rule.get("alert") or rule["record"]):
                self.assertEqual(set(), metrics - known)
                self.assertTrue(metrics or rule["expr"] == "vector(1)")

    def test_the_names_in_an_expression_are_found(self) -> None:
        expression = (
            'max by (a, b) (rate(x_total{c="d"}[5m])) > 0.5 * on (a) group_left () y offset 1h'
            '\nunless on () label_replace(p:q:max == bool 0, "To", "$1", "z", "(.+)")'
        )
        self.assertEqual({"x_total", "y", "p:q:max"}, metrics_in(expression))


class PromtoolTests(unittest.TestCase):
    def test_pass(self) -> None:
        self.assertTrue(TESTS)
        for file in TESTS:
            with self.subTest(file.name):
                done = promtool("test", "rules", file)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_every_alert_fires_in_one_and_not_in_another(self) -> None:
        tests = tests_of_alerts()
        firing = {test["alertname"] for test in tests if test["exp_alerts"]}
        silent = {test["alertname"] for test in tests if not test["exp_alerts"]}
        names = {alert["alert"] for alert in alerts()}
        self.assertEqual(names, firing)
        # Its purpose is never to be silent.
        self.assertEqual(names - {"Watchdog"}, silent)

    def test_name_the_rule_files_of_the_directory_above(self) -> None:
        for file in TESTS:
            for rule_file in load(file)["rule_files"]:
                self.assertIn(rule_file, [f"../{name}" for name in RULE_FILES], file.name)

    def test_notice_a_dozen_small_changes(self) -> None:
        suite = Suite(ALERTS)
        mutants = [m for m in suite.mutants() if reason_why_nothing_changes(m) is None]
        for mutant in random.Random(MUTANTS).sample(mutants, MUTANTS):
            with self.subTest(str(mutant)), tempfile.TemporaryDirectory() as scratch:
                self.assertTrue(suite.notices(mutant, Path(scratch)))


if __name__ == "__main__":
    unittest.main()
