#!/usr/bin/env -S python3 -B
"""Do three members live on data directories that we wrote from a snapshot, and have all it had?"""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path
from typing import Any

from stages import PASSWORD, delete, put
from support import BINARY
from versions import VersionTest, for_every_minor

from lab import ports, web
from lab.etcd import EtcdCluster, EtcdMember, Ports
from lab.keys import Gateway
from lab.process import environment
from lab.waiting import LabError

PROGRAM = Path(
    os.environ.get(
        "WARDEN_DIRECTORY_WRITER", BINARY.parent / "tests" / "integration" / "restore_directory"
    )
).resolve()
BUMP = 1_000_000
LOG_BYTES = 64_000_000
READ_ALL = ("get", "", "--prefix", "-w", "json")


def write_directory(**settings: Any) -> dict[str, Any]:
    """What the program says."""
    argv = [PROGRAM, json.dumps(settings)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(), check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def ask(cluster: EtcdCluster, *arguments: str, member: EtcdMember | None = None) -> str:
    """etcdctl, with one member: a user's token is good where it was made."""
    asked = member or cluster.members[0]
    return cluster.etcdctl(*arguments, endpoints=[asked.client_url])


def records_at(
    cluster: EtcdCluster, revision: int = 0, member: EtcdMember | None = None
) -> list[dict[str, Any]]:
    """Every key as it was then; 0 stands for now."""
    answer = json.loads(ask(cluster, *READ_ALL, f"--rev={revision}", member=member))
    records: list[dict[str, Any]] = answer.get("kvs", [])
    return records


def hashes_at(cluster: EtcdCluster, revision: int) -> set[int]:
    hashkv = ("endpoint", "hashkv", f"--rev={revision}", "-w", "json")
    answers = [json.loads(ask(cluster, *hashkv, member=member)) for member in cluster.members]
    return {answer["HashKV"]["hash"] for [answer] in answers}


def revision_of(cluster: EtcdCluster) -> int:
    return int(json.loads(ask(cluster, *READ_ALL))["header"]["revision"])


class RestoredDirectories(VersionTest):
    """A snapshot of three members with all that a restore must not lose, and a NOSPACE alarm that
    it has to."""

    snapshot: Path
    history: dict[int, list[dict[str, Any]]]
    compacted: int
    revision: int
    hash: int
    leases: list[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(release=cls.release)
        gateway = Gateway(cls.cluster, cls.cluster.members[0])
        names = [b"open/%03d" % number for number in range(60)]
        for _ in range(3):
            gateway.txn([put(name, os.urandom(3_000)) for name in names])
        gateway.txn([delete(name) for name in names[:20]])
        leases = [gateway.grant_lease(3_600) for _ in range(2)]
        cls.compacted = gateway.txn([put(b"leased", b"value", leases[0])])
        for number in range(30):
            gateway.txn([put(names[number], b"%d" % number), put(b"shut/x", b"%d" % number)])
        gateway.txn([delete(name) for name in names[10:15]])
        gateway.compact(cls.compacted)
        gateway.close()
        cls.revision = revision_of(cls.cluster)
        cls.leases = sorted(f"{int(lease):016x}" for lease in leases)
        etcdctl = cls.cluster.etcdctl
        cls.history = {
            revision: records_at(cls.cluster, revision)
            for revision in range(cls.compacted, cls.revision + 1)
        }
        [cls.hash] = hashes_at(cls.cluster, cls.revision)
        body = json.dumps({"action": "ACTIVATE", "memberID": "26", "alarm": "NOSPACE"}).encode()
        url = f"{cls.cluster.endpoints[0]}/v3/maintenance/alarm"
        if (answer := web.request(url, "POST", body)).status != 200:
            raise LabError(f"the alarm was not raised: {answer.status} {answer.text}")
        for user in ("root", "reader"):
            etcdctl("user", "add", f"{user}:{PASSWORD}")
        etcdctl("role", "add", "reader")
        etcdctl("role", "grant-permission", "reader", "read", "open/", "--prefix=true")
        etcdctl("user", "grant-role", "reader", "reader")
        etcdctl("role", "add", "root")
        etcdctl("user", "grant-role", "root", "root")
        etcdctl("auth", "enable")
        cls.cluster.user = f"root:{PASSWORD}"
        cls.snapshot = cls.state / "snapshot.db"
        [url, *_] = cls.cluster.endpoints
        etcdctl("snapshot", "save", str(cls.snapshot), endpoints=[url])
        cls.cluster.stop()

    def restore(self, name: str, **more: Any) -> EtcdCluster:
        """Three members that were not started yet; the log of the last lies elsewhere."""
        pairs = Ports.pairs(ports.claim(6))
        cluster = EtcdCluster(self.state / name, pairs, release=self.release)
        cluster.user = f"root:{PASSWORD}"
        cluster.directory.mkdir(parents=True, exist_ok=True)
        for member in cluster.members:
            parts = (flag.partition("=") for flag in member.argv)
            flags = {flag: value for flag, _, value in parts}
            settings = {
                "snapshot": str(self.snapshot),
                "path": str(member.data),
                "initial_cluster": flags["--initial-cluster"],
                "token": flags["--initial-cluster-token"],
                "name": member.name,
                "target": self.minor,
            } | more
            if member is cluster.members[-1]:
                settings["wal_dir"] = f"{member.data}-log"
                self.addCleanup(shutil.rmtree, settings["wal_dir"], ignore_errors=True)
                member.argv.append(f"--wal-dir={settings['wal_dir']}")
            answer = write_directory(**settings)
            self.assertNotIn("error", answer)
            verification = answer["verification"]
            self.assertTrue(verification["ok"], verification)
            self.assertEqual([], verification["warnings"])
            self.assertEqual(self.hash, verification["snapshot_hash"])
            self.assertEqual(self.revision, verification["snapshot_revision"])
            self.assert_like_etcds_own(member)
            self.assertIn("is there already", write_directory(**settings)["error"])
        return cluster

    def assert_like_etcds_own(self, member: EtcdMember) -> None:
        """Names, modes and the size of the log."""
        logs = list(member.data.parent.glob(f"{member.name}*/**/*.wal"))
        self.assertEqual([LOG_BYTES], [log.stat().st_size for log in logs])
        self.assertGreaterEqual(logs[0].stat().st_blocks * 512, LOG_BYTES)
        for path in (member.data, *member.data.rglob("*"), *logs):
            mode = 0o700 if path.is_dir() else 0o600
            self.assertEqual(mode, path.stat().st_mode & 0o777, path)

    def test_members_have_all_that_the_snapshot_had(self) -> None:
        with self.restore("restored") as cluster:
            for member in cluster.members:
                for revision, records in self.history.items():
                    found = records_at(cluster, revision, member)
                    self.assertEqual(records, found, f"{member.name} at {revision}")
            self.assertEqual(self.revision, revision_of(cluster))
            with self.assertRaisesRegex(LabError, "compacted"):
                records_at(cluster, self.compacted - 1)
            self.assertEqual({self.hash}, hashes_at(cluster, self.revision))
            self.assert_lives(cluster)
            # Its history is there to the end.
            self.assertEqual(self.history[self.revision], records_at(cluster, self.revision))

    def test_the_revision_is_raised_if_asked_for(self) -> None:
        with self.restore("raised", bump=BUMP) as cluster:
            self.assertEqual(self.revision + BUMP, revision_of(cluster))
            for member in cluster.members:
                found = records_at(cluster, member=member)
                self.assertEqual(self.history[self.revision], found)
                for revision in (self.compacted, self.revision, self.revision + BUMP - 1):
                    with self.assertRaisesRegex(LabError, "compacted"):
                        records_at(cluster, revision, member)
            ask(cluster, "put", "open/new", "value")
            self.assertEqual(self.revision + BUMP + 1, revision_of(cluster))
            ask(cluster, "del", "open/new")
            self.assert_lives(cluster)

    def assert_lives(self, cluster: EtcdCluster) -> None:
        """No alarm; leases and users as before; every member takes writes, and all know of them,
        before a restart and after it."""
        self.assertEqual("", ask(cluster, "alarm", "list").strip())
        self.assertEqual(3, len(ask(cluster, "member", "list").splitlines()))
        for attempt in ("before", "after"):
            self.assert_leases_and_users(cluster)
            for member in cluster.members:
                key = f"{attempt}/{member.name}"
                ask(cluster, "put", key, "written", member=member)
            for member in cluster.members:
                prefix = ("get", f"{attempt}/", "--prefix", "--keys-only")
                found = ask(cluster, *prefix, member=member)
                self.assertEqual([f"{attempt}/etcd-{n}" for n in (1, 2, 3)], found.split())
            if attempt == "before":
                for member in cluster.members:
                    member.kill()
                cluster.start()
                cluster.wait_healthy()
        self.assertEqual(1, len(hashes_at(cluster, revision_of(cluster))))

    def assert_leases_and_users(self, cluster: EtcdCluster) -> None:
        listed = ask(cluster, "lease", "list").split()
        self.assertEqual(self.leases, sorted(lease for lease in listed if len(lease) == 16))
        attached = [ask(cluster, "lease", "timetolive", lease, "--keys") for lease in self.leases]
        self.assertEqual(1, sum("leased" in line for line in attached), attached)
        root = cluster.user
        try:
            cluster.user = f"reader:{PASSWORD}"
            self.assertIn("open/005", ask(cluster, "get", "open/005"))
            for refused in (("get", "shut/x"), ("put", "open/005", "changed")):
                with self.assertRaisesRegex(LabError, "permission denied"):
                    ask(cluster, *refused)
            cluster.user = "reader:wrong"
            with self.assertRaisesRegex(LabError, "authentication failed"):
                ask(cluster, "get", "open/005")
        finally:
            cluster.user = root


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [RestoredDirectories])


if __name__ == "__main__":
    unittest.main()
