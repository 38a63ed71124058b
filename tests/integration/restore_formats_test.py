#!/usr/bin/env -S python3 -B
"""Are the small files and the ids of a restore what etcd's own tools make of the same snapshot, and
do members of every version live on them?"""

import json
import os
import subprocess
import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support import BINARY
from versions import VersionTest, for_every_minor

from lab import ports, web
from lab.etcd import EtcdCluster, EtcdMember, Ports
from lab.process import environment
from lab.waiting import LabError

FORMATS = Path(
    os.environ.get("WARDEN_FORMATS", BINARY.parent / "tests" / "integration" / "restore_formats")
).resolve()
TOKEN = "the token"
ME = "me=http://127.0.0.1:2380"
THREE = "m1=http://127.0.0.1:2381,me=http://127.0.0.1:2380,m3=http://127.0.0.1:2383"
BUMP = 1000
LOG_BYTES = 64_000_000
Buckets = dict[str, dict[bytes, bytes]]

# Besides ME; etcd keeps some of these URLs in another spelling, or orders them anew.
ACCEPTED = (
    "",
    ",,a=http://h:1,",
    "a=HTTPS://h:1",
    "a=http://Host.Example.:1,b=http://host.example:1",
    "a=http://h:02380",
    "a= http://h:1\t",
    "a=http://[::1]:1,b=http://[FD00::0A]:1",
    "a=http://h:2,b=http://h:3,a=http://h:10,a=https://h:2",
    "me=http://127.0.0.1:1",
    "me=https://127.0.0.1:9",
    "a=unix:///run/Peer_1/x.sock,b=unixs:///run/y.sock:1",
    "a b=http://h:1,\u00e9=http://h:2,A=http://h:3",
    ",".join(f"n{number}=http://10.0.0.{number}:2380" for number in range(1, 20)),
)
REFUSED = (
    "a",
    "a=",
    "a=h:1",
    "a=ftp://h:1",
    "a=http://h",
    "a=http://[::1]",
    "a=http://h:x",
    "a=http://h:1/",
    "a=http://h:1/raft",
    "a=http://h:1,http://h:2",
    "a=http://h:1,a=http://h:1",
    "a=http://h:1,b=HTTP://h:1",
)
# Which etcd's tools take; 3.4 knows no socket that is a path.
REFUSED_BY_US_ONLY = (
    "=http://h:1",
    "a=http://h:1, b=http://h:2",
    "a=http://h:",
    "a=http://h:65536",
    "a=http://h:1?x=y",
    "a=http://me:secret@h:1",
    "a=http://h:1,b=http://H:1",
    "a=unix://relative",
)


def formats(**settings: Any) -> dict[str, Any]:
    """What the program says."""
    argv = [FORMATS, json.dumps(settings)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(), check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def buckets_of(answer: Mapping[str, Any]) -> Buckets:
    return {
        name: {bytes.fromhex(key): bytes.fromhex(value) for key, value in entries.items()}
        for name, entries in answer["buckets"].items()
    }


def fields(message: bytes) -> dict[int, list[int | bytes]]:
    """The fields of a Protobuf message, by their numbers."""

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    found: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(message):
        tag = varint()
        value: int | bytes = varint()
        if tag & 7 == 2:
            at += (length := int(value))
            value = message[at - length : at]
        found.setdefault(tag >> 3, []).append(value)
    return found


def taken_apart(snap: bytes) -> tuple[bytes, dict[str, Any]]:
    """The metadata of a .snap file, and its store less what we do not write: the event history and
    the counters. (Whether its checksum is right, etcd says when it starts.)"""
    [snapshot] = fields(snap)[2]
    assert isinstance(snapshot, bytes)
    [[store], [metadata]] = (fields(snapshot)[number] for number in (1, 2))
    assert isinstance(store, bytes) and isinstance(metadata, bytes)
    kept = ("Root", "CurrentIndex", "CurrentVersion")
    return metadata, {name: json.loads(store)[name] for name in kept}


def without_indices(node: Any) -> Any:
    """A node of the store without its place in the order, which is any since 3.6."""
    if not isinstance(node, dict):
        return node
    left = {name: without_indices(child) for name, child in node.items()}
    return {name: left[name] for name in left.keys() - {"CreatedIndex", "ModifiedIndex"}}


class Formats(VersionTest):
    """Snapshots of one member, restored by the tool of this version and by us."""

    plain: Path
    alarmed: Path
    records: list[dict[str, Any]]
    hash: int

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(size=1, release=cls.release)
        etcdctl = cls.cluster.etcdctl
        for number in range(20):
            etcdctl("put", f"key/{number % 7}", f"value {number}")
        etcdctl("del", "key/3")
        lease = etcdctl("lease", "grant", "3600").split()[1]
        etcdctl("put", "leased", "value", f"--lease={lease}")
        etcdctl("compact", "9", "--physical=true")
        cls.records, revision = cls.read(cls.cluster)
        [cls.hash] = cls.hashes(cls.cluster, revision)
        cls.plain = cls.save("plain.db")
        body = json.dumps({"action": "ACTIVATE", "memberID": "26", "alarm": "NOSPACE"}).encode()
        url = f"{cls.cluster.endpoints[0]}/v3/maintenance/alarm"
        if (answer := web.request(url, "POST", body)).status != 200:
            raise LabError(f"the alarm was not raised: {answer.status} {answer.text}")
        cls.alarmed = cls.save("alarmed.db")
        cls.cluster.stop()

    @classmethod
    def save(cls, name: str) -> Path:
        cls.cluster.etcdctl("snapshot", "save", str(cls.state / name))
        return cls.state / name

    @staticmethod
    def read(cluster: EtcdCluster) -> tuple[list[dict[str, Any]], int]:
        """Every key as it is now, and the revision."""
        read = json.loads(cluster.etcdctl("get", "", "--prefix", "-w", "json"))
        return read["kvs"], read["header"]["revision"]

    @staticmethod
    def hashes(cluster: EtcdCluster, revision: int) -> set[int]:
        answers = json.loads(
            cluster.etcdctl("endpoint", "hashkv", f"--rev={revision}", "-w", "json")
        )
        return {answer["HashKV"]["hash"] for answer in answers}

    def ours(self, text: str, name: str = "me", token: str = TOKEN, **more: Any) -> dict[str, Any]:
        settings = {"initial_cluster": text, "token": token, "name": name, "target": self.minor}
        return formats(**settings | more)

    def theirs(
        self,
        text: str,
        urls: Sequence[str] = ("http://127.0.0.1:2380",),
        token: str = TOKEN,
        snapshot: Path | None = None,
        flags: Sequence[str] = (),
    ) -> Path:
        """The data directory that the tool makes of a snapshot for the member "me"."""
        directory = self.state / f"restored-{len(list(self.state.path.glob('restored-*')))}"
        self.release.snapshot(
            "restore", snapshot or self.plain,
            "--name=me",
            f"--data-dir={directory}",
            f"--initial-cluster={text}",
            f"--initial-cluster-token={token}",
            f"--initial-advertise-peer-urls={','.join(urls)}",
            *flags,
        )  # fmt: skip
        [log] = (directory / "member" / "wal").iterdir()
        self.assertEqual(LOG_BYTES, log.stat().st_size)
        os.truncate(log, 1 << 20)
        return directory / "member"

    def test_the_log_is_the_tools_to_the_last_byte(self) -> None:
        for others in ACCEPTED:
            if "unix" in others and not self.since("3.5"):
                continue
            with self.subTest(others):
                text = f"{ME},{others}"
                ours = self.ours(text)
                self.assertNotIn("error", ours)
                [urls] = (each["peer_urls"] for each in ours["members"] if each["name"] == "me")
                theirs = (self.theirs(text, urls) / "wal" / ours["wal_name"]).read_bytes()
                wal = bytes.fromhex(ours["wal"])
                self.assertEqual(wal, theirs[: len(wal)])
                self.assertFalse(theirs[len(wal) :].strip(b"\0"))
                self.assertEqual(LOG_BYTES, ours["wal_bytes"])

    def test_what_is_no_cluster_is_refused(self) -> None:
        for others in REFUSED:
            with self.subTest(others):
                self.assertIn("error", self.ours(f"{ME},{others}"))
                with self.assertRaises(LabError):
                    self.theirs(f"{ME},{others}")

    def test_what_only_the_tool_takes(self) -> None:
        for others in REFUSED_BY_US_ONLY:
            if "unix" in others and not self.since("3.5"):
                continue
            with self.subTest(others):
                self.assertIn("error", self.ours(f"{ME},{others}"))
                self.assertTrue(self.theirs(f"{ME},{others}").exists())
        self.assertIn("token", self.ours(ME, token="")["error"])
        self.assertTrue(self.theirs(ME, token="").exists())

    def test_the_snap_file_says_the_same(self) -> None:
        for text in (ME, THREE):
            with self.subTest(text):
                ours = self.ours(text)
                theirs = self.theirs(text) / "snap" / ours["snap_name"]
                our_metadata, our_store = taken_apart(bytes.fromhex(ours["snap"]))
                their_metadata, their_store = taken_apart(theirs.read_bytes())
                self.assertEqual(their_metadata, our_metadata)
                if self.since("3.6"):
                    our_store = without_indices(our_store)
                    their_store = without_indices(their_store)
                self.assertEqual(their_store, our_store)

    def test_the_database_holds_the_same_but_for_what_is_known(self) -> None:
        voters = [int(each["id"], 16) for each in self.ours(THREE)["members"]]
        state = json.dumps({"voters": voters, "auto_leave": False}, separators=(",", ":")).encode()
        bumps = [0, BUMP] if self.since("3.5") else [0]  # 3.4.27 and later have it, too
        for snapshot, bump in ((each, n) for each in (self.plain, self.alarmed) for n in bumps):
            with self.subTest(snapshot, bump=bump):
                more: dict[str, Any] = {"database": str(snapshot)}
                flags = [f"--bump-revision={bump}", "--mark-compacted"] if bump else []
                restored = self.theirs(THREE, snapshot=snapshot, flags=flags)
                theirs = buckets_of(formats(database=str(restored / "snap" / "db")))
                more |= {"bump": bump} if bump else {}
                ours = buckets_of(self.ours(THREE, keep_alarms=True, **more))
                if self.since("3.5"):
                    self.assertNotEqual(state, theirs["meta"][b"confState"])
                    theirs["meta"][b"confState"] = state
                else:
                    # The bug of 3.4's tool: the old member stays.
                    self.assertEqual(1, len(theirs["members"]))
                    self.assertEqual(3, len(ours["members"]))
                    theirs["members"] = ours["members"]
                self.assertEqual(theirs, ours)
                # As long as nobody asks for them, the alarms go.
                self.assertEqual(int(snapshot == self.alarmed), len(theirs["alarm"]))
                theirs["alarm"] = {}
                self.assertEqual(theirs, buckets_of(self.ours(THREE, **more)))

    def new_cluster(self, name: str) -> tuple[EtcdCluster, str, str]:
        """Three members that were not started yet, their topology, and the token."""
        pairs = Ports.pairs(ports.claim(6))
        cluster = EtcdCluster(self.state / name, pairs, release=self.release)
        parts = (flag.partition("=") for flag in cluster.members[0].argv)
        flags = {name: value for name, _, value in parts}
        return cluster, flags["--initial-cluster"], flags["--initial-cluster-token"]

    def write_files(self, member: EtcdMember, ours: Mapping[str, Any]) -> None:
        """The log and the .snap, in place of what is there."""
        for folder, name, content in (
            ("wal", ours["wal_name"], ours["wal"]),
            ("snap", ours["snap_name"], ours["snap"]),
        ):
            file = member.data / "member" / folder / name
            file.unlink(missing_ok=True)
            file.write_bytes(bytes.fromhex(content))
            file.chmod(0o600)
            # One member's log is as long as its records; etcd accepts that as well.
            if folder == "wal" and member.name != "etcd-1":
                os.truncate(file, ours["wal_bytes"])

    def assert_lives(self, cluster: EtcdCluster, ours: Mapping[str, Any]) -> None:
        """Its ids are ours; every member takes writes, and all know of them, before a restart and
        after it."""
        status = cluster.status()
        self.assertEqual(
            {each["name"]: int(each["id"], 16) for each in ours["members"]},
            {name: each["header"]["member_id"] for name, each in status.items()},
        )
        self.assertEqual(
            {int(ours["cluster_id"], 16)},
            {each["header"]["cluster_id"] for each in status.values()},
        )
        for attempt in ("before", "after"):
            for member in cluster.members:
                key = f"{attempt}/{member.name}"
                cluster.etcdctl("put", key, "written", endpoints=[member.client_url])
            for member in cluster.members:
                found = cluster.etcdctl(
                    "get", f"{attempt}/", "--prefix", "--keys-only", endpoints=[member.client_url]
                )
                self.assertEqual([f"{attempt}/etcd-{n}" for n in (1, 2, 3)], found.split())
            if attempt == "before":
                for member in cluster.members:
                    member.kill()
                cluster.start()
                cluster.wait_healthy()
        _, revision = self.read(cluster)
        self.assertEqual(1, len(self.hashes(cluster, revision)))

    def test_three_members_live_on_our_log_and_snap_file(self) -> None:
        cluster, topology, token = self.new_cluster("files")
        cluster.restore(self.plain)
        for member in cluster.members:
            ours = self.ours(topology, member.name, token)
            self.write_files(member, ours)
        with cluster:
            records, revision = self.read(cluster)
            self.assertEqual(self.records, records)
            self.assertEqual({self.hash}, self.hashes(cluster, revision))
            self.assert_lives(cluster, ours)

    def test_three_members_live_on_nothing_of_the_tools(self) -> None:
        """With alarms in the snapshot, and the revision raised."""
        cluster, topology, token = self.new_cluster("database")
        for member in cluster.members:
            for folder in ("snap", "wal"):
                (member.data / "member" / folder).mkdir(mode=0o700, parents=True)
            member.data.chmod(0o700)
            (member.data / "member").chmod(0o700)
            ours = self.ours(
                topology,
                member.name,
                token,
                database=str(self.alarmed),
                output=str(member.data / "member" / "snap" / "db"),
                bump=BUMP,
            )
            self.write_files(member, ours)
        with cluster:
            records, revision = self.read(cluster)
            self.assertEqual(self.records, records)
            newest = max(record["mod_revision"] for record in records)
            self.assertEqual(newest + BUMP, revision)
            with self.assertRaisesRegex(LabError, "compacted"):
                cluster.etcdctl("get", "key/1", f"--rev={newest}")
            self.assertEqual("", cluster.etcdctl("alarm", "list").strip())
            members = json.loads(cluster.etcdctl("member", "list", "-w", "json"))["members"]
            self.assertEqual(3, len(members))
            self.assert_lives(cluster, ours)


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Formats])


if __name__ == "__main__":
    unittest.main()
