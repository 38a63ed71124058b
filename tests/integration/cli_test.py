#!/usr/bin/env -S python3 -B
"""The command line on a real cluster, and what it says to those who mistype."""

import json
import os
import socket
import subprocess
import unittest
from pathlib import Path
from typing import Any

from support import LabTest, cluster_section, write_config

from lab import ports
from lab.certificates import Certificates
from lab.etcd import EtcdCluster

GOOD, FAILED, USAGE = 0, 1, 2


class CommandLineTest(LabTest):
    def run_command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.command.run(*arguments)

    def assert_refused(self, done: subprocess.CompletedProcess[str], *words: str) -> None:
        """Exit code 2, and all of these words on standard error."""
        self.assertEqual(USAGE, done.returncode, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class WholeCluster(CommandLineTest):
    cluster: EtcdCluster
    config: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_tls_cluster()
        cls.config = write_config(cls.state / "warden.yaml", [cluster_section(cls.cluster)])

    def etcdctl_members(self) -> list[dict[str, Any]]:
        answer = json.loads(self.cluster.etcdctl("member", "list", "-w", "json"))
        members: list[dict[str, Any]] = answer["members"]
        return members

    def test_members_are_those_of_etcdctl(self) -> None:
        expected = {
            f"{member['ID']:x}": (member["name"], member["peerURLs"], member["clientURLs"])
            for member in self.etcdctl_members()
        }
        for flags in (self.cluster.client_flags(), [f"--config.file={self.config}"]):
            members = self.command.json("members", *flags)
            said = {
                member["id"]: (member["name"], member["peer_urls"], member["client_urls"])
                for member in members
            }
            self.assertEqual(expected, said)
            self.assertEqual({"started"}, {member["status"] for member in members})
            self.assertEqual({False}, {member["is_learner"] for member in members})

    def test_status_asks_every_member_whatever_endpoint_is_given(self) -> None:
        one = self.cluster.client_flags(self.cluster.endpoints[:1])
        expected = {
            f"{status['header']['member_id']:x}": (
                name,
                status["version"],
                status["dbSize"],
                status["leader"] == status["header"]["member_id"],
                status["raftTerm"],
            )
            for name, status in self.cluster.status().items()
        }
        said = {
            status["member_id"]: (
                status["name"],
                status["version"],
                status["db_size"],
                status["is_leader"],
                status["raft_term"],
            )
            for status in self.command.json("status", *one)
        }
        self.assertEqual(expected, said)

    def test_tables_name_every_member(self) -> None:
        for command in ("members", "status"):
            table = self.command.output(command, *self.cluster.client_flags())
            for member in self.cluster.members:
                self.assertIn(member.name, table)
                self.assertIn(member.client_url, table)

    def test_health_is_good(self) -> None:
        said = self.command.json("health", *self.cluster.client_flags())
        self.assertEqual(
            dict.fromkeys(self.cluster.endpoints, True),
            {one["endpoint"]: one["healthy"] for one in said},
        )
        self.assertTrue(all(one["took_seconds"] > 0 for one in said))

    def test_a_wrong_authority_is_a_failure_that_says_so(self) -> None:
        stranger = Certificates.create(self.state / "stranger")
        flags = [
            f"--endpoints={self.cluster.endpoints[0]}",
            f"--cacert={stranger.ca}",
            "--command-timeout=3s",
        ]
        done = self.run_command("status", *flags)
        self.assertEqual(FAILED, done.returncode)
        self.assertIn(self.cluster.endpoints[0], done.stdout + done.stderr)
        self.assertRegex(done.stdout + done.stderr, "(?i)certificate|tls|handshake")

    def test_an_unknown_cluster_name_is_refused(self) -> None:
        done = self.run_command("status", f"--config.file={self.config}", "--cluster=other")
        self.assert_refused(done, "other")


class ClusterWithAMemberDown(CommandLineTest):
    def test_it_is_marked_and_the_exit_code_tells(self) -> None:
        cluster = self.start_tls_cluster()
        down = cluster.follower()
        down.kill()
        flags = [*cluster.client_flags(), "--command-timeout=3s"]
        for command, field in (("status", "healthy"), ("health", "healthy")):
            done = self.run_command(command, *flags, "-w", "json")
            self.assertEqual(FAILED, done.returncode, done.stderr)
            said = {one["endpoint"]: one[field] for one in json.loads(done.stdout)}
            self.assertEqual(
                {endpoint: endpoint != down.client_url for endpoint in cluster.endpoints}, said
            )
            self.assertEqual(FAILED, self.run_command(command, *flags).returncode)
        self.assertEqual(GOOD, self.run_command("members", *flags).returncode)


class Usage(CommandLineTest):
    def test_version(self) -> None:
        self.assertRegex(self.command.output("version"), r"etcd-warden.*\d+\.\d+")

    def test_help_names_every_command(self) -> None:
        text = self.command.output("--help")
        for name in ("serve", "check-config", "members", "status", "health", "snapshot", "backup",
                     "version"):  # fmt: skip
            self.assertIn(name, text)

    def test_mistakes_are_refused(self) -> None:
        for arguments, word in (
            ([], ""),
            (["destroy"], "destroy"),
            (["status", "--endpoint=x"], "--endpoint"),
            (["status", "--endpoints=ftp://127.0.0.1:1"], "ftp"),
            (["status", "-w", "xml"], "xml"),
            (["status", "--endpoints=127.0.0.1:1", "--command-timeout=soon"], "soon"),
            (["status", "--config.file=/nonexistent/warden.yaml"], "/nonexistent/warden.yaml"),
            (["status", "--endpoints=https://127.0.0.1:1", "--cacert=/nonexistent/ca"],
             "/nonexistent/ca"),
            (["snapshot", "save"], ""),
            (["serve"], "--config.file"),
            (["serve", "--config.file=/nonexistent/warden.yaml"], "/nonexistent/warden.yaml"),
        ):  # fmt: skip
            with self.subTest(arguments):
                done = self.run_command(*arguments)
                self.assert_refused(done, word)
                self.assertTrue(done.stderr.strip())


class Configuration(CommandLineTest):
    """`check-config`, and what keeps `serve` from starting."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        Certificates.create(cls.state / "pki")
        (cls.state / "token").write_text("secret-token\n")

    def write(self, text: str) -> Path:
        file = self.state / "warden.yaml"
        file.write_text(text)
        return file

    def test_a_good_file(self) -> None:
        file = self.write(
            "clusters:\n"
            "  - name: prod\n"
            "    endpoints: [https://127.0.0.1:1, https://localhost:2]\n"
            "    tls: {ca_file: pki/ca.crt, cert_file: pki/client.crt, key_file: pki/client.key}\n"
            "    backup: {directory: created-by-nobody}\n"
            "webhook:\n"
            "  bearer_token_file: token\n"
            "  rules:\n"
            "    - match: ['alertname=~\"EtcdMember.*|etcdMembersDown\"']\n"
        )
        done = self.run_command("check-config", file)
        self.assertEqual(GOOD, done.returncode, done.stderr)
        self.assertFalse((self.state / "created-by-nobody").exists())

    def test_bad_files_are_refused_with_the_place(self) -> None:
        cluster = "clusters:\n  - name: prod\n    endpoints: ['https://127.0.0.1:1']\n"
        tls = "    tls: {ca_file: pki/ca.crt, cert_file: pki/client.crt, key_file: %s}\n"
        for name, text, place, word in (
            ("unknown key", cluster + "scrap: {}\n", "4:1", "scrap"),
            ("duplicate key", cluster + "    name: again\n", "4:5", "name"),
            ("wrong type", "clusters: 7\n", "1:11", "clusters"),
            ("no YAML", "clusters: [\n", "", ""),
            ("missing file", cluster + tls % "pki/none.key", "4:", "none.key"),
            ("key of another", cluster + tls % "pki/server.key", "4:", "server.key"),
            ("bad duration", cluster + "scrape: {timeout: soon}\n", "4:", "soon"),
        ):
            with self.subTest(name):
                file = self.write(text)
                expected = f"{file}:{place}"
                self.assert_refused(self.run_command("check-config", file), expected, word)
                serve = self.run_command(
                    "serve", f"--config.file={file}", "--web.listen-address=127.0.0.1:0"
                )
                self.assert_refused(serve, expected, word)

    def good_config(self, directory: str = "backups") -> Path:
        endpoints = [f"http://127.0.0.1:{ports.claim(1)[0]}"]
        cluster = {"name": "x", "endpoints": endpoints, "backup": {"directory": directory}}
        return write_config(self.state / "good.yaml", [cluster])

    def test_a_busy_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = self.run_command(
                "serve", f"--config.file={self.good_config()}", f"--web.listen-address={address}"
            )
        self.assert_refused(done, address, "in use")

    def test_an_unwritable_directory(self) -> None:
        (self.state / "file").write_text("no directory")
        (self.state / "read-only").mkdir(mode=0o500)
        unwritable = ["file/backups"] + (["read-only/backups"] if os.geteuid() else ["/proc/none"])
        for directory in unwritable:
            with self.subTest(directory):
                config = self.good_config(directory)
                done = self.run_command(
                    "serve",
                    f"--config.file={config}",
                    f"--web.listen-address=127.0.0.1:{ports.claim(1)[0]}",
                )
                self.assert_refused(done, directory)

    def test_secrets_stay_secret(self) -> None:
        file = self.write(
            "clusters:\n  - name: prod\n    endpoints: ['http://127.0.0.1:1']\n"
            "webhook: {bearer_token_file: token, rules: []}\n"
        )
        done = self.run_command("check-config", file)
        self.assertNotIn("secret-token", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
