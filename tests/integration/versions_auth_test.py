#!/usr/bin/env -S python3 -B
"""etcd's own users and passwords, whose rules differ between versions."""

import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from payload import alert, notification
from support import cluster_section, write_config
from versions import VersionTest, for_every_minor

from lab.exposition import Page
from lab.release import SnapshotStatus
from lab.warden import Warden

PASSWORD = "correct horse"
LOGINS = 10


class AuthTest(VersionTest):
    """Without TLS, so that no certificate stands for a user. `monitor` has no role."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(release=cls.release)
        for user in ("root", "monitor"):
            cls.cluster.etcdctl("user", "add", f"{user}:{PASSWORD}")
        cls.cluster.etcdctl("user", "grant-role", "root", "root")
        cls.cluster.etcdctl("auth", "enable")
        cls.cluster.user = f"root:{PASSWORD}"
        (cls.state / "password").write_text(PASSWORD + "\n")

    @staticmethod
    def credentials(user: str) -> dict[str, str]:
        return {"username": user, "password_file": "password"}

    def write_config(self, name: str, auth: Mapping[str, Any] | None, **sections: Any) -> Path:
        section = cluster_section(self.cluster, backup={"directory": f"{name}.backups"})
        if auth:
            section["auth"] = auth
        return write_config(self.state / f"{name}.yaml", [section], **sections)


class Auth(AuthTest):
    """One user, or none."""

    def serve_as(self, user: str | None) -> Warden:
        auth = self.credentials(user) if user else None
        return self.serve(self.write_config(user or "nobody", auth))

    def assert_observed(self, page: Page) -> None:
        """Every member is up, and the page has its values."""
        self.assert_page_is_clean(page)
        every = dict.fromkeys(self.cluster.endpoints, 1.0)
        self.assertEqual(every, page.by_label("endpoint_up", "etcd_endpoint"))
        for rpc in ("status", "member_list"):
            answered = page.by_label("endpoint_rpc_success", "etcd_endpoint", rpc=rpc)
            self.assertEqual(every, answered, rpc)
        self.assertEqual(3, len(page.select("member_db_bytes")))
        self.assertEqual(1, page.value("up"))

    def test_a_user_without_any_role_observes(self) -> None:
        warden = self.serve_as("monitor")
        warden.page()
        page = warden.page()
        self.assert_observed(page)
        before = page.by_label("member_raft_index", "member_id")
        for _ in range(5):
            page = warden.page()
        self.assertEqual(before, page.by_label("member_raft_index", "member_id"))
        # Debian's 3.4.23 lets anybody ask: there is nothing to log in for.
        logins = 1 if self.since("3.5") else 0
        self.assertEqual(logins, page.value("auth_token_refreshes_total"))
        self.assertNotIn(PASSWORD, page.text + warden.log_text())

    def test_the_first_scrape_shows_no_member_down(self) -> None:
        """A token is made by one member, and the others may learn of it a moment later."""
        every = dict.fromkeys(self.cluster.endpoints, 1.0)
        for _ in range(LOGINS):
            warden = self.serve_as("monitor")
            page = warden.page()
            failures = [each for each in page.select("rpc_failures_total") if each.value]
            self.assertEqual(every, page.by_label("endpoint_up", "etcd_endpoint"), failures)
            self.assertEqual(3, len(page.select("member_db_bytes")), failures)
            self.assertEqual([], failures)
            warden.stop()

    def test_without_credentials_a_refusal_is_called_one(self) -> None:
        page = self.serve_as(None).page()
        if not self.since("3.5"):  # Debian's 3.4.23 lets anybody ask
            self.assert_observed(page)
            return
        self.assert_page_is_clean(page)
        every = dict.fromkeys(self.cluster.endpoints, 1.0)
        self.assertEqual(every, page.by_label("endpoint_up", "etcd_endpoint"))
        answered = page.by_label("endpoint_rpc_success", "etcd_endpoint", rpc="status")
        self.assertEqual(dict.fromkeys(every, 0.0), answered)
        for url in every:
            failures = page.by_label("rpc_failures_total", "reason", etcd_endpoint=url)
            counted = {reason for reason, count in failures.items() if count}
            self.assertTrue(counted, url)
            self.assertLessEqual(counted, {"permission_denied", "unauthenticated"})

    def test_a_snapshot_needs_root(self) -> None:
        file = self.state / "root.db"
        self.command.output("snapshot", "save", file, *self.cluster.client_flags())
        SnapshotStatus.of(file, self.release)
        flags = [flag for flag in self.cluster.client_flags() if not flag.startswith("--user")]
        for who, reason in {"monitor": "permission denied", None: "user name is empty"}.items():
            user = [f"--user={who}:{PASSWORD}"] if who else []
            refused = self.state / f"{who}.db"
            done = self.command.run("snapshot", "save", refused, *flags, *user)
            self.assertEqual(1, done.returncode, done.stderr)
            self.assertIn(reason, done.stderr)
            self.assertFalse(refused.exists())


class TwoCredentials(AuthTest):
    """One user observes, another one takes the snapshots."""

    def serve_with(self, monitor: str, backup: str) -> Warden:
        auth = {"monitor": self.credentials(monitor), "backup": self.credentials(backup)}
        (self.state / "token").write_text("secret\n")
        webhook = {"bearer_token_file": "token", "rules": [{"match": ['alertname=~"Etcd.*"']}]}
        return self.serve(self.write_config(f"{monitor}-{backup}", auth, webhook=webhook))

    def backup_job(self, warden: Warden) -> dict[str, Any]:
        answer = warden.post_webhook(notification(alert()), "secret")
        self.assertEqual(202, answer.status, answer.text)
        return warden.wait_for_job(answer.json()["jobs"][0])

    def test_each_is_used_for_its_own_calls(self) -> None:
        warden = self.serve_with("monitor", "root")
        warden.page()
        page = warden.page()
        self.assertEqual(3, len(page.select("member_db_bytes")))
        # Debian's 3.4.23 lets anybody ask, and so does not tell.
        self.assertEqual(1 if self.since("3.5") else None, page.value("auth_enabled"))
        job = self.backup_job(warden)
        self.assertEqual("succeeded", job["state"], job)
        page = warden.page()
        self.assert_page_is_clean(page)
        self.assertEqual(1, page.value("auth_enabled"))

    def test_the_observers_rights_do_not_help_the_backup(self) -> None:
        warden = self.serve_with("root", "monitor")
        job = self.backup_job(warden)
        self.assertEqual("failed", job["state"], job)
        self.assertIn("permission denied", job["error"])
        self.assertEqual(1, warden.page().value("backup_failures_total", stage="auth"))


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Auth, TwoCredentials])


if __name__ == "__main__":
    unittest.main()
