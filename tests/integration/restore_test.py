#!/usr/bin/env -S python3 -B
"""Does a cluster of which nothing is left live again, with all that its last snapshot had?"""

import base64
import json
import os
import shutil
import subprocess
import time
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from restores import (
    RestoreTest,
    Tree,
    ask,
    hashes_at,
    place_flags,
    read_all,
    tool_of,
    tree_of,
    wal_flag,
)
from stages import PASSWORD, delete, put
from support import BINARY, etcd_release
from versions import MINORS, for_every_minor

from lab import ports
from lab.certificates import Certificates
from lab.etcd import EtcdCluster, EtcdMember, Ports
from lab.keys import Gateway
from lab.process import Process, environment
from lab.release import Release
from lab.waiting import LabError, wait_until
from lab.warden import Command

KEYS = 100_000
TXN_MAX = 1_000  # operations; etcd is told to take so many
LEASE_SECONDS = 3_600
LATE_KEYS = 5  # written after the snapshot, and lost
FLAGS = (f"--max-txn-ops={TXN_MAX}",)


def name_of(number: int) -> bytes:
    return b"open/%06d" % number


def etcdctl_of(release: Release) -> str:
    """For what `ask` cannot do."""
    return str(Path(release.server).with_name("etcdctl"))


class Restored(RestoreTest):
    """Three members with TLS that lost their data, each in another way, and two snapshots of the
    same revision: by etcd-warden and by etcdctl. Every test begins with what was left of them."""

    certificates: Certificates
    pairs: list[Ports]
    ours: Path
    theirs: Path
    compacted: int
    revision: int  # of the snapshots
    hash: int
    history: dict[int, list[dict[str, Any]]]  # every key, by revision
    leases: dict[str, list[str]]  # the keys of each
    highest: int  # revision that a watcher saw before the loss

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.certificates = Certificates.create(cls.state / "pki")
        cls.pairs = Ports.pairs(ports.claim(6))
        cls.cluster = cls.make("lost", cls.release)
        with cls.cluster:
            cls.add_and_remove()
            cls.write()
            cls.enable_auth()
            cls.remember()
            cls.write_what_is_lost()
        # What the tests find is linked to it, so that they can tell whether anybody wrote there.
        for member in cls.cluster.members[:2]:
            shutil.rmtree(member.data)
        cls.cluster.members[1].data.mkdir(mode=0o700)
        database = cls.cluster.members[2].data / "member" / "snap" / "db"
        database.write_bytes(os.urandom(100_000))

    @classmethod
    def make(cls, name: str, release: Release) -> EtcdCluster:
        """The cluster in a directory of its own; the second member keeps its log apart."""
        cluster = cls.make_cluster(name, cls.pairs, cls.certificates, FLAGS, release)
        second = cluster.members[1]
        second.argv.append(f"--wal-dir={second.data}-log")
        return cluster

    # The life of the cluster up to its end.

    @classmethod
    def add_and_remove(cls) -> None:
        [pair] = Ports.pairs(ports.claim(2))
        fourth = cls.cluster.add_member("etcd-4", pair)
        with fourth:
            wait_until(lambda: cls.cluster.status([fourth]), 30, "etcd-4 answers", watch=[fourth])
            listed = json.loads(ask(cls.cluster, "member", "list", "-w", "json"))["members"]
            [number] = [each["ID"] for each in listed if each["name"] == "etcd-4"]
            wait_until(
                lambda: ask(cls.cluster, "member", "remove", f"{number:x}"), 30, "it is removed"
            )

    @classmethod
    def write(cls) -> None:
        """Many keys, some of several versions, deleted and created again, and some with leases; a
        compaction; and changes after it, which are the history that has to be kept."""
        gateway = Gateway(cls.cluster, cls.cluster.members[0])

        def put_all(first: int, last: int, value: bytes) -> None:
            for start in range(first, last, TXN_MAX):
                numbers = range(start, min(start + TXN_MAX, last))
                gateway.txn([put(name_of(number), value + b"%d" % number) for number in numbers])

        leases = [gateway.grant_lease(LEASE_SECONDS) for _ in range(3)]  # one has no keys
        put_all(0, KEYS, b"the first value of ")
        put_all(0, 2_000, b"the second value of ")
        put_all(1_000, 2_000, b"the third value of ")
        gateway.txn([delete(name_of(number)) for number in range(500, 1_500)])
        leased = {leases[0]: [b"leased/a", b"leased/b"], leases[1]: [b"leased/c"], leases[2]: []}
        for lease, names in leased.items():
            for name in names:
                gateway.txn([put(name, b"value", lease)])
        cls.leases = {
            f"{int(lease):016x}": [name.decode() for name in names]
            for lease, names in leased.items()
        }
        cls.compacted = gateway.txn([put(name_of(number), b"new") for number in range(900, 1_200)])
        for number in range(20):
            gateway.txn(
                [
                    put(name_of(number), b"changed"),
                    delete(name_of(2_000 + number)),
                    put(name_of(600 + number), b"created again"),
                    put(b"shut/x", b"%d" % number),
                ]
            )
        gateway.compact(cls.compacted)
        gateway.close()

    @classmethod
    def enable_auth(cls) -> None:
        for user in ("root", "reader", "writer"):
            ask(cls.cluster, "user", "add", f"{user}:{PASSWORD}")
        for role, right in (("reader", "read"), ("writer", "readwrite")):
            ask(cls.cluster, "role", "add", role)
            ask(cls.cluster, "role", "grant-permission", role, right, "open/", "--prefix=true")
        ask(cls.cluster, "role", "add", "root")
        for user in ("root", "reader", "writer"):
            ask(cls.cluster, "user", "grant-role", user, user)
        ask(cls.cluster, "auth", "enable")
        cls.cluster.user = f"root:{PASSWORD}"

    @classmethod
    def remember(cls) -> None:
        """What the restored cluster is compared with, and the snapshots."""
        _, cls.revision = read_all(cls.cluster)
        revisions = (cls.compacted, cls.compacted + 7, cls.revision)
        cls.history = {revision: read_all(cls.cluster, revision)[0] for revision in revisions}
        [cls.hash] = hashes_at(cls.cluster, cls.revision)
        cls.ours, cls.theirs = cls.state / "ours.db", cls.state / "theirs.db"
        Command(BINARY).output("snapshot", "save", cls.ours, *cls.cluster.client_flags())
        ask(cls.cluster, "snapshot", "save", str(cls.theirs))

    @classmethod
    def write_what_is_lost(cls) -> None:
        """A watcher sees it, and so knows the highest revision."""
        [url, *_] = cls.cluster.endpoints
        watch = ["watch", "late/", "--prefix", f"--rev={cls.revision + 1}", "-w", "json"]
        flags = cls.cluster.client_flags([url])
        watcher = Process(
            "watcher", [etcdctl_of(cls.release), *watch, *flags], cls.state / "watcher.log"
        )

        def seen() -> list[dict[str, Any]]:
            whole = watcher.log_text().rpartition("\n")[0].splitlines()
            answers = [json.loads(line) for line in whole]
            return [event["kv"] for answer in answers for event in answer.get("Events") or []]

        with watcher:
            for number in range(LATE_KEYS):
                ask(cls.cluster, "put", f"late/{number}", "lost")
            wait_until(lambda: len(seen()) == LATE_KEYS, 30, "all is seen", watch=[watcher])
        cls.highest = max(event["mod_revision"] for event in seen())

    # The restore.

    @contextmanager
    def restored(
        self, snapshot: Path, *flags: str, release: Release | None = None
    ) -> Iterator[tuple[EtcdCluster, dict[str, Any]]]:
        """The cluster that runs again, and its plan. At the end, all of it is undone."""
        chosen = release or self.release
        cluster = self.make(self.id().rpartition(".")[2], chosen)
        cluster.user = self.cluster.user
        shutil.copytree(
            self.cluster.directory,
            cluster.directory,
            copy_function=os.link,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("etcd-4"),
        )
        before = {member.name: self.trees_of(member) for member in cluster.members}
        self.file = cluster.directory / "plan.json"
        plan, said = self.make_plan(snapshot, self.file, *flags, *place_flags(cluster.members))
        self.assertIn(f"at least {self.highest - self.revision} revisions were written", said)
        for member, tool in self.writers(cluster, plan, chosen):
            self.run_plan(self.file, member.name, *([f"--with-tool={tool}"] if tool else []))
        with cluster:
            self.assert_check_passes(cluster, self.file, *self.unchecked(plan))
            yield cluster, plan
        self.assert_done_already(cluster)
        for member in cluster.members:
            self.undo(member.data)
            self.assertEqual(before[member.name], self.trees_of(member), member.name)

    def trees_of(self, member: EtcdMember) -> tuple[Tree, Tree]:
        return tree_of(member.data), tree_of(wal_flag(member) or Path("/nonexistent"))

    def unchecked(self, plan: dict[str, Any]) -> list[str]:
        return ["snapshot-hash"] if plan["bump_revision"] else []

    def writers(
        self, cluster: EtcdCluster, plan: dict[str, Any], release: Release
    ) -> Iterator[tuple[EtcdMember, Path | None]]:
        """Who writes whose directory: etcd's own tool writes that of the last, if it can."""
        *others, last = cluster.members
        for member in others:
            yield member, None
        tool = tool_of(release)
        _, minor, patch = map(int, release.version.split("."))
        if plan["bump_revision"] and patch < {4: 27, 5: 10}.get(minor, 0):
            flags = (f"--plan={self.file}", f"--member={last.name}", f"--with-tool={tool}")
            words = "cannot raise the revision; 3.4.27, 3.5.10 and newer can"
            self.assert_refused(self.restore("run", *flags), 1, words)
            yield last, None
        else:
            yield last, tool

    def assert_done_already(self, cluster: EtcdCluster) -> None:
        """A second run changes nothing, unless it is asked for; it can be undone, too."""
        [first, *_] = cluster.members
        used = tree_of(first.data)
        flags = (f"--plan={self.file}", f"--member={first.name}")
        words = ("this plan was carried out here already", "--again does it once more")
        self.assert_refused(self.restore("run", *flags), 1, *words)
        self.assertEqual(used, tree_of(first.data))
        self.run_plan(self.file, first.name, "--again")
        self.assertNotEqual(used, tree_of(first.data))
        self.undo(first.data)
        self.assertEqual(used, tree_of(first.data))

    # The tests.

    def test_all_that_the_snapshot_had(self) -> None:
        start = time.monotonic()
        highest = f"--highest-revision={self.highest}"
        with self.restored(self.ours, "--bump-revision=none", highest) as (cluster, plan):
            self.assert_facts(plan)
            self.assertIsNone(plan["bump_revision"])
            read_at = zip(cluster.members, self.history.items(), strict=True)
            for member, (revision, records) in read_at:
                found, newest = read_all(cluster, revision, member)
                self.assertTrue(records == found, f"{member.name} differs at {revision}")
                self.assertEqual(self.revision, newest)
            # Which is of every key, and of its history since the compaction.
            self.assertEqual({self.hash}, hashes_at(cluster, self.revision))
            self.assert_compacted(cluster, self.compacted - 1)
            self.assert_lives(cluster, start)
            self.assertTrue(self.history[self.revision] == read_all(cluster, self.revision)[0])

    def test_revisions_above_all_that_were_seen(self) -> None:
        start = time.monotonic()
        flags = ("--bump-revision=auto", f"--highest-revision={self.highest}")
        with self.restored(self.theirs, *flags) as (cluster, plan):
            self.assert_facts(plan)
            bump = plan["bump_revision"]
            self.assertEqual(self.revision, bump["from"])
            for member in cluster.members:
                found, newest = read_all(cluster, member=member)
                self.assertTrue(self.history[self.revision] == found, member.name)
                self.assertEqual(self.revision + bump["by"], newest)
                self.assertGreater(newest, self.highest)
            for revision in (self.compacted, self.revision, self.highest, newest - 1):
                self.assert_compacted(cluster, revision)
                self.assert_watch_ends(cluster, revision)
            ask(cluster, "put", "open/new", "value")
            self.assertEqual(newest + 1, read_all(cluster)[1])
            ask(cluster, "del", "open/new")
            self.assert_lives(cluster, start)

    def test_started_with_the_next_minor(self) -> None:
        if self.minor == MINORS[-1]:
            self.skipTest("there is none")
        start = time.monotonic()
        wanted = MINORS[MINORS.index(self.minor) + 1]
        flags = (f"--etcd-version={wanted}", f"--highest-revision={self.highest}")
        with self.restored(self.ours, *flags, release=etcd_release(wanted)) as (cluster, plan):
            self.assertEqual(wanted, plan["etcd_version"])
            for revision, records in self.history.items():
                self.assertTrue(records == read_all(cluster, revision)[0], revision)
            self.assertEqual({self.hash}, hashes_at(cluster, self.revision))
            self.assert_lives(cluster, start)

    def assert_watch_ends(self, cluster: EtcdCluster, revision: int) -> None:
        """Whoever watched from there is told that it is gone, and sees nothing else."""
        flags = cluster.client_flags(cluster.endpoints[:1])
        argv = [etcdctl_of(cluster.release), "watch", "", "--prefix", f"--rev={revision}", *flags]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=60, env=environment(), check=False
        )
        self.assertEqual("", done.stdout)
        self.assertIn("required revision has been compacted", done.stderr)

    def assert_facts(self, plan: dict[str, Any]) -> None:
        """The plan says what the snapshot has."""
        facts = plan["snapshot"]
        expected = {
            "revision": self.revision,
            "compact_revision": self.compacted,
            "hash": self.hash,
            "keys": len(self.history[self.revision]),
            "leases": len(self.leases),
            "auth_enabled": True,
            "users": 3,
            "removed_members": 1,
        }
        self.assertEqual(expected, {name: facts[name] for name in expected})

    def assert_lives(self, cluster: EtcdCluster, start: float) -> None:
        """The three members, whose leases and users are as before, take writes."""
        listed = json.loads(ask(cluster, "member", "list", "-w", "json"))["members"]
        expected = {member.name: member.peer_url for member in cluster.members}
        self.assertEqual(expected, {each["name"]: each["peerURLs"][0] for each in listed})
        self.assertEqual("", ask(cluster, "alarm", "list").strip())
        self.assert_leases(cluster, start)
        self.assert_users(cluster)
        for member in cluster.members:
            ask(cluster, "put", f"written/{member.name}", "value", member=member)
        for member in cluster.members:
            found = ask(cluster, "get", "written/", "--prefix", "--keys-only", member=member)
            self.assertEqual([f"written/{name}" for name in expected], found.split())
        self.assertEqual(1, len(hashes_at(cluster, read_all(cluster)[1])))

    def assert_leases(self, cluster: EtcdCluster, start: float) -> None:
        """Each with its keys, and its time begins anew: no more of it is gone than has passed since
        the restore."""
        listed = ask(cluster, "lease", "list").split()
        self.assertEqual(sorted(self.leases), sorted(each for each in listed if len(each) == 16))
        answer = ask(cluster, "get", "leased/", "--prefix", "-w", "json")
        leased = [each["lease"] for each in json.loads(answer)["kvs"]]
        for lease, names in self.leases.items():
            answer = ask(cluster, "lease", "timetolive", lease, "--keys", "-w", "json")
            told = json.loads(answer)
            self.assertEqual(LEASE_SECONDS, told["granted-ttl"])
            self.assertGreaterEqual(told["ttl"], LEASE_SECONDS - 1 - (time.monotonic() - start))
            keys = sorted(base64.b64decode(key).decode() for key in told["keys"] or [])
            self.assertEqual(names, keys)
            self.assertEqual(len(names), leased.count(int(lease, 16)))

    def assert_users(self, cluster: EtcdCluster) -> None:
        """They log in with their passwords, and may do what their roles say."""
        read, write = ("get", "open/000000"), ("put", "open/written", "value")
        shut = ("get", "shut/x")
        for user, allowed, forbidden in (
            ("reader", [read], [write, shut]),
            ("writer", [read, write, ("del", "open/written")], [shut]),
            ("root", [read, shut], []),
        ):
            cluster.user = f"{user}:{PASSWORD}"
            for arguments in allowed:
                ask(cluster, *arguments)
            for arguments in forbidden:
                with self.assertRaisesRegex(LabError, "permission denied"):
                    ask(cluster, *arguments)
            cluster.user = f"{user}:wrong"
            with self.assertRaisesRegex(LabError, "authentication failed"):
                ask(cluster, *read)
        cluster.user = self.cluster.user


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Restored])


if __name__ == "__main__":
    unittest.main()
