#!/usr/bin/env -S python3 -B
"""Does etcd take a database that we wrote page by page for its own?"""

import json
import os
import random
import subprocess
import unittest
from pathlib import Path
from typing import Any

from stages import delete, put
from support import BINARY
from versions import VersionTest, for_every_minor

from lab import ports
from lab.etcd import EtcdCluster, Ports
from lab.keys import Gateway
from lab.process import environment

REWRITER = Path(
    os.environ.get("WARDEN_REWRITER", BINARY.parent / "tests" / "integration" / "rewrite_database")
).resolve()
PAGE_SIZES = (1_024, 4_096, 65_536)
KEYS = 3_000
TXN_MAX = 100  # etcd takes 128 operations at most


def rewrite(source: Path, target: Path, page_size: int) -> Path:
    subprocess.run([REWRITER, source, target, str(page_size)], env=environment(), check=True)
    return target


def contents_of(cluster: EtcdCluster) -> tuple[dict[str, str], int]:
    """Every key with its value, as JSON has them, and the revision."""
    read = json.loads(cluster.etcdctl("get", "", "--prefix", "-w", "json"))
    return {each["key"]: each.get("value", "") for each in read["kvs"]}, read["header"]["revision"]


def hash_of(cluster: EtcdCluster, revision: int) -> int:
    answers = json.loads(cluster.etcdctl("endpoint", "hashkv", f"--rev={revision}", "-w", "json"))
    [found] = {answer["HashKV"]["hash"] for answer in answers}
    return int(found)


def value_of(number: int) -> bytes:
    """Of any size that makes a difference to pages; the same for the same number."""
    chosen = random.Random(number)
    sizes = (0, 20, 500, 3_900 + number % 250, 9_000)
    size = 1_000_000 if number % 1_000 == 500 else chosen.choice(sizes)
    return chosen.randbytes(size)


def name_of(number: int) -> bytes:
    return b"rewritten/%05d" % number


class Rewritten(VersionTest):
    """A snapshot of one member, written anew with pages of several sizes."""

    snapshot: Path
    contents: dict[str, str]
    revision: int
    hash: int

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(size=1, release=cls.release)
        gateway = Gateway(cls.cluster, cls.cluster.members[0])
        cls.write(gateway, range(KEYS))
        revision = gateway.txn([delete(name_of(number)) for number in range(100, 190)])
        gateway.compact(revision - 10)
        lease = gateway.grant_lease(3_600)
        gateway.txn([put(b"leased", b"value", lease)])
        gateway.close()
        cls.cluster.etcdctl("role", "add", "reader")
        cls.cluster.etcdctl("user", "add", "bob:password")
        cls.contents, cls.revision = contents_of(cls.cluster)
        cls.hash = hash_of(cls.cluster, cls.revision)
        cls.snapshot = cls.state / "snapshot.db"
        cls.cluster.etcdctl("snapshot", "save", str(cls.snapshot))
        cls.cluster.stop()

    @staticmethod
    def write(gateway: Gateway, numbers: range, shift: int = 0) -> None:
        """A transaction for each megabyte or so, which is as much as etcd takes."""
        batch: list[dict[str, Any]] = []
        size = 0
        for number in numbers:
            value = value_of(number + shift)
            if batch and (len(batch) == TXN_MAX or size + len(value) > 900_000):
                gateway.txn(batch)
                batch, size = [], 0
            batch.append(put(name_of(number), value))
            size += len(value)
        gateway.txn(batch)

    def test_the_tool_finds_the_same_in_it(self) -> None:
        for page_size in PAGE_SIZES:
            with self.subTest(page_size):
                written = rewrite(self.snapshot, self.state / f"{page_size}.db", page_size)
                theirs = self.release.snapshot_status(self.snapshot)
                ours = self.release.snapshot_status(written)
                self.assertEqual(written.stat().st_size, ours["totalSize"])
                self.assertEqual(0, ours["totalSize"] % page_size)
                self.assertEqual(theirs | {"totalSize": ours["totalSize"]}, ours)

    def test_a_member_lives_on_it(self) -> None:
        for page_size in PAGE_SIZES:
            with self.subTest(page_size):
                self.live(page_size)

    def live(self, page_size: int) -> None:
        """Reads all of it; changes, deletes and compacts on its pages; defragments; restarts."""
        pairs = Ports.pairs(ports.claim(2))
        cluster = EtcdCluster(self.state / f"live-{page_size}", pairs, release=self.release)
        cluster.restore(self.snapshot)
        [member] = cluster.members
        database = member.data / "member" / "snap" / "db"
        written = rewrite(database, self.state / f"restored-{page_size}.db", page_size)
        self.assertEqual(0o600, written.stat().st_mode & 0o777)
        written.replace(database)
        with cluster:
            self.assertEqual((self.contents, self.revision), contents_of(cluster))
            self.assertEqual(self.hash, hash_of(cluster, self.revision))
            expected = self.change(cluster)
            self.assertEqual(expected, contents_of(cluster))
            cluster.etcdctl("defrag", "--command-timeout=30s")
            self.assertEqual(expected, contents_of(cluster))
            member.kill()
            member.start()
            cluster.wait_healthy()
            self.assertEqual(expected, contents_of(cluster))
            cluster.etcdctl("put", "after", "a restart")
            self.assertIn("bob", cluster.etcdctl("user", "list"))
            self.assertEqual("1", cluster.etcdctl("lease", "list").split()[1])
        [verified] = self.command.json("snapshot", "verify", database)
        self.assertEqual((2, []), (verified["level"], verified["warnings"]))

    def change(self, cluster: EtcdCluster) -> tuple[dict[str, str], int]:
        """Deletes, changes and adds keys and forgets what was before, so that bbolt has to split
        and to join our pages; a crash in between. What is to be read then."""
        gateway = Gateway(cluster, cluster.members[0])
        for start in range(500, 1_500, TXN_MAX):
            gateway.txn([delete(name_of(number)) for number in range(start, start + TXN_MAX)])
        self.write(gateway, range(1_000, 2_000), shift=KEYS)
        self.write(gateway, range(KEYS, KEYS + 500))
        expected = contents_of(cluster)
        self.assertEqual(len(self.contents), len(expected[0]), "1000 went, 1000 came")
        gateway.compact(expected[1])
        gateway.close()
        cluster.members[0].kill()
        cluster.members[0].start()
        cluster.wait_healthy()
        return expected


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Rewritten])


if __name__ == "__main__":
    unittest.main()
