#!/usr/bin/env -S python3 -B
"""Backups by the clock, and how long they stay."""

import json
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from requested import Job, files_in, ids, wait_for_end
from support import LabTest, cluster_section, write_config

from lab import keys, templates
from lab.etcd import EtcdCluster
from lab.exposition import Page
from lab.waiting import wait_until
from lab.warden import Warden

PATIENCE = 60.0
# Gauges that say when it was or what is free now, and not what there is.
MOVING = {"backup_age_seconds", "backup_next_run_timestamp_seconds", "backup_store_free_bytes"}


def tick_of(job: Job) -> datetime:
    return datetime.fromisoformat(job["trigger"]["tick"])


class ScheduledTest(LabTest):
    """A small cluster of the class's own; each test has its daemon and its directory."""

    cluster: EtcdCluster

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(size=1)
        keys.fill(cls.cluster, 20, 1_000)

    def setUp(self) -> None:
        self.backups = self.state / self._testMethodName
        self.config = self.state / f"{self._testMethodName}.yaml"

    def configure(self, *schedules: dict[str, Any], **backup: Any) -> Path:
        backup |= {"directory": str(self.backups)}
        if schedules:
            backup["schedules"] = list(schedules)
        templates.write_token(self.state / "token")
        section = cluster_section(self.cluster, backup=backup)
        return write_config(self.config, [section], api={"bearer_token_file": "token"})

    def take(self, *flags: str) -> str:
        """One more backup, whoever takes it; its id."""
        done = self.command.json("backup", "take", f"--config.file={self.config}", *flags)
        backup: str = done[0]["backup_ids"][0]
        return backup

    def listed(self) -> list[str]:
        return ids(self.command.backups(self.config))

    def first_jobs(self, warden: Warden, count: int) -> list[Job]:
        """So many jobs that have ended, the oldest first."""

        def found() -> list[Job] | None:
            jobs = [job for job in reversed(warden.jobs()) if job["finished"]]
            return jobs if len(jobs) >= count else None

        return wait_until(found, PATIENCE, f"{count} jobs end", watch=[warden])[:count]


class Ticks(ScheduledTest):
    def test_a_fresh_start_has_its_first_backup_at_once(self) -> None:
        warden = self.serve(self.configure({"every": "1h"}, {"cron": "0 4 1 1 *"}))
        [job] = self.first_jobs(warden, 1)
        self.assertEqual("succeeded", job["state"], job)
        self.assertEqual(
            ("schedule", "every 1h"), (job["trigger"]["kind"], job["trigger"]["schedule"])
        )
        tick = tick_of(job)
        self.assertEqual((0, 0), (tick.minute, tick.second))
        [manifest] = warden.backups()
        self.assert_good_backup(self.backups, manifest)
        self.assertEqual("scheduled", manifest["class"])
        # The next one is the hour's; what waits for January has nothing to do now.
        page = warden.page()
        self.assertEqual(
            (tick + timedelta(hours=1)).timestamp(), page.value("backup_next_run_timestamp_seconds")
        )
        self.assertEqual(1, len(warden.jobs()))

    def test_a_restart_repeats_nothing(self) -> None:
        warden = self.serve(self.configure({"every": "1h", "class": "hourly"}))
        self.first_jobs(warden, 1)
        warden.kill()
        warden.start()
        warden.wait_ready()
        time.sleep(2.5)  # the schedules are looked at every second
        self.assertEqual(1, len(warden.jobs()))

    def test_a_crash_over_some_ticks_is_caught_up_by_one_run(self) -> None:
        every = 4
        warden = self.serve(self.configure({"name": "often", "every": f"{every}s"}))
        self.first_jobs(warden, 1)
        warden.kill()
        last = json.loads((self.backups / "schedules.json").read_text())
        before = datetime.fromisoformat(last["schedules"]["often"]["last_tick"])
        known = {file.stem for file in (self.backups / "jobs").glob("*.json")}
        time.sleep(3 * every)
        warden.start()
        warden.wait_ready()
        runs = wait_until(
            lambda: [job for job in warden.jobs() if job["id"] not in known],
            PATIENCE,
            "the schedule goes on",
        )
        caught_up = tick_of(runs[-1])
        between = (caught_up - before) / timedelta(seconds=every) - 1
        self.assertGreaterEqual(between, 1)
        skipped = warden.page().value("backup_runs_skipped_total", etcd_cluster="lab")
        self.assertEqual(between, skipped)
        self.assertEqual("succeeded", wait_for_end(warden, runs[-1]["id"])["state"])
        ticks = [tick_of(job) for job in warden.jobs()]
        self.assertEqual(len(set(ticks)), len(ticks), "a tick was run twice")

    def test_a_tick_that_finds_its_predecessor_waiting_is_skipped(self) -> None:
        warden = self.serve(self.configure({"name": "often", "every": "1s"}))
        self.first_jobs(warden, 2)
        self.cluster.members[0].pause()
        try:
            wait_until(
                lambda: (warden.page().value("backup_in_progress") or 0) == 1,
                PATIENCE,
                "a backup waits for etcd",
            )
            time.sleep(5)
            waiting = [job for job in warden.jobs() if job["state"] == "queued"]
            self.assertLessEqual(len(waiting), 1)
        finally:
            self.cluster.members[0].resume()
        wait_until(
            lambda: warden.page().value("backup_runs_skipped_total", etcd_cluster="lab"),
            PATIENCE,
            "the ticks that passed are counted",
            watch=[warden],
        )
        jobs = warden.jobs()
        ticks = [tick_of(job) for job in jobs]
        self.assertEqual(len(set(ticks)), len(ticks), "a tick was run twice")

    def test_the_page_after_a_restart_is_that_of_before(self) -> None:
        warden = self.serve(self.configure({"every": "1h"}, objective="2h"))
        self.first_jobs(warden, 1)
        self.command.output(
            "backup", "pin", "latest", f"--config.file={self.config}", "--reason=a test"
        )
        before = self.gauges(warden.page())
        warden.kill()
        warden.start()
        warden.wait_ready()
        after = warden.page()
        self.assertEqual(before.keys(), self.gauges(after).keys())
        for name, value in self.gauges(after).items():
            # What is on disk is to the millisecond.
            self.assertAlmostEqual(before[name], value, delta=0.001, msg=name)
        self.assert_page_is_clean(after)
        self.assertEqual(1, before["backup_pinned"])
        self.assertEqual(7200, before["backup_objective_seconds"])
        age = after.value("backup_age_seconds")
        completed = before["backup_last_success_timestamp_seconds"]
        self.assertAlmostEqual(time.time() - completed, age or 0, delta=30)

    def gauges(self, page: Page) -> dict[str, float]:
        """What the page says of the backups that there are."""
        return {
            name: sample.value
            for sample in page.samples
            if (name := sample.name.removeprefix("etcdwarden_")).startswith("backup_")
            and not name.endswith(("_total", "_bucket", "_sum", "_count"))
            and name not in MOVING
        }


class Unchanged(ScheduledTest):
    def test_nothing_new_is_a_job_that_was_skipped(self) -> None:
        schedule = {"name": "often", "every": "2s", "skip_if_unchanged": True}
        warden = self.serve(self.configure(schedule))
        taken, skipped, again = self.first_jobs(warden, 3)
        self.assertEqual("succeeded", taken["state"], taken)
        for job in (skipped, again):
            self.assertEqual("skipped", job["state"], job)
            self.assertEqual(taken["backup_ids"], job["backup_ids"])
            self.assertIn("nothing has changed", job["error"])
        self.assertEqual(taken["backup_ids"], ids(warden.backups()))

        # Its age is that of the last look.
        page = warden.page()
        looked = datetime.fromisoformat(again["finished"]).timestamp()
        for name in (
            "backup_last_success_timestamp_seconds",
            "backup_last_verified_timestamp_seconds",
        ):
            self.assertGreaterEqual((page.value(name) or 0) + 0.002, looked)
        self.assertLess(page.value("backup_age_seconds") or 1e9, time.time() - looked + 5)
        self.assertEqual(1, page.value("backup_stored"))

        # A change is one; so is what has no revision.
        for change in (["put", "changed", "x"], ["user", "add", "somebody:password"]):
            with self.subTest(change[0]):
                known = len(warden.backups())
                self.cluster.etcdctl(*change)
                wait_until(
                    lambda known=known: len(warden.backups()) > known, PATIENCE, "a new backup"
                )

    def test_what_was_asked_for_by_hand_is_taken_all_the_same(self) -> None:
        schedule = {"name": "rarely", "every": "1h", "skip_if_unchanged": True}
        warden = self.serve(self.configure(schedule))
        self.first_jobs(warden, 1)
        self.take()
        self.assertEqual(2, len(warden.backups()))


class Retention(ScheduledTest):
    RULES = [{"class": "manual", "keep_last": 3}, {"class": "short", "keep_last": 1}]

    def keeping(self, *rules: dict[str, Any], **more: Any) -> Path:
        return self.configure(retention={"rules": list(rules or self.RULES)} | more)

    def test_the_oldest_go_after_each_success(self) -> None:
        self.keeping()
        self.serve(self.config)
        taken = []
        for _ in range(5):
            taken.append(self.take())
            wait_until(
                lambda: self.listed() == taken[:-4:-1], PATIENCE, f"the newest of {taken} stay"
            )
        names = {f"{backup}.{suffix}" for backup in taken[-3:] for suffix in ("db", "json")}
        self.assertEqual(names, files_in(self.backups))

    def test_each_class_is_kept_by_its_own_rule(self) -> None:
        self.keeping(keep_verified_min=1)
        other = [self.take("--class=other") for _ in range(2)]
        self.take("--class=short")
        manual = self.take()
        short = self.take("--class=short")
        # No rule names the class `other`: it stays.
        self.assertEqual([short, manual, *reversed(other)], self.listed())

    def test_pinned_and_held_ones_stay_and_use_up_no_place(self) -> None:
        self.keeping()
        pinned = self.take()
        self.command.output("backup", "pin", pinned, f"--config.file={self.config}")
        held = self.take("--hold=1d")
        taken = [self.take() for _ in range(5)]
        self.assertEqual([*reversed(taken[-3:]), held, pinned], self.listed())
        self.command.output("backup", "unpin", pinned, f"--config.file={self.config}")
        self.command.output("backup", "prune", f"--config.file={self.config}")
        self.assertEqual([*reversed(taken[-3:]), held], self.listed())

    def test_a_failure_deletes_nothing(self) -> None:
        self.configure()
        taken = [self.take() for _ in range(5)]
        self.keeping()
        # Another cluster's data is refused.
        stranger = self.start_cluster("stranger", 1)
        section = cluster_section(
            stranger,
            backup={"directory": str(self.backups), "retention": {"rules": self.RULES}},
        )
        config = write_config(self.state / "stranger.yaml", [section])
        done = self.command.run("backup", "take", f"--config.file={config}")
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertEqual([*reversed(taken)], self.listed())

    def test_prune_explains_what_it_would_do_and_does_it(self) -> None:
        self.configure()
        taken = [self.take() for _ in range(5)]
        self.keeping()
        prune = ("backup", "prune", f"--config.file={self.config}")
        explained = self.command.json(*prune, "--dry-run", "--explain")
        self.assertEqual([*reversed(taken)], ids(explained))
        self.assertEqual([True, True, True, False, False], [each["keep"] for each in explained])
        self.assertTrue(all(each["reason"] for each in explained))
        table = self.command.output(*prune, "--dry-run")
        for backup in taken:
            self.assertEqual(backup in taken[:2], backup in table)
        self.assertEqual([*reversed(taken)], self.listed())

        done = self.command.output(*prune)
        self.assertIn("deleted 2", done)
        self.assertEqual([*reversed(taken[2:])], self.listed())
        self.assertIn("deleted 0", self.command.output(*prune))

    def test_what_is_damaged_or_foreign_is_never_deleted(self) -> None:
        self.keeping()
        damaged = self.take()
        snapshot = self.backups / f"{damaged}.db"
        snapshot.write_bytes(snapshot.read_bytes()[:-1])
        lost = self.take()
        (self.backups / f"{lost}.json").unlink()
        foreign = self.backups / "notes.txt"
        foreign.write_text("mine")
        for _ in range(5):
            self.take()
        self.assertTrue(snapshot.exists())
        self.assertTrue((self.backups / f"{damaged}.json").exists())
        self.assertTrue((self.backups / f"{lost}.db").exists())
        self.assertEqual("mine", foreign.read_text())


if __name__ == "__main__":
    unittest.main()
