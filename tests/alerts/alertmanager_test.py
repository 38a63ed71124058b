#!/usr/bin/env -S python3 -B
"""The Alertmanager example: valid, about alerts that exist, and it sends each where it belongs."""

import re
import subprocess
import unittest
from pathlib import Path
from typing import Any

import yaml

ALERTS = Path(__file__).resolve().parent.parent.parent / "alerts"
EXAMPLE = ALERTS / "alertmanager.yml"
RULE_FILES = ("etcd-warden.rules.yml", "etcd-native.rules.yml")
WARDEN, PEOPLE, OUTSIDE = "etcd-warden", "people", "dead-mans-switch"


def alert_labels() -> dict[str, dict[str, str]]:
    """The labels that each alert is fired with, as far as its rule says."""
    labels = {}
    for name in RULE_FILES:
        for group in yaml.safe_load((ALERTS / name).read_text())["groups"]:
            for rule in group["rules"]:
                if alert := rule.get("alert"):
                    labels[alert] = {"alertname": alert, "etcd_cluster": "prod", **rule["labels"]}
    return labels


def receivers_of(labels: dict[str, str]) -> list[str]:
    command = ["amtool", "config", "routes", "test", f"--config.file={EXAMPLE}"]
    command += [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip().split(",")


def named(matchers: list[str], alerts: list[str]) -> list[str]:
    """The alerts that the matchers on `alertname` select."""
    selected = alerts
    for matcher in matchers:
        if found := re.fullmatch(r'alertname(=~|=)"(.*)"', matcher):
            pattern = re.escape(found[2]) if found[1] == "=" else found[2]
            selected = [alert for alert in selected if re.fullmatch(pattern, alert)]
    return selected


def alternatives(matcher: str) -> list[str]:
    """The names, or patterns of names, that stand in an `alertname` matcher side by side."""
    text = matcher.partition('"')[2].rstrip('"')
    depth, part, parts = 0, "", []
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += letter
    return [*parts, part]


class Example(unittest.TestCase):
    config: dict[str, Any]
    labels: dict[str, dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.config = yaml.safe_load(EXAMPLE.read_text())
        cls.labels = alert_labels()

    def test_alertmanager_accepts_it(self) -> None:
        command = ["amtool", "check-config", str(EXAMPLE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_every_alert_goes_where_it_belongs(self) -> None:
        self.assertGreater(len(self.labels), 50)
        for alert, labels in self.labels.items():
            expected = [PEOPLE]
            if alert == "Watchdog":
                expected = [WARDEN, OUTSIDE]
            elif labels.get("backup") == "true":
                expected = [WARDEN, PEOPLE]
            self.assertEqual(expected, receivers_of(labels), alert)

    def test_what_is_not_ours_goes_to_people_only(self) -> None:
        for stranger in (
            {"alertname": "KubePodCrashLooping", "severity": "info"},
            {"alertname": "SomebodyElsesBackup", "backup": "true"},
        ):
            self.assertEqual([PEOPLE], receivers_of(stranger))

    def test_every_name_in_it_is_an_alert(self) -> None:
        alerts = list(self.labels)
        for rule in self.config["inhibit_rules"]:
            for matcher in rule["source_matchers"] + rule["target_matchers"]:
                for pattern in alternatives(matcher):
                    selected = [alert for alert in alerts if re.fullmatch(pattern, alert)]
                    self.assertTrue(selected, f"{pattern} in {matcher} names no alert")

    def test_no_alert_silences_itself_or_a_stronger_one(self) -> None:
        order = ["none", "info", "warning", "critical"]
        severity = {alert: order.index(labels["severity"]) for alert, labels in self.labels.items()}
        alerts = list(self.labels)
        for rule in self.config["inhibit_rules"]:
            sources = named(rule["source_matchers"], alerts)
            targets = named(rule["target_matchers"], alerts)
            self.assertFalse(set(sources) & set(targets), rule)
            for target in targets:
                for source in sources:
                    self.assertGreaterEqual(severity[source], severity[target], (source, target))

    def test_a_silenced_request_for_a_backup_is_made_by_what_silences_it(self) -> None:
        alerts = list(self.labels)
        # No backup can be taken where nothing answers.
        excused = {"EtcdClusterUnreachable"}
        for rule in self.config["inhibit_rules"]:
            wanting = [
                alert
                for alert in named(rule["target_matchers"], alerts)
                if self.labels[alert].get("backup")
            ]
            for source in named(rule["source_matchers"], alerts):
                if wanting and source not in excused:
                    self.assertTrue(self.labels[source].get("backup"), (source, wanting))

    def test_a_rule_silences_within_one_cluster_only(self) -> None:
        for rule in self.config["inhibit_rules"]:
            sources = named(rule["source_matchers"], list(self.labels))
            if all(source.startswith("EtcdWarden") for source in sources):
                continue  # they are about no cluster
            self.assertIn("etcd_cluster", rule.get("equal", []), rule)


if __name__ == "__main__":
    unittest.main()
