#!/usr/bin/env -S python3 -B
"""A cluster that asks for a user and a password."""

import unittest
from pathlib import Path
from typing import Any

from payload import alert, notification
from support import LabTest, cluster_section, write_config

from lab import keys, templates
from lab.etcd import EtcdCluster
from lab.release import SnapshotStatus
from lab.warden import Warden

PASSWORD = "correct horse"


class AuthTest(LabTest):
    """A TLS cluster whose root has a password."""

    cluster: EtcdCluster
    token: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_tls_cluster()
        keys.fill(cls.cluster, 100, 1_000)
        cls.cluster.etcdctl("user", "add", f"root:{PASSWORD}")
        cls.cluster.etcdctl("user", "grant-role", "root", "root")
        cls.cluster.etcdctl("auth", "enable")
        cls.cluster.user = f"root:{PASSWORD}"
        cls.token = templates.write_token(cls.state / "token")

    def write_config(self, name: str, password: str) -> Path:
        (self.state / f"{name}.password").write_text(password + "\n")
        auth = {"username": "root", "password_file": f"{name}.password"}
        return write_config(
            self.state / f"{name}.yaml",
            [cluster_section(self.cluster, auth=auth, backup={"directory": f"{name}.backups"})],
            webhook={"bearer_token_file": "token", "rules": [{"match": ['alertname=~"Etcd.*"']}]},
        )

    def backup_job(self, warden: Warden) -> dict[str, Any]:
        """How a backup that an alert asks for went."""
        answer = warden.post_webhook(notification(alert()), self.token)
        self.assertEqual(202, answer.status, answer.text)
        return warden.wait_for_job(answer.json()["jobs"][0])


class RightPassword(AuthTest):
    def test_the_scrape_and_the_backup_work(self) -> None:
        warden = self.serve(self.write_config("right", PASSWORD))
        page = warden.page()
        self.assert_page_is_clean(page)
        self.assertEqual(3, len(page.select("member_db_bytes")))
        job = self.backup_job(warden)
        self.assertEqual("succeeded", job["state"], job)
        [manifest] = warden.backups()
        self.assert_good_backup(self.state / "right.backups", manifest)
        self.assertNotIn(PASSWORD, warden.log_text())

    def test_the_command_line_takes_a_user(self) -> None:
        file = self.state / "snapshot.db"
        self.command.output("snapshot", "save", file, *self.cluster.client_flags())
        SnapshotStatus.of(file)


class CertificateOfAnotherUser(AuthTest):
    """etcd takes the name in the client's certificate for the user, unless it is given a token."""

    def test_the_configured_user_counts(self) -> None:
        self.cluster.etcdctl("user", "add", "etcd-warden:secret")  # without any role
        file = self.state / "snapshot.db"
        self.command.output("snapshot", "save", file, *self.cluster.client_flags())
        SnapshotStatus.of(file)


class WrongPassword(AuthTest):
    def test_the_job_fails_and_says_why(self) -> None:
        warden = self.serve(self.write_config("wrong", "incorrect donkey"))
        job = self.backup_job(warden)
        self.assertEqual("failed", job["state"], job)
        self.assertRegex(job["error"], "authentication failed|invalid user ID or password")
        self.assertEqual([], warden.backups())
        self.assertEqual([], list((self.state / "wrong.backups").glob("*.db*")))
        self.assertEqual(1, warden.page().value("backup_failures_total", stage="auth"))
        self.assertNotIn("incorrect donkey", warden.log_text())

    def test_the_command_line_says_why(self) -> None:
        file = self.state / "snapshot.db"
        flags = [flag for flag in self.cluster.client_flags() if not flag.startswith("--user")]
        done = self.command.run("snapshot", "save", file, *flags, "--user=root:incorrect donkey")
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertRegex(done.stderr, "authentication failed|invalid user ID or password")
        self.assertNotIn("incorrect donkey", done.stdout + done.stderr)
        self.assertFalse(file.exists())


if __name__ == "__main__":
    unittest.main()
