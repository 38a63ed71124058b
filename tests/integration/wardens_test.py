#!/usr/bin/env -S python3 -B
"""Several daemons that share the work of one cluster by a lock in it: one backup for each tick.

WARDEN_TICKS says how many ticks are waited for, 10 unless it is set; 100 take four minutes.
"""

import json
import os
import time
import unittest
from collections import Counter
from pathlib import Path

from support import LabTest, cluster_section, write_config

from lab.warden import Warden

TICKS = int(os.environ.get("WARDEN_TICKS", "10"))
EVERY = 2


class SharedWork(LabTest):
    """Three members, and as many daemons as a test wants."""

    def start_wardens(self, count: int) -> list[Warden]:
        self.group = f"{self._testMethodName}-{count}"
        schedule = {"name": "often", "every": f"{EVERY}s"}
        backup = {"schedules": [schedule], "lock": {"ttl": "5s", "prefix": f"/{self.group}"}}
        wardens = []
        for number in range(count):
            section = cluster_section(
                self.cluster, backup=backup | {"directory": f"{self.group}-{number}"}
            )
            config = write_config(self.state / f"{self.group}-{number}.yaml", [section])
            wardens.append(self.serve(config))
        return wardens

    def setUp(self) -> None:
        self.cluster = self.start_cluster(name=self._testMethodName)
        self.addCleanup(self.cluster.stop)

    def backups_by_tick(self, count: int) -> Counter[str]:
        """One that was taken because etcd did not answer in time counts only where it is alone."""
        ticks: Counter[str] = Counter()
        unlocked = set()
        for number in range(count):
            for file in Path(self.state / f"{self.group}-{number}").glob("*Z-*.json"):
                manifest = json.loads(file.read_text())
                tick = manifest["trigger"]["tick"]
                if any("without the lock" in note for note in manifest.get("notes", [])):
                    unlocked.add(tick)
                else:
                    ticks[tick] += 1
        for tick in unlocked - set(ticks):
            ticks[tick] = 1
        return ticks

    def ended_ticks(self, wardens: list[Warden]) -> set[str]:
        """Those that every daemon has dealt with."""
        ticks = []
        for warden in wardens:
            ended = [job for job in warden.jobs() if job["state"] not in ("queued", "running")]
            ticks.append({job["trigger"]["tick"] for job in ended})
        return set.union(*ticks)

    def wait_for_ticks(self, wardens: list[Warden], ticks: int) -> None:
        deadline = time.monotonic() + 60 + 10 * EVERY * ticks
        while len(self.ended_ticks(wardens)) < ticks:
            self.assertLess(time.monotonic(), deadline, "the schedules do not go on")
            time.sleep(1)

    def assert_one_for_each_tick(self, count: int) -> None:
        wardens = self.start_wardens(count)
        self.wait_for_ticks(wardens, TICKS)
        ended = self.ended_ticks(wardens)
        for warden in wardens:
            warden.stop()
        backups = self.backups_by_tick(count)
        self.assertEqual({}, {tick: n for tick, n in backups.items() if n != 1})
        self.assertEqual(set(), ended - set(backups), "ticks that nobody took a backup of")

    def test_two_daemons_take_one_backup_for_each_tick(self) -> None:
        self.assert_one_for_each_tick(2)

    def test_three_daemons_take_one_backup_for_each_tick(self) -> None:
        self.assert_one_for_each_tick(3)

    def test_without_quorum_each_tick_has_a_backup_all_the_same(self) -> None:
        wardens = self.start_wardens(2)
        self.wait_for_ticks(wardens, 2)
        for member in self.cluster.members[1:]:
            member.kill()
        lost = time.time()
        seen = len(self.ended_ticks(wardens))
        self.wait_for_ticks(wardens, seen + 4)
        for warden in wardens:
            warden.stop()
        backups = self.backups_by_tick(2)
        ended = self.ended_ticks_on_disk(2, after=lost)
        self.assertGreaterEqual(len(ended), 2)
        self.assertEqual(set(), ended - set(backups), "ticks that nobody took a backup of")

    def ended_ticks_on_disk(self, count: int, after: float) -> set[str]:
        """The ticks of jobs that were begun after that time, and have ended."""
        since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(after))
        ticks = set()
        for number in range(count):
            for file in Path(self.state / f"{self.group}-{number}" / "jobs").glob("*.json"):
                job = json.loads(file.read_text())
                if job["state"] in ("succeeded", "failed") and job["created"] > since:
                    ticks.add(job["trigger"]["tick"])
        return ticks


if __name__ == "__main__":
    unittest.main()
