#!/usr/bin/env -S python3 -B
"""Real Alertmanagers: however often they tell of an incident, it leads to one backup."""

import json
import unittest
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from payload import alert, notification
from requested import (
    Job,
    decisions,
    ids,
    jobs_of,
    said_of,
    wait_for_decisions,
    wait_for_end,
    wait_for_rest,
)
from support import LabTest, cluster_section, write_config

from lab import keys, ports, templates
from lab.etcd import EtcdCluster
from lab.monitoring import Alertmanager
from lab.waiting import wait_until
from lab.warden import Warden
from lab.web import request

PATIENCE = 60.0
# Alertmanager repeats itself with each flush of a group, so that seconds stand for days.
QUICK = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1s"}


def rule(alertname: str, **fields: Any) -> dict[str, Any]:
    return {"match": [f'alertname="{alertname}"'], "cooldown": "1h"} | fields


def since(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


class AlertmanagerTest(LabTest):
    """A cluster of three, a daemon, and an Alertmanager in front of it."""

    RULES: Sequence[Mapping[str, Any]] | None = None
    cluster: EtcdCluster
    backups: Path
    config: Path
    token: str
    warden: Warden
    alertmanager: Alertmanager

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster()
        keys.fill(cls.cluster, 50, 1_000)
        cls.token = templates.write_token(cls.state / "token")
        cls.backups = cls.state / "backups"
        webhook: dict[str, Any] = {"bearer_token_file": "token", "max_backups_per_hour": 1000}
        if cls.RULES is not None:
            webhook["rules"] = cls.RULES
        section = cluster_section(cls.cluster, backup={"directory": "backups"})
        cls.config = write_config(cls.state / "warden.yaml", [section], webhook=webhook)
        cls.warden = cls.start_warden(cls.config)
        cls.alertmanager = cls.start_alertmanager("alertmanager", cls.warden)

    @classmethod
    def start_alertmanager(
        cls, name: str, warden: Warden, cluster_flags: Sequence[str] = ()
    ) -> Alertmanager:
        """One that tells this daemon everything; alone unless the flags say otherwise."""
        directory = cls.state / name
        directory.mkdir()
        hook = {
            "url": f"{warden.url}/api/v1/alerts/webhook",
            "send_resolved": True,
            "http_config": {"authorization": {"credentials_file": str(cls.state / "token")}},
        }
        config = directory / "alertmanager.yml"
        route = {"receiver": "etcd-warden", "group_by": ["alertname", "etcd_cluster"]} | QUICK
        receivers = [{"name": "etcd-warden", "webhook_configs": [hook]}]
        config.write_text(json.dumps({"route": route, "receivers": receivers}))
        alertmanager = Alertmanager(directory, config, ports.claim(1)[0])
        if cluster_flags:
            alertmanager.argv.remove("--cluster.listen-address=")
            alertmanager.argv += cluster_flags
        cls.enterClassContext(alertmanager)
        alertmanager.wait_ready()
        return alertmanager

    def fire(
        self,
        alertname: str,
        starts_at: datetime,
        *members: str,
        ends_at: datetime | None = None,
        alertmanagers: Sequence[Alertmanager] = (),
    ) -> None:
        """One alert for each member, or one without that label, as Prometheus posts them."""
        labels = {"alertname": alertname, "etcd_cluster": "lab", "severity": "critical"}
        each: list[dict[str, str]] = [{"member": member} for member in members] or [{}]
        alerts = [{"labels": labels | more, "startsAt": starts_at.isoformat()} for more in each]
        if ends_at:
            alerts = [alert | {"endsAt": ends_at.isoformat()} for alert in alerts]
        for alertmanager in alertmanagers or [self.alertmanager]:
            answer = request(
                f"{alertmanager.url}/api/v2/alerts",
                "POST",
                json.dumps(alerts).encode(),
                {"Content-Type": "application/json"},
            )
            self.assertEqual(200, answer.status, answer.text)

    def only_job(self, alertname: str, warden: Warden | None = None) -> Job:
        """The one job of that alert, once it succeeded."""
        warden = warden or self.warden
        [first, *_] = wait_until(
            lambda: jobs_of(warden, alertname),
            PATIENCE,
            f"{alertname} leads to a job",
            watch=[warden, self.alertmanager],
        )
        wait_for_end(warden, first["id"])
        [job] = jobs_of(warden, alertname)
        self.assertEqual("succeeded", job["state"], job)
        return job

    def backups_of(self, alertname: str) -> list[dict[str, Any]]:
        return [
            manifest
            for manifest in self.warden.backups()
            if manifest["trigger"].get("alertname") == alertname
        ]


class OneIncident(AlertmanagerTest):
    RULES = [
        rule("Repeated", **{"class": "incident", "hold": "30d"}),
        rule("Grouped"),
        rule("Restless", cooldown="0s"),
        rule("Flapping", cooldown="6s"),
        rule("Twins"),
        rule("Strangers"),
        rule("Retried"),
    ]

    def test_told_again_and_again(self) -> None:
        self.fire("Repeated", since(0))
        wait_for_decisions(self.warden, "Repeated", "deduplicated", 3, PATIENCE)
        job = self.only_job("Repeated")
        self.assertEqual(["accepted"], decisions(self.warden, "Repeated")[:1])
        self.assertEqual({job["id"]}, {line["job"] for line in said_of(self.warden, "Repeated")})
        [manifest] = self.backups_of("Repeated")
        self.assert_good_backup(self.backups, manifest)
        self.assertEqual("incident", manifest["class"])
        self.assertEqual("Repeated", manifest["holds"][0]["reason"])

    def test_of_several_members(self) -> None:
        self.fire("Grouped", since(0), "a", "b", "c")
        wait_for_decisions(self.warden, "Grouped", "deduplicated", 3, PATIENCE)
        self.only_job("Grouped")
        self.assertEqual(1, len(self.backups_of("Grouped")))
        first = decisions(self.warden, "Grouped")[:3]
        self.assertEqual(["accepted", "in_progress", "in_progress"], sorted(first))
        # Those that were covered may be heard again, and lead to nothing while the rule rests.
        self.assertLessEqual(
            set(decisions(self.warden, "Grouped")[3:]), {"deduplicated", "cooldown", "in_progress"}
        )

    def test_a_rule_that_never_rests_has_one_backup_for_each_alert(self) -> None:
        self.fire("Restless", since(0), "a", "b", "c")
        wait_for_decisions(self.warden, "Restless", "deduplicated", 9, PATIENCE)
        wait_for_rest(self.warden)
        by_alert = [job["trigger"]["fingerprint"] for job in jobs_of(self.warden, "Restless")]
        self.assertEqual(len(set(by_alert)), len(by_alert), "an alert has two backups")
        self.assertLessEqual(len(by_alert), 3)

    def test_resolved_and_firing_again(self) -> None:
        begun = since(1)
        self.fire("Flapping", begun)
        first = self.only_job("Flapping")
        self.fire("Flapping", begun, ends_at=since(0))
        wait_for_decisions(self.warden, "Flapping", "resolved", 1, PATIENCE)
        again = since(0)
        self.fire("Flapping", again)
        # It is heard while the rule rests, and once more when it rests no longer.
        wait_until(
            lambda: len(jobs_of(self.warden, "Flapping")) == 2, PATIENCE, "the second incident"
        )
        wait_for_decisions(self.warden, "Flapping", "deduplicated", 2, PATIENCE)
        wait_for_rest(self.warden)
        heard = decisions(self.warden, "Flapping")
        self.assertEqual(2, heard.count("accepted"), heard)
        self.assertIn("cooldown", heard[heard.index("resolved") :])
        second, same = jobs_of(self.warden, "Flapping")
        self.assertEqual(first["id"], same["id"])
        began = datetime.fromisoformat(second["trigger"]["starts_at"])
        self.assertLess(abs(began - again), timedelta(milliseconds=1))

    def test_from_a_pair_of_alertmanagers_that_know_each_other(self) -> None:
        gossip = ports.claim(2)
        pair = [
            self.start_alertmanager(
                f"twin-{number}",
                self.warden,
                [
                    f"--cluster.listen-address=127.0.0.1:{gossip[number]}",
                    f"--cluster.peer=127.0.0.1:{gossip[1 - number]}",
                    "--cluster.settle-timeout=2s",
                    "--cluster.peer-timeout=100ms",
                ],
            )
            for number in range(2)
        ]
        self.assert_one_backup_from("Twins", pair)

    def test_from_a_pair_of_alertmanagers_that_do_not(self) -> None:
        pair = [self.start_alertmanager(f"stranger-{number}", self.warden) for number in range(2)]
        self.assert_one_backup_from("Strangers", pair)

    def assert_one_backup_from(self, alertname: str, pair: Sequence[Alertmanager]) -> None:
        self.fire(alertname, since(0), alertmanagers=pair)
        wait_for_decisions(self.warden, alertname, "deduplicated", 4, PATIENCE)
        self.only_job(alertname)
        self.assertEqual(1, len(self.backups_of(alertname)))
        self.assertEqual(1, decisions(self.warden, alertname).count("accepted"))

    def test_while_the_daemon_is_down(self) -> None:
        self.warden.stop()
        self.fire("Retried", since(0))
        wait_until(
            lambda: "connection refused" in self.alertmanager.log_text(),
            PATIENCE,
            "Alertmanager finds nobody",
            watch=[self.alertmanager],
        )
        self.warden.start()
        self.warden.wait_ready()
        self.only_job("Retried")
        wait_for_decisions(self.warden, "Retried", "deduplicated", 1, PATIENCE)
        self.assertEqual(1, len(self.backups_of("Retried")))


class Actions(AlertmanagerTest):
    RULES = [
        rule("PinBefore", action="pin-before", hold="7d"),
        rule("EveryMember", action="snapshot-all-members"),
        rule("OnlySaid", dry_run=True),
    ]

    def test_the_heartbeat_is_noted_and_asks_for_nothing(self) -> None:
        before = datetime.now(UTC).timestamp()
        self.fire("Watchdog", since(0))
        heard = "webhook_last_heartbeat_timestamp_seconds"
        wait_until(
            lambda: (self.warden.page().value(heard) or 0) > before,
            PATIENCE,
            "the heartbeat arrives",
            watch=[self.warden, self.alertmanager],
        )
        first = self.warden.page().value(heard) or 0
        wait_until(
            lambda: (self.warden.page().value(heard) or 0) > first, PATIENCE, "it beats again"
        )
        self.assertEqual({"heartbeat"}, set(decisions(self.warden, "Watchdog")))
        self.assertEqual([], jobs_of(self.warden, "Watchdog"))

    def test_pin_before_holds_the_newest_of_before_the_alert(self) -> None:
        older, newer = self.take(), self.take()
        begun = datetime.now(UTC)
        after = self.take()  # Alertmanager hears of it later
        self.fire("PinBefore", begun)
        job = self.only_job("PinBefore")
        held = {
            manifest["id"]: [hold["by"] for hold in manifest.get("holds", [])]
            for manifest in self.warden.backups()
        }
        self.assertEqual(["alert PinBefore"], held[newer])
        self.assertEqual([], held[older])
        self.assertEqual([], held[after])
        self.assertEqual(["webhook"], held[job["backup_ids"][0]])
        self.assertIn(f"pinned backup {newer}", job["notes"][0])
        self.assertEqual(2, self.warden.page().value("backup_pinned"))

    def test_every_member_has_one(self) -> None:
        self.fire("EveryMember", since(0))
        job = self.only_job("EveryMember")
        taken = self.backups_of("EveryMember")
        self.assertEqual(sorted(ids(taken)), sorted(job["backup_ids"]))
        for manifest in taken:
            self.assert_good_backup(self.backups, manifest)
        self.assertEqual(
            sorted(member.name for member in self.cluster.members),
            sorted(manifest["member"]["name"] for manifest in taken),
        )

    def test_a_dry_run_says_so_and_takes_nothing(self) -> None:
        self.fire("OnlySaid", since(0))
        wait_for_decisions(self.warden, "OnlySaid", "dry_run", 2, PATIENCE)
        self.assertEqual({"dry_run"}, set(decisions(self.warden, "OnlySaid")))
        self.assertEqual([], jobs_of(self.warden, "OnlySaid"))
        self.assertEqual([], self.backups_of("OnlySaid"))
        counted = self.warden.page().by_label(
            "webhook_decisions_total", "etcd_cluster", decision="dry_run"
        )
        self.assertGreaterEqual(counted["lab"], 2)
        answer = self.warden.post_webhook(notification(alert("OnlySaid")), self.token)
        [said] = answer.json()["decisions"]
        self.assertEqual((200, "dry_run", None), (answer.status, said["decision"], said["job"]))

    def take(self) -> str:
        """One more backup, by hand."""
        [job] = self.command.json("backup", "take", f"--config.file={self.config}")
        backup: str = job["backup_ids"][0]
        return backup


class WithoutQuorum(AlertmanagerTest):
    """The built-in rules, and one member of three left."""

    def test_what_the_last_member_holds_is_saved(self) -> None:
        for member in self.cluster.members[1:]:
            member.kill()
        self.fire("etcdNoLeader", since(0))
        job = self.only_job("etcdNoLeader")
        self.assertEqual("snapshot-all-members", job["order"]["action"])
        [manifest] = self.backups_of("etcdNoLeader")
        self.assert_good_backup(self.backups, manifest)
        self.assertEqual(self.cluster.members[0].name, manifest["member"]["name"])
        self.assertEqual(["webhook"], [hold["by"] for hold in manifest["holds"]])
        self.assertEqual("alert", manifest["class"])

    def test_what_is_not_about_etcd_is_left_alone(self) -> None:
        self.fire("HighLatency", since(0))
        wait_for_decisions(self.warden, "HighLatency", "no_match", 1, PATIENCE)
        self.assertEqual([], jobs_of(self.warden, "HighLatency"))


if __name__ == "__main__":
    unittest.main()
