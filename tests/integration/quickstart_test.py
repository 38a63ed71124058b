#!/usr/bin/env -S python3 -B
"""The main journey as a newcomer sees it: `deploy/quickstart/run --once`, with the built binary.

It is here that a real Prometheus scrapes, evaluates a rule and makes Alertmanager call the webhook.
"""

import subprocess
import unittest
from pathlib import Path

from support import BINARY, ROOT, LabTest

from lab import ports

ALERTS = ROOT / "alerts"
DEFAULT_PORTS = [12379, *range(22379, 22385), 29090, 29093]


class Quickstart(LabTest):
    def free_shift(self) -> int:
        """Leads to free ports, and to none that other tests may claim."""
        shifts = range(20, 600, 20)
        return next(
            shift for shift in shifts if not ports.busy(port + shift for port in DEFAULT_PORTS)
        )

    def test_a_stopped_member_leads_to_a_snapshot_and_all_ends_well(self) -> None:
        shift = self.free_shift()
        command: list[str | Path] = [
            ROOT / "deploy" / "quickstart" / "run", "--once", "--binary", BINARY,
            "--state-dir", self.state / "quickstart", "--port-shift", str(shift),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=420, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        for step in (
            "was stopped",
            "fires EtcdMemberUnreachable",
            "accepted job",
            "the catalogue has backup",
            "etcdctl snapshot status",
            "etcdwarden_drill_last_result 1",
            "sees three members up",
        ):
            self.assertIn(step, done.stdout)
        self.assertEqual([], ports.busy(port + shift for port in DEFAULT_PORTS))
        self.assert_as_shipped(self.state / "quickstart", shift)

    def assert_as_shipped(self, state: Path, shift: int) -> None:
        """It ran with the files of alerts/: only the port is another one."""
        for name in ("etcd-warden.rules.yml", "etcd-native.rules.yml"):
            self.assertIn(name, (state / "prometheus.yml").read_text())
            self.assertEqual((ALERTS / name).read_text(), (state / name).read_text(), name)
        used = (state / "alertmanager.yml").read_text()
        as_shipped = used.replace(f"127.0.0.1:{12379 + shift}/", "127.0.0.1:12379/")
        self.assertEqual((ALERTS / "alertmanager.yml").read_text(), as_shipped)
        self.assertNotEqual(used, as_shipped)


if __name__ == "__main__":
    unittest.main()
