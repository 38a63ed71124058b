#!/usr/bin/env -S python3 -B
"""Backups that people ask for: over HTTP, and on the command line with and without a daemon."""

import json
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from payload import alert, notification
from requested import Job, files_in, ids, wait_for_end, wait_for_rest
from support import LabTest, cluster_section, sha256_of, write_config

from lab import keys, ports, templates
from lab.etcd import EtcdCluster
from lab.waiting import wait_until
from lab.warden import Warden
from lab.web import Response, get_json, request

GOOD, FAILED, USAGE = 0, 1, 2
PATIENCE = 60.0
QUEUE_MAX = 16
NO_SUCH_BACKUP = "20260101T000000000Z-00000000"


class RequestedTest(LabTest):
    """A small cluster of the class's own; each test has a directory, and a daemon if it wants."""

    cluster: EtcdCluster
    token: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(size=1)
        keys.fill(cls.cluster, 20, 1_000)
        cls.token = templates.write_token(cls.state / "token")

    def setUp(self) -> None:
        self.backups = self.state / self._testMethodName
        section = cluster_section(self.cluster, backup={"directory": str(self.backups)})
        watched = cluster_section(self.cluster, "watched")
        self.config = write_config(
            self.state / f"{self._testMethodName}.yaml",
            [section, watched],
            api={"bearer_token_file": "token"},
        )

    def backup(
        self, verb: str, *arguments: str | Path, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return self.command.run(
            "backup", verb, f"--config.file={self.config}", *arguments, timeout=timeout
        )

    def take(self, *flags: str) -> Job:
        [job] = self.command.json("backup", "take", f"--config.file={self.config}", *flags)
        self.assertEqual("succeeded", job["state"])
        found: Job = job
        return found

    def listed(self) -> list[dict[str, Any]]:
        return self.command.backups(self.config)

    def without_lists(self, manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the manifests themselves say, without what lists add of others."""
        return [
            {key: manifest[key] for key in manifest if key not in ("copies", "duplicate_of")}
            for manifest in manifests
        ]

    def assert_fails(
        self, done: subprocess.CompletedProcess[str], *words: str, code: int = FAILED
    ) -> None:
        """That exit code, and one complaint that has these words."""
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        self.assertTrue(done.stderr.strip())
        for word in words:
            self.assertIn(word, done.stderr)

    def post(
        self, warden: Warden, body: bytes = b"", token: str | None = None, name: str = "lab"
    ) -> Response:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return request(f"{warden.url}/api/v1/clusters/{name}/backups", "POST", body, headers)


class OverHttp(RequestedTest):
    def test_a_request_becomes_a_backup(self) -> None:
        warden = self.serve(self.config)
        cases: list[tuple[bytes, str, list[str]]] = [
            (b"", "manual", []),
            (b" {} ", "manual", []),
            (b'{"class": "before-upgrade", "hold": "30d"}', "before-upgrade", ["manual"]),
            (b'{"all_members": true}', "manual", []),
        ]
        for body, expected_class, holds in cases:
            with self.subTest(body):
                answer = self.post(warden, body, self.token)
                self.assertEqual(202, answer.status, answer.text)
                job = answer.json()["job"]
                self.assertEqual("queued", job["state"])
                job = wait_for_end(warden, job["id"])
                self.assertEqual("succeeded", job["state"], job)
                [manifest] = [one for one in self.listed() if one["id"] == job["backup_id"]]
                self.assert_good_backup(self.backups, manifest)
                self.assertEqual("manual", manifest["trigger"]["kind"])
                self.assertEqual(expected_class, manifest["class"])
                self.assertEqual(holds, [hold["by"] for hold in manifest.get("holds", [])])
        self.assertEqual(len(cases), len(warden.jobs()))
        self.assert_page_is_clean(warden.page())

    def test_what_is_refused_and_why(self) -> None:
        warden = self.serve(self.config)
        good = self.token
        cases: dict[str, tuple[int, Response]] = {
            "no token": (401, self.post(warden)),
            "a wrong token": (401, self.post(warden, token="wrong")),
            "an empty token": (401, self.post(warden, token="")),
            "more than the token": (401, self.post(warden, token=good + "x")),
            "no JSON": (400, self.post(warden, b"class=x", good)),
            "half a document": (400, self.post(warden, b'{"class": "x"', good)),
            "no object": (400, self.post(warden, b"[]", good)),
            "an unknown field": (400, self.post(warden, b'{"clas": "x"}', good)),
            "a wrong type": (400, self.post(warden, b'{"hold": 30}', good)),
            "no name": (400, self.post(warden, b'{"class": "a/b"}', good)),
            "an empty name": (400, self.post(warden, b'{"class": ""}', good)),
            "no duration": (400, self.post(warden, b'{"hold": "long"}', good)),
            "too long": (400, self.post(warden, b'{"hold": "11y"}', good)),
            "a deep document": (400, self.post(warden, b"[" * 60_000, good)),
            "too large a document": (413, self.post(warden, b" " * 70_000, good)),
            "an unknown cluster": (404, self.post(warden, b"", good, "other")),
            "no cluster": (404, self.post(warden, b"", good, "")),
            "a cluster without backups": (404, self.post(warden, b"", good, "watched")),
        }
        for name, (expected, answer) in cases.items():
            with self.subTest(name):
                self.assertEqual(expected, answer.status, answer.text[:300])
                self.assertTrue(answer.json()["error"])
                self.assertNotIn(self.token, answer.text)
        url = f"{warden.url}/api/v1/clusters/lab/backups"
        self.assertEqual(405, request(url).status)
        self.assertEqual(405, request(f"{warden.url}/api/v1/backups", "POST", b"").status)
        self.assertEqual([], warden.jobs())
        self.assertEqual([], self.listed())

    def test_without_the_section_nothing_can_be_asked_for(self) -> None:
        section = cluster_section(self.cluster, backup={"directory": str(self.backups)})
        warden = self.serve(write_config(self.config, [section]))
        answer = self.post(warden, b"", self.token)
        self.assertEqual(403, answer.status, answer.text)
        self.assertIn("api", answer.json()["error"])
        self.assertEqual([], warden.jobs())

    def test_what_there_is(self) -> None:
        warden = self.serve(self.config)
        taken = [self.take()["backup_id"] for _ in range(2)]
        (self.backups / "notes.txt").write_text("mine")
        url = f"{warden.url}/api/v1/backups"
        for query in ("", "?cluster=lab"):
            said = get_json(url + query)
            self.assertEqual([*reversed(taken)], ids(said["backups"]))
            self.assertEqual(["notes.txt"], [each["name"] for each in said["strangers"]])
            self.assertFalse(said["strangers"][0]["damaged"])
            self.assertEqual(
                self.without_lists(self.listed()), self.without_lists(said["backups"])
            )
            self.assertEqual([[], []], [backup["copies"] for backup in said["backups"]])
        self.assertEqual({"backups": [], "strangers": []}, get_json(f"{url}?cluster=watched"))
        self.assertEqual(404, request(f"{url}?cluster=other").status)
        self.assertEqual(404, request(f"{warden.url}/api/v1/jobs/{NO_SUCH_BACKUP}").status)

    def test_a_full_queue_says_so_and_what_waits_is_carried_out(self) -> None:
        warden = self.serve(self.config)
        self.cluster.members[0].pause()
        try:
            answers = [self.post(warden, b"", self.token) for _ in range(QUEUE_MAX + 3)]
            refused = [answer for answer in answers if answer.status != 202]
            # One of them may have begun to run in the meantime.
            self.assertIn(len(refused), (2, 3))
            for answer in refused:
                self.assertEqual(503, answer.status, answer.text)
                self.assertIn("full", answer.json()["error"])
        finally:
            self.cluster.members[0].resume()
        promised = [answer.json()["job"]["id"] for answer in answers if answer.status == 202]
        for job_id in promised:
            self.assertEqual("succeeded", wait_for_end(warden, job_id)["state"])
        self.assertEqual(len(promised), len(self.listed()))

    def test_a_promise_outlives_a_crash(self) -> None:
        warden = self.serve(self.config)
        answers = [self.post(warden, b"", self.token) for _ in range(4)]
        warden.kill()
        warden.start()
        warden.wait_ready()
        for answer in answers:
            job = wait_for_end(warden, answer.json()["job"]["id"])
            self.assertEqual("succeeded", job["state"], job)
        taken = [manifest["job"] for manifest in self.listed() if "job" in manifest]
        self.assertEqual(len(set(taken)), len(taken))
        self.assertEqual(4, len(self.listed()))


class OnTheCommandLine(RequestedTest):
    def test_a_backup_is_taken_with_and_without_a_daemon(self) -> None:
        here = self.take("--class=before", "--hold=1d")
        warden = self.serve(self.config)
        there = self.take("--class=after", "--all-members")
        self.assertEqual([there["id"], here["id"]], [job["id"] for job in warden.jobs()])
        after, before = self.listed()
        self.assertEqual(here["backup_ids"], [before["id"]])
        self.assertEqual(there["backup_ids"], [after["id"]])
        self.assertEqual(("before", "after"), (before["class"], after["class"]))
        self.assertEqual(1, len(before["holds"]))
        for manifest in (before, after):
            self.assert_good_backup(self.backups, manifest)
        self.assertEqual([], list((self.backups / "requests").iterdir()))
        self.assertEqual(1, warden.page().value("backup_attempts_total", trigger="manual"))

    def test_many_at_once_all_have_their_own(self) -> None:
        self.serve(self.config)
        with ThreadPoolExecutor(5) as pool:
            jobs = list(pool.map(lambda _: self.take(), range(5)))
        self.assertEqual(5, len({job["backup_id"] for job in jobs}))
        self.assertEqual(5, len(self.listed()))

    def test_many_at_once_without_a_daemon_do_not_wait_for_each_other_in_vain(self) -> None:
        for _ in range(4):
            with ThreadPoolExecutor(4) as pool:
                taking = pool.map(lambda _: self.backup("take", "--command-timeout=20s"), range(4))
                done = list(taking)
            self.assertEqual([GOOD] * 4, [each.returncode for each in done], done)
        self.assertEqual(16, len(self.listed()))

    def test_a_daemon_that_is_busy_is_waited_for(self) -> None:
        warden = self.serve(self.config)
        self.cluster.members[0].pause()
        try:
            long = self.post(warden, b"", self.token).json()["job"]["id"]
            wait_until(
                lambda: warden.job(long)["state"] == "running", PATIENCE, "a job takes its time"
            )
            with ThreadPoolExecutor(1) as pool:
                taken = pool.submit(self.take)
                time.sleep(17)  # longer than a daemon needs that has nothing else to do
                self.cluster.members[0].resume()
                self.assertTrue(taken.result()["backup_id"])
        finally:
            self.cluster.members[0].resume()
        self.assertEqual("succeeded", wait_for_end(warden, long)["state"])
        self.assertEqual(2, len(self.listed()))

    def test_a_second_daemon_is_refused(self) -> None:
        warden = self.serve(self.config)
        port = ports.claim(1)[0]
        done = self.command.run(
            "serve", f"--config.file={self.config}", f"--web.listen-address=127.0.0.1:{port}"
        )
        self.assert_fails(done, str(self.backups), "another etcd-warden", code=USAGE)
        self.assertEqual(200, request(f"{warden.url}/-/ready").status)
        self.take()

    def test_a_daemon_that_is_frozen_is_no_reason_to_wait_for_ever(self) -> None:
        warden = self.serve(self.config)
        self.take()
        warden.pause()
        try:
            done = self.backup("take", timeout=60)
            self.assert_fails(done, str(self.backups), "does not take the request")
            # What only reads, or changes one file, needs no daemon.
            self.assertEqual(1, len(self.listed()))
            self.assertEqual(GOOD, self.backup("pin", "latest").returncode)
        finally:
            warden.resume()
        time.sleep(2.5)  # requests are looked for every second
        wait_for_rest(warden)
        self.assertEqual(1, len(self.listed()), "a request that was given up is carried out")
        self.take()

    def test_etcd_is_gone(self) -> None:
        done = self.backup("take", "--command-timeout=1ms")
        self.assert_fails(done, "--command-timeout")
        section = cluster_section(
            self.cluster,
            endpoints=[f"http://127.0.0.1:{ports.claim(1)[0]}"],
            backup={"directory": str(self.backups)},
        )
        config = write_config(self.state / "gone.yaml", [section])
        done = self.command.run(
            "backup", "take", f"--config.file={config}", "--command-timeout=3s"
        )
        self.assert_fails(done, "did not end within")

    def test_pins_hold_while_the_daemon_runs(self) -> None:
        warden = self.serve(self.config)
        first, second = self.take()["backup_id"], self.take()["backup_id"]
        self.assertIn(": pinned", self.backup("pin", first, "--reason=for the audit").stdout)
        self.assertEqual(1, warden.page().value("backup_pinned"))
        self.assertIn("for the audit", self.backup("show", first).stdout)
        # A second pin takes the place of the first.
        self.assertEqual(GOOD, self.backup("pin", first, "--for=30d").returncode)
        [shown] = self.command.json("backup", "show", first, f"--config.file={self.config}")
        [hold] = shown["holds"]
        self.assertTrue(hold["until"])
        self.assertIn(": pinned", self.backup("pin", "latest").stdout)
        self.assertEqual(2, warden.page().value("backup_pinned"))
        for backup in (first, second):
            self.assertIn(": not pinned", self.backup("unpin", backup).stdout)
        self.assertEqual(0, warden.page().value("backup_pinned"))
        self.take()
        self.assertEqual(GOOD, self.backup("verify").returncode)

    def test_pins_that_race_backups_are_not_lost(self) -> None:
        self.serve(self.config)
        taken = [self.take()["backup_id"] for _ in range(4)]
        with ThreadPoolExecutor(6) as pool:
            more = pool.map(lambda _: self.take(), range(2))
            pins = pool.map(lambda backup: self.backup("pin", backup).returncode, taken)
            self.assertEqual([GOOD] * 4, list(pins))
            self.assertEqual(2, len(list(more)))
        held = {manifest["id"]: bool(manifest.get("holds")) for manifest in self.listed()}
        self.assertEqual(dict.fromkeys(taken, True), {each: held[each] for each in taken})


class AndAlerts(RequestedTest):
    """What people ask for meets what alerts ask for."""

    def test_a_hold_that_an_alert_asks_for_is_not_lost(self) -> None:
        section = cluster_section(self.cluster, backup={"directory": str(self.backups)})
        rules = [{"match": ['alertname="Outage"'], "class": "incident", "hold": "30d"}]
        sections: dict[str, dict[str, Any]] = {
            name: {"bearer_token_file": "token"} for name in ("api", "webhook")
        }
        sections["webhook"]["rules"] = rules
        warden = self.serve(write_config(self.config, [section], **sections))
        self.cluster.members[0].pause()
        try:
            # One runs, or waits for etcd; the other one waits, and is not held.
            for _ in range(2):
                self.assertEqual(202, self.post(warden, b"", self.token).status)
            answer = warden.post_webhook(notification(alert("Outage")), self.token)
            self.assertIn(answer.status, (200, 202), answer.text)
        finally:
            self.cluster.members[0].resume()
        wait_for_rest(warden)
        held = [manifest["class"] for manifest in self.listed() if manifest.get("holds")]
        self.assertEqual(["incident"], held, answer.text)


class WhatIsSaid(RequestedTest):
    def test_lists_and_facts(self) -> None:
        taken = [self.take()["backup_id"] for _ in range(2)]
        older, newest = taken
        table = self.backup("list").stdout
        for word in (older, newest, "lab", "etcd-1", "manual", "leader"):
            self.assertIn(word, table)
        self.assertLess(table.index(newest), table.index(older), "the newest is first")
        listed = self.listed()
        self.assertEqual([newest, older], ids(listed))
        for name, backup in (("latest", newest), (older, older)):
            shown = self.command.json("backup", "show", name, f"--config.file={self.config}")
            self.assertEqual([], shown[0]["copies"])
            [manifest] = [each for each in listed if each["id"] == backup]
            self.assertEqual(self.without_lists([manifest]), self.without_lists(shown))
            facts = self.backup("show", name).stdout
            for fact in (backup, manifest["sha256"], manifest["member"]["name"]):
                self.assertIn(fact, facts)
        verified = self.command.json("backup", "verify", f"--config.file={self.config}")
        self.assertEqual([(newest, True), (older, True)], [(v["id"], v["ok"]) for v in verified])

    def test_damage_is_told_and_left_alone(self) -> None:
        good, short, flipped, lost, unreadable = (self.take()["backup_id"] for _ in range(5))
        for backup, change in (
            (short, lambda data: data[:-512]),
            (flipped, lambda data: data[:-5000] + bytes([data[-5000] ^ 1]) + data[-4999:]),
        ):
            file = self.backups / f"{backup}.db"
            file.write_bytes(change(file.read_bytes()))
        (self.backups / f"{lost}.json").unlink()
        (self.backups / f"{unreadable}.json").write_text("{")
        (self.backups / "notes.txt").write_text("mine")
        before = {file.name: sha256_of(file) for file in self.backups.glob("*Z-*")}

        listed = self.backup("list", "-w", "json")
        self.assert_fails(listed, f"{short}.json", f"{lost}.db", f"{unreadable}.json", "notes.txt")
        self.assertNotIn(good, listed.stderr)
        # One flipped bit is found by those who read everything.
        self.assertEqual([flipped, good], ids(json.loads(listed.stdout)))
        self.assert_fails(self.backup("verify", "-w", "json"), short, lost, unreadable)
        verified = json.loads(self.backup("verify", "-w", "json").stdout)
        self.assertEqual([(flipped, False), (good, True)], [(v["id"], v["ok"]) for v in verified])
        self.assertEqual(FAILED, self.backup("verify", flipped).returncode)
        self.assertEqual(FAILED, self.backup("verify", short).returncode)
        self.assertEqual(GOOD, self.backup("verify", good).returncode)

        warden = self.serve(self.config)
        page = warden.page()
        self.assertEqual((3, 2), (page.value("backup_damaged"), page.value("backup_stored")))
        self.assertIn(f"{short}.json", warden.log_text())
        self.take()
        after = {name: sha256_of(self.backups / name) for name in before}
        self.assertEqual(before, after)
        self.assertEqual("mine", (self.backups / "notes.txt").read_text())

    def test_foreign_files_are_no_failure(self) -> None:
        self.take()
        (self.backups / "lost+found").mkdir()
        (self.backups / "etcd.db").write_bytes(b"someone's own")
        listed = self.backup("list", "-w", "json")
        self.assertEqual(GOOD, listed.returncode, listed.stderr)
        self.assertIn("etcd.db", listed.stderr)
        self.assertEqual(1, len(json.loads(listed.stdout)))
        self.take()
        self.assertTrue((self.backups / "etcd.db").exists())


class Mistakes(RequestedTest):
    def test_ids_that_are_none(self) -> None:
        self.take()
        for verb in ("show", "verify", "pin", "unpin"):
            for given in (NO_SUCH_BACKUP, "nonsense", "../../etc/passwd", "", "latest.db"):
                with self.subTest(verb=verb, id=given):
                    before = files_in(self.backups)
                    self.assert_fails(self.backup(verb, given), given[:64])
                    self.assertEqual(before, files_in(self.backups))

    def test_an_empty_directory_has_no_latest(self) -> None:
        for verb in ("show", "verify", "pin", "unpin"):
            with self.subTest(verb):
                self.assert_fails(self.backup(verb, "latest"))

    def test_flags_that_are_wrong(self) -> None:
        self.take()
        for verb, flags in {
            "take": (["--clas=x"], ["--class=a b"], ["--class="], ["--hold=long"], ["--hold=11y"],
                     ["--command-timeout=soon"], ["more"], ["-w", "xml"], ["--cluster=other"],
                     ["--cluster=watched"]),
            "list": (["--all"], ["more"], ["-w", "yaml"], ["--cluster=other"]),
            "show": ([], ["latest", "more"], ["latest", "-w", "xml"],
                     ["latest", "--cluster=other"]),
            "verify": (["--quick"], ["latest", "--cluster=watched"]),
            "pin": ([], ["latest", "--for=0s"], ["latest", "--for=ever"], ["latest", "--until=x"]),
            "unpin": ([], ["latest", "--for=1d"]),
            "prune": (["--force"], ["--cluster=other"], ["latest"]),
        }.items():  # fmt: skip
            for given in flags:
                with self.subTest(verb=verb, flags=given):
                    self.assert_fails(self.backup(verb, *given), code=USAGE)
        self.assertEqual(1, len(self.listed()))
        self.assertEqual([], self.listed()[0].get("holds", []))

    def test_nothing_may_be_pruned_without_rules(self) -> None:
        self.assert_fails(self.backup("prune"), "retention", code=USAGE)

    def test_configurations_that_are_wrong(self) -> None:
        self.config = self.state / "missing.yaml"
        for verb in ("take", "list", "verify", "prune"):
            with self.subTest(verb):
                self.assert_fails(self.backup(verb), "missing.yaml", code=USAGE)

    def test_a_directory_that_cannot_be_one(self) -> None:
        self.backups.write_text("a file")
        for verb in ("take", "list", "verify"):
            with self.subTest(verb):
                self.assert_fails(self.backup(verb), str(self.backups))


if __name__ == "__main__":
    unittest.main()
