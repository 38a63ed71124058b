#!/usr/bin/env -S python3 -B
"""Which etcd lives on a snapshot of which? Each class of this file is of the etcd that is started,
with snapshots of its own and of every other minor version."""

import json
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restores import RestoreTest, ask, hashes_at, place_flags, read_all, start_flag
from stages import delete, put
from support import etcd_release
from versions import MINORS, for_every_minor

from lab import ports, web
from lab.etcd import EtcdCluster, Ports
from lab.keys import Gateway
from lab.waiting import wait_until

KEYS = 500
TXN_MAX = 100
SECONDS = 3_600
# Elections within a fraction of a second: nothing here is about time.
FLAGS = ("--heartbeat-interval=50", "--election-timeout=500")


@dataclass(frozen=True)
class Source:
    """A snapshot, and what its cluster said at that moment."""

    file: Path
    records: list[dict[str, Any]]
    revision: int
    hash: int


Identity = tuple[str, dict[str, tuple[str, list[str]]]]


def identity_of(cluster: EtcdCluster) -> Identity:
    """The cluster's id, and the ids and peer URLs of its members by their names."""
    answer = json.loads(ask(cluster, "member", "list", "-w", "json"))
    members = {each["name"]: (f"{each['ID']:x}", each["peerURLs"]) for each in answer["members"]}
    return f"{answer['header']['cluster_id']:x}", members


class Started(RestoreTest):
    """Of this minor version is the etcd that is started, whatever the snapshot is of."""

    sources: dict[str, Source]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        clusters = {
            minor: cls.start_cluster(f"of-{minor}", 1, flags=FLAGS, release=etcd_release(minor))
            for minor in MINORS
        }
        for cluster in clusters.values():
            cls.write(cluster)
        cls.sources = {minor: cls.take(minor, cluster) for minor, cluster in clusters.items()}
        for cluster in clusters.values():
            cluster.stop()

    @classmethod
    def write(cls, cluster: EtcdCluster) -> None:
        """Keys of several versions, deleted ones, a compaction, and a lease."""
        gateway = Gateway(cluster, cluster.members[0])
        names = [b"lab/%03d" % number for number in range(KEYS)]
        for version in range(2):
            for start in range(0, KEYS, TXN_MAX):
                part = names[start : start + TXN_MAX]
                gateway.txn([put(name, b"%d of " % version + name) for name in part])
        gateway.txn([delete(name) for name in names[:50]])
        lease = gateway.grant_lease(SECONDS)
        compacted = gateway.txn([put(b"leased", b"value", lease)])
        gateway.txn([put(name, b"created again") for name in names[:20]])
        gateway.txn([delete(name) for name in names[10:30]])
        gateway.compact(compacted)
        gateway.close()

    @classmethod
    def take(cls, minor: str, cluster: EtcdCluster) -> Source:
        """Once the cluster is of that version: it decides so some seconds after its start."""
        [url] = cluster.endpoints
        wait_until(
            lambda: web.get_json(f"{url}/version")["etcdcluster"] == f"{minor}.0",
            30,
            f"the cluster is of version {minor}",
            watch=cluster.members,
        )
        records, revision = read_all(cluster)
        [found] = hashes_at(cluster, revision)
        file = cls.state / f"{minor}.db"
        ask(cluster, "snapshot", "save", str(file))
        return Source(file, records, revision, found)

    @property
    def possible(self) -> list[str]:
        return [minor for minor in MINORS if MINORS.index(minor) <= MINORS.index(self.minor)]

    def test_one_member(self) -> None:
        for minor in self.possible:
            with self.subTest(snapshot=minor):
                self.assert_lives(self.sources[minor], f"{minor}-as-one", 1)

    def test_three_members(self) -> None:
        for minor in self.possible:
            with self.subTest(snapshot=minor):
                self.assert_lives(self.sources[minor], f"{minor}-as-three", 3)

    def test_what_cannot_be_started(self) -> None:
        if not (impossible := [minor for minor in MINORS if minor not in self.possible]):
            self.skipTest("it takes every snapshot")
        for minor in impossible:
            with self.subTest(snapshot=minor):
                file = self.state / f"{minor}.json"
                done = self.restore(
                    "plan", self.sources[minor].file, "-o", file, f"--etcd-version={self.minor}"
                )
                self.assert_refused(
                    done,
                    1,
                    f"a cluster at {minor} cannot be started with etcd {self.minor}",
                    f"run etcd {minor}, restore a backup from before the upgrade",
                )
                self.assertFalse(file.exists())

    def assert_lives(self, source: Source, name: str, size: int) -> None:
        """It boots with all that the snapshot had, takes writes, and survives what happens to every
        cluster; and it is the one that etcd's own tool would have made."""
        pairs = Ports.pairs(ports.claim(2 * size))
        cluster = self.make_cluster(name, pairs, flags=FLAGS)
        [first, *_] = cluster.members
        file = cluster.directory / "plan.json"
        flags = [
            f"--{flag}={start_flag(first, flag)}"
            for flag in ("initial-cluster", "initial-cluster-token")
        ]
        version = f"--etcd-version={self.minor}"
        plan, _ = self.make_plan(source.file, file, version, *flags, *place_flags(cluster.members))
        self.assertEqual(source.hash, plan["snapshot"]["hash"])
        for member in cluster.members:
            self.run_plan(file, member.name)
        with cluster:
            identity = self.assert_as_in(source, cluster)
            self.assert_check_passes(cluster, file, *(["hash"] if size == 1 else []))
            self.assert_survives(source, cluster)
        stock = self.make_cluster(f"{name}-by-etcd", pairs, flags=FLAGS)
        stock.restore(source.file)
        with stock:
            self.assertEqual(identity, self.assert_as_in(source, stock))

    def assert_as_in(self, source: Source, cluster: EtcdCluster) -> Identity:
        """Keys, revision and hash are the snapshot's on every member."""
        for member in cluster.members:
            found = read_all(cluster, member=member)
            self.assertEqual((source.records, source.revision), found, member.name)
        self.assertEqual({source.hash}, hashes_at(cluster, source.revision))
        return identity_of(cluster)

    def assert_survives(self, source: Source, cluster: EtcdCluster) -> None:
        """Writes, a compaction, a defragmentation and a crash of all members."""
        for member in cluster.members:
            ask(cluster, "put", f"written/{member.name}", "value", member=member)
        ask(cluster, "del", "written/etcd-1")
        records, revision = read_all(cluster)
        self.assertEqual(source.revision + len(cluster.members) + 1, revision)
        # Not to the newest: etcd 3.4 does not hash what it has compacted.
        ask(cluster, "compact", str(revision - 1), "--physical")
        for member in cluster.members:
            ask(cluster, "defrag", member=member)
            member.kill()
        cluster.start()
        cluster.wait_healthy()
        for member in cluster.members:
            self.assertEqual((records, revision), read_all(cluster, member=member), member.name)
        self.assertEqual(1, len(hashes_at(cluster, revision)))
        self.assert_compacted(cluster, revision - 2)


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Started])


if __name__ == "__main__":
    unittest.main()
