#!/usr/bin/env -S python3 -B
"""The webhook: what it accepts, what it refuses, and the backups that come of it."""

import json
import unittest
from pathlib import Path
from typing import Any

from payload import alert, notification
from support import LabTest, cluster_section, write_config

from lab import keys, templates
from lab.etcd import EtcdCluster
from lab.waiting import wait_until
from lab.warden import Warden
from lab.web import Response, request

RULES = [
    {"match": ['alertname="Patient"'], "action": "snapshot", "cooldown": "1h"},
    {"match": ['alertname=~"EtcdMember.*"', 'severity!="info"'], "cooldown": "0s"},
]


class WebhookTest(LabTest):
    """A TLS cluster with some keys, and a daemon with a webhook."""

    cluster: EtcdCluster
    warden: Warden
    token: str
    backups: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_tls_cluster()
        keys.fill(cls.cluster, 200, 1_000)
        cls.token = templates.write_token(cls.state / "token")
        cls.backups = cls.state / "backups"
        config = write_config(
            cls.state / "warden.yaml",
            [
                cluster_section(cls.cluster, "lab", backup={"directory": "backups"}),
                # The same etcd under another name is as good as another cluster.
                cluster_section(cls.cluster, "broken", backup={"directory": "broken"}),
            ],
            webhook={"bearer_token_file": "token", "rules": RULES},
        )
        cls.warden = cls.start_warden(config)

    def post(self, *alerts: dict[str, Any]) -> Response:
        return self.warden.post_webhook(notification(*alerts), self.token)

    def nothing_waits(self) -> bool:
        return not [job for job in self.warden.jobs() if job["state"] in ("queued", "running")]

    def decisions(self, answer: Response) -> list[str]:
        return [decision["decision"] for decision in answer.json()["decisions"]]

    def accepted_job(self, answer: Response) -> dict[str, Any]:
        """The job that the answer names, once it succeeded."""
        self.assertEqual(202, answer.status, answer.text)
        [job_id] = answer.json()["jobs"]
        job = self.warden.wait_for_job(job_id)
        self.assertEqual("succeeded", job["state"], job)
        return job

    def backup_of(self, job: dict[str, Any]) -> dict[str, Any]:
        [manifest] = [one for one in self.warden.backups() if one["id"] == job["backup_id"]]
        return manifest


class Accepted(WebhookTest):
    def test_a_firing_alert_leads_to_a_good_backup(self) -> None:
        fired = alert()
        job = self.accepted_job(self.post(fired))
        self.assertEqual("lab", job["cluster"])
        manifest = self.backup_of(job)
        self.assert_good_backup(self.backups, manifest)
        self.assertEqual("lab", manifest["cluster"]["name"])
        self.assertNotEqual("leader", manifest["member"]["role"])
        self.assertEqual("webhook", manifest["trigger"]["kind"])
        self.assertEqual(fired["labels"]["alertname"], manifest["trigger"]["alertname"])
        self.assertEqual(fired["fingerprint"], manifest["trigger"]["fingerprint"])

    def test_the_page_counts_it(self) -> None:
        before = self.warden.page()
        self.accepted_job(self.post(alert()))
        after = self.warden.page()
        self.assert_page_is_clean(after)
        for name, labels in (
            ("webhook_alerts_total", {"status": "firing"}),
            ("webhook_decisions_total", {"decision": "accepted", "etcd_cluster": "lab"}),
            ("backup_attempts_total", {"trigger": "webhook", "etcd_cluster": "lab"}),
            ("backup_successes_total", {"etcd_cluster": "lab"}),
            ("backup_stored", {"etcd_cluster": "lab"}),
        ):
            grown = (after.value(name, **labels) or 0) - (before.value(name, **labels) or 0)
            self.assertEqual(1, grown, name)
        self.assertLess(after.value("backup_age_seconds", etcd_cluster="lab") or 1e9, 60)

    def test_the_same_alert_again_is_the_same_job(self) -> None:
        fired = alert()
        job = self.accepted_job(self.post(fired))
        known = len(self.warden.jobs())
        again = self.post(fired)
        self.assertEqual((200, ["deduplicated"]), (again.status, self.decisions(again)))
        self.assertEqual(job["id"], again.json()["decisions"][0]["job"])
        self.assertEqual(known, len(self.warden.jobs()))

    def test_one_notification_asks_for_one_backup(self) -> None:
        answer = self.post(alert(), alert(), alert())
        self.accepted_job(answer)
        self.assertEqual(1, self.decisions(answer).count("accepted"))

    def test_a_rule_waits_for_its_cooldown(self) -> None:
        self.accepted_job(self.post(alert("Patient")))
        known = len(self.warden.jobs())
        answer = self.post(alert("Patient"))
        self.assertEqual((200, ["cooldown"]), (answer.status, self.decisions(answer)))
        self.assertEqual(known, len(self.warden.jobs()))

    def test_a_promise_outlives_a_crash(self) -> None:
        fired = alert()
        answer = self.post(fired)
        self.warden.kill()
        self.warden.start()
        self.warden.wait_ready()
        job = self.accepted_job(answer)
        self.assert_good_backup(self.backups, self.backup_of(job))
        self.assertEqual(["deduplicated"], self.decisions(self.post(fired)))


class NotStored(WebhookTest):
    """A request that cannot be stored is 503, upon which Alertmanager tries again."""

    def test_it_is_no_promise_and_holds_up_no_other_cluster(self) -> None:
        jobs = self.state / "broken" / "jobs"
        jobs.rename(jobs.with_name("lost"))
        answer = self.post(alert(etcd_cluster="broken"), alert(etcd_cluster="lab"))
        self.assertEqual(503, answer.status, answer.text)
        self.assertIn(str(jobs), answer.json()["error"])
        wait_until(self.nothing_waits, 30, "the job of the other cluster is done")
        self.accepted_job(self.post(alert(etcd_cluster="lab")))

        jobs.with_name("lost").rename(jobs)
        self.accepted_job(self.post(alert(etcd_cluster="broken")))


class NothingToDo(WebhookTest):
    """Good notifications that ask for nothing: 200, so that Alertmanager does not try again."""

    def test_no_backup_is_taken(self) -> None:
        cases = {
            "resolved": alert(status="resolved"),
            "no_match": alert("SomethingElse"),
            "no_match because of a negated matcher": alert(severity="info"),
            "rejected": alert(etcd_cluster="unknown"),
        }
        for expected, given in cases.items():
            with self.subTest(expected):
                answer = self.post(given)
                self.assertEqual(200, answer.status, answer.text)
                self.assertEqual([expected.split()[0]], self.decisions(answer))
                self.assertEqual([], answer.json()["jobs"])
        self.assertEqual([], self.warden.jobs())
        self.assertEqual([], self.warden.backups())


class Refused(WebhookTest):
    """What cannot be a notification: 4xx with one line of JSON that says why, and no snapshot."""

    def tearDown(self) -> None:
        self.assertEqual([], self.warden.jobs())
        self.assertEqual([], self.warden.backups())
        self.assertEqual(200, request(f"{self.warden.url}/-/healthy").status)

    def assert_refused(self, status: int, answer: Response) -> None:
        self.assertEqual(status, answer.status, answer.text[:300])
        reason = answer.json()["error"]
        self.assertTrue(reason)
        self.assertNotIn("\n", answer.text.strip())
        self.assertNotIn(self.token, answer.text)

    def test_without_the_token(self) -> None:
        body = notification(alert())
        for token in (None, "", "wrong", self.token[:-1], self.token + "x"):
            with self.subTest(token=token):
                self.assert_refused(401, self.warden.post_webhook(body, token))
        counted = self.warden.page().value("webhook_requests_total", code="401")
        self.assertGreaterEqual(counted or 0, 5)

    def test_another_scheme(self) -> None:
        url = f"{self.warden.url}/api/v1/alerts/webhook"
        headers = {"Authorization": f"Basic {self.token}"}
        body = json.dumps(notification(alert())).encode()
        self.assert_refused(401, request(url, "POST", body, headers))

    def test_malformed_bodies(self) -> None:
        no_alerts = notification()
        del no_alerts["alerts"]
        million = 1_000_000
        deep = b"[" * million + b"]" * million
        cases = {
            "empty": b"",
            "no JSON": b"alertname=EtcdMemberUnreachable",
            "half a document": json.dumps(notification(alert())).encode()[:-5],
            "no object": b"[]",
            "no UTF-8": b'{"version":"4","alerts":[{"status":"\xff\xfe"}]}',
            "version 3": json.dumps(notification(alert(), version="3")).encode(),
            "no alerts": json.dumps(no_alerts).encode(),
            "a million arrays": deep,
            "a million objects": b'{"a":' * 500_000,
            "a million deep in a field": b'{"version":"4","alerts":' + deep + b"}",
            "an alert of the wrong type": b'{"version":"4","alerts":["firing"]}',
            "a label of the wrong type": json.dumps(
                notification(alert() | {"labels": {"alertname": 1}})
            ).encode(),
        }
        for name, body in cases.items():
            with self.subTest(name):
                self.assert_refused(400, self.warden.post_webhook(body, self.token))

    def test_too_large_a_body(self) -> None:
        padding = alert(padding="x" * 20_000_000)
        try:
            answer = self.post(padding)
        except ConnectionError:
            return  # it was told no while it was still sending, which is as clear
        self.assert_refused(413, answer)
        self.assertTrue(self.warden.page().value("webhook_requests_total", code="413"))

    def test_too_many_alerts(self) -> None:
        answer = self.post(*[alert("Nobody") for _ in range(5_000)])
        self.assertEqual(200, answer.status)
        self.assertEqual(["no_match"] * 1_000, self.decisions(answer), "the rest is left out")
        truncated = self.warden.page().value("webhook_decisions_total", decision="truncated")
        self.assertGreaterEqual(truncated, 1)

    def test_other_methods_and_paths(self) -> None:
        self.assertEqual(405, request(f"{self.warden.url}/api/v1/alerts/webhook").status)
        self.assertEqual(404, request(f"{self.warden.url}/api/v1/jobs/unknown").status)
        self.assertEqual(404, request(f"{self.warden.url}/api/v2/alerts").status)


if __name__ == "__main__":
    unittest.main()
