#!/usr/bin/env -S python3 -B
"""The mixin as others use it, and the command that writes the shipped files from it."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
GENERATE = ROOT / "alerts" / "generate"
MIXIN = "etcd-warden/alerts/mixin.libsonnet"  # on the library path


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=120
    )


class Scratch(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))


class Mixin(Scratch):
    """On the library path as a vendored copy is."""

    def setUp(self) -> None:
        super().setUp()
        (self.directory / "etcd-warden").symlink_to(ROOT)

    def evaluate(self, overlay: str, expression: str) -> Any:
        code = f"local mixin = (import '{MIXIN}') {overlay}; {expression}"
        done = run("jsonnet", "--jpath", self.directory, "--exec", code)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def rules(self, overlay: str = "{}") -> dict[str, dict[str, Any]]:
        """Every alert by its name; promtool must have accepted them."""
        groups = "mixin.prometheusAlerts { groups+: mixin.prometheusRules.groups }"
        document = self.evaluate(overlay, groups)
        file = self.directory / "rules.json"
        file.write_text(json.dumps(document))
        checked = run("promtool", "check", "rules", file)
        self.assertEqual(0, checked.returncode, checked.stdout + checked.stderr)
        return {
            rule["alert"]: rule
            for group in document["groups"]
            for rule in group["rules"]
            if "alert" in rule
        }

    def test_has_the_fields_that_mixins_have(self) -> None:
        fields = self.evaluate("{}", "std.objectFieldsAll(mixin)")
        for field in ("_config", "prometheusAlerts", "prometheusRules", "grafanaDashboards"):
            self.assertIn(field, fields)
        boards = self.evaluate("{}", "std.objectFields(mixin.grafanaDashboards)")
        self.assertEqual(4, len(boards), boards)

    def test_a_threshold_can_be_changed(self) -> None:
        rules = self.rules("{ _config+:: { quota+: { high: 0.7 } } }")
        self.assertIn("> 0.7", rules["EtcdQuotaHigh"]["expr"])
        self.assertIn("> 0.95", rules["EtcdQuotaCritical"]["expr"])

    def test_an_alert_can_be_changed_or_left_out(self) -> None:
        rules = self.rules(
            "{ _alerts+:: { EtcdMemberUnreachable+: { 'for': '10m', severity: 'critical' },"
            " EtcdEvenVoters:: null, EtcdGrpcSlow:: null, EtcdFilesHigh+: { 'for': '1h' } } }"
        )
        self.assertEqual("10m", rules["EtcdMemberUnreachable"]["for"])
        self.assertEqual("critical", rules["EtcdMemberUnreachable"]["labels"]["severity"])
        self.assertNotIn("EtcdEvenVoters", rules)
        self.assertNotIn("EtcdGrpcSlow", rules)
        self.assertEqual("1h", rules["EtcdFilesHigh"]["for"])
        self.assertIn("EtcdQuorumLost", rules)

    def test_the_heartbeat_can_be_left_out(self) -> None:
        self.assertIn("Watchdog", self.rules())
        self.assertNotIn("Watchdog", self.rules("{ _config+:: { watchdog: false } }"))

    def test_clusters_can_be_told_apart_by_more_labels(self) -> None:
        rules = self.rules("{ _config+:: { clusterLabels: ['region', 'etcd_cluster'] } }")
        for alert in ("EtcdQuorumLost", "EtcdBackupTooOld", "EtcdMemberLagging", "EtcdFilesHigh"):
            self.assertIn("(region, etcd_cluster", rules[alert]["expr"], alert)
        summary = rules["EtcdMemberUnreachable"]["annotations"]["summary"]
        self.assertIn("region='%s',etcd_cluster='%s'", summary)
        self.assertIn("$labels.region $labels.etcd_cluster", summary)

    def test_everything_waits_as_long_as_it_is_told(self) -> None:
        hurried = self.rules("{ _config+:: { timeScale: 1 / 60 } }")
        self.assertEqual("2s", hurried["EtcdMemberUnreachable"]["for"])
        self.assertNotIn("for", hurried["EtcdAlarmNoSpace"])
        self.assertIn("[6m], 1440)", hurried["EtcdQuotaProjected"]["expr"])


class Generate(Scratch):
    def test_the_shipped_files_are_current(self) -> None:
        done = run(GENERATE, "--check")
        self.assertEqual(0, done.returncode, done.stderr)

    def test_writes_all_of_them_elsewhere_with_another_configuration(self) -> None:
        config = self.directory / "config.libsonnet"
        config.write_text('{"quota": {"high": 0.5}, "runbookURLPattern": "https://wiki/%s"}')
        done = run(GENERATE, "--output", self.directory / "out", "--config", config)
        self.assertEqual(0, done.returncode, done.stderr)
        names = {path.name for path in (self.directory / "out").iterdir()}
        self.assertEqual(
            {"etcd-warden.rules.yml", "etcd-native.rules.yml", "prometheusrule.yaml", "dashboards"},
            names,
        )
        rules = (self.directory / "out" / "etcd-warden.rules.yml").read_text()
        self.assertIn("> 0.5\n", rules)
        self.assertIn("> 0.95\n", rules)
        self.assertIn("runbook_url: https://wiki/EtcdQuotaHigh", rules)

    def test_the_operators_object_holds_the_same_groups(self) -> None:
        groups = []
        for name in ("etcd-warden.rules.yml", "etcd-native.rules.yml"):
            groups += yaml.safe_load((ROOT / "alerts" / name).read_text())["groups"]
        made = yaml.safe_load((ROOT / "alerts" / "prometheusrule.yaml").read_text())
        self.assertEqual("monitoring.coreos.com/v1", made["apiVersion"])
        self.assertEqual(groups, made["spec"]["groups"])

    def test_says_what_is_wrong_with_what_it_is_given(self) -> None:
        broken = self.directory / "broken.libsonnet"
        broken.write_text("{ quota+: { high: ")
        wrong = self.directory / "wrong.libsonnet"
        wrong.write_text("{ elections+: { window: '15' } }")
        out = self.directory / "out"
        cases = [
            (["--output", out, "--config", self.directory / "none"], 1, "No such file"),
            (["--output", out, "--config", broken], 1, "jsonnet: "),
            (["--output", out, "--config", wrong], 1, '"15" is no duration'),
            (["--config", wrong], 2, "--config needs --output"),
            (["--check", "--output", out], 2, "takes nothing else"),
            (["--frobnicate"], 2, "unrecognized arguments"),
        ]
        for arguments, code, words in cases:
            done = run(GENERATE, *arguments)
            self.assertEqual(code, done.returncode, arguments)
            self.assertIn(words, done.stderr, arguments)
            self.assertNotIn("Traceback", done.stderr)
        self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
