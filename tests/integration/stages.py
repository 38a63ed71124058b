"""One cluster in every stage of its life: snapshots of it, and what it said of itself."""

import base64
import json
import random
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import BINARY
from versions import VersionTest

from lab import ports, web
from lab.etcd import EtcdMember, Ports
from lab.keys import Gateway
from lab.waiting import LabError, wait_until
from lab.warden import Command

PASSWORD = "correct horse"
CERTIFICATE_USER = "etcd-warden"  # whom etcd takes the client's certificate for
TXN_MAX = 100  # operations; etcd takes 128
ODD_KEYS = (
    b"\xff\xfe/odd/key",
    b"\xff",
    b"\x00nul\x00",
    b"line\nbreak\ttab",
    b"\x1b[31mred",
    b"\xc2\x9b31mred",
    b'"quoted"',
    b"back\\slash",
    b" blanks ",
    "/grüße/ключ/key".encode(),
)
LARGE_KEY, EMPTY_KEY = b"/large", b"/empty"


@dataclass(frozen=True)
class Record:
    """A key as a reader sees it."""

    create_revision: int
    mod_revision: int
    version: int
    lease: int
    value: bytes


Records = Mapping[bytes, Record]


def put(key: bytes, value: bytes, lease: str = "0") -> dict[str, Any]:
    """An operation for Gateway.txn, whatever the bytes of the key."""
    return {"request_put": {"key": _encode(key), "value": _encode(value), "lease": lease}}


def delete(key: bytes) -> dict[str, Any]:
    return {"request_delete_range": {"key": _encode(key)}}


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


@dataclass(frozen=True)
class Stage:
    """One moment in the life of the cluster: two snapshots, and what the cluster said of itself."""

    ours: Path  # by etcd-warden
    theirs: Path  # by etcdctl
    saved: Mapping[str, Any]  # what etcd-warden said of its own
    contents: Mapping[str, Any]
    records: Records


class StagedTest(VersionTest):
    """A cluster with TLS; every snapshot is of its own directory."""

    stages: dict[str, Stage]
    past: dict[int, Records]  # before the compaction
    compacted: int
    gateway: Gateway
    random: random.Random

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.stages, cls.past, cls.random = {}, {}, random.Random(1)
        cls.cluster = cls.start_tls_cluster(cls.release)
        cls.gateway = Gateway(cls.cluster, cls.cluster.members[0])
        cls.addClassCleanup(cls.gateway.close)
        wait_until(cls.versions_agree, 30, "the members agree on their versions")
        cls.gateway.txn([put(b"first", b"")])
        cls.take("begun")
        cls.write()
        cls.take("written")
        cls.change()
        cls.take("changed")
        newest = cls.gateway.txn([put(b"lab/last", b"")])
        cls.compacted = newest - 20
        cls.past = {rev: cls.read(rev) for rev in (1, 2, newest // 2, cls.compacted - 1, newest)}
        cls.gateway.compact(cls.compacted)
        cls.take("compacted")
        cls.add_learner()
        cls.take("with a learner")
        [first] = cls.cluster.status(cls.cluster.members[:1]).values()
        cls.raise_alarm(first["header"]["member_id"], "NOSPACE")
        cls.raise_alarm(0, "CORRUPT")
        cls.take("with alarms")
        cls.cluster.etcdctl("alarm", "disarm")
        cls.enable_auth()
        cls.take("with users")
        cls.cluster.etcdctl("del", "lab/00", "--prefix")
        for url in cls.cluster.endpoints:  # not at once: a token is good where it was made
            cls.cluster.etcdctl("defrag", "--command-timeout=30s", endpoints=[url])
        cls.take("defragmented")

    # What happens to the cluster.

    @classmethod
    def write(cls) -> None:
        """Keys of several versions, deleted, created again, with leases, and with strange names."""
        leases = [cls.gateway.grant_lease(3_600) for _ in range(3)]  # one is left without keys
        names = [b"lab/%04d" % number for number in range(3_000)]
        cls.txns([put(name, cls.value()) for name in names])
        for _ in range(3):
            cls.txns([put(name, cls.value()) for name in names[50:90]])
        cls.txns([delete(name) for name in names[60:120]])
        cls.txns([put(name, cls.value()) for name in names[80:100]])
        cls.txns([put(name, cls.value(), leases[0]) for name in names[200:205]])
        cls.txns([put(b"leased/%d" % i, b"x", leases[1]) for i in range(3)])
        cls.txns([put(name, cls.value()) for name in ODD_KEYS])
        cls.gateway.txn([put(LARGE_KEY, cls.random.randbytes(100_000))])
        cls.gateway.txn([put(EMPTY_KEY, b"")])

    @classmethod
    def change(cls) -> None:
        """Some keys become others; some are written, but do not."""
        records = cls.stages["written"].records
        kept = {name: records[name].value for name in (b"lab/0300", b"lab/0301", ODD_KEYS[1])}
        cls.txns([put(name, value) for name, value in kept.items()])
        cls.txns([delete(b"lab/0301"), delete(EMPTY_KEY), delete(ODD_KEYS[0])])
        cls.txns([put(b"lab/0301", kept[b"lab/0301"]), delete(b"lab/2999")])
        cls.txns([put(b"lab/%04d" % number, cls.value()) for number in range(400, 420)])
        cls.txns([put(b"new/%d" % number, cls.value()) for number in range(7)])
        cls.gateway.txn([put(ODD_KEYS[2], b"")])

    @classmethod
    def txns(cls, operations: list[dict[str, Any]]) -> None:
        for start in range(0, len(operations), TXN_MAX):
            cls.gateway.txn(operations[start : start + TXN_MAX])

    @classmethod
    def value(cls) -> bytes:
        return cls.random.randbytes(cls.random.randrange(1_000))

    @classmethod
    def add_learner(cls) -> None:
        [pair] = Ports.pairs(ports.claim(2))
        learner = cls.cluster.add_member("learner", pair, learner=True)
        learner.start()
        wait_until(
            lambda: "learner" in cls.cluster.status(), 30, "the learner answers", watch=[learner]
        )

    @classmethod
    def raise_alarm(cls, member: int, alarm: str) -> None:
        body = {"action": "ACTIVATE", "memberID": str(member), "alarm": alarm}
        url = f"{cls.cluster.endpoints[0]}/v3/maintenance/alarm"
        answer = web.request(url, "POST", json.dumps(body).encode(), trust=cls.trust())
        if answer.status != 200:
            raise LabError(f"the alarm was not raised: {answer.status} {answer.text}")

    @classmethod
    def enable_auth(cls) -> None:
        for arguments in (
            ("role", "add", "reader"),
            ("role", "grant-permission", "reader", "read", "lab/", "--prefix=true"),
            ("user", "add", f"root:{PASSWORD}"),
            ("user", "grant-role", "root", "root"),
            ("user", "add", f"bob:{PASSWORD}"),
            ("user", "grant-role", "bob", "reader"),
            ("user", "add", f"{CERTIFICATE_USER}:{PASSWORD}"),
            ("auth", "enable"),
        ):
            cls.cluster.etcdctl(*arguments)
        cls.cluster.user = f"root:{PASSWORD}"

    # What the cluster says.

    @classmethod
    def take(cls, name: str) -> None:
        """Two snapshots, once every member has applied what was written."""
        written = wait_until(lambda: max(cls.indexes("raftIndex")), 10, "etcd says its index")
        wait_until(
            lambda: min(cls.indexes("raftAppliedIndex")) >= written, 30, "all is applied everywhere"
        )
        contents, records = cls.describe(), cls.read()
        directory = cls.state / name.replace(" ", "-")
        directory.mkdir()
        ours, theirs = directory / "ours.db", directory / "theirs.db"
        [saved] = Command(BINARY).json("snapshot", "save", ours, *cls.cluster.client_flags())
        first = cls.cluster.endpoints[:1]
        cls.cluster.etcdctl("snapshot", "save", str(theirs), endpoints=first)
        cls.stages[name] = Stage(ours, theirs, saved, contents, records)

    @classmethod
    def indexes(cls, name: str) -> list[int]:
        # A learner knows no users, and so answers nobody.
        asked = cls.cluster.members if cls.cluster.user else None
        return [status[name] for status in cls.cluster.status(asked).values()]

    @classmethod
    def trust(cls) -> ssl.SSLContext:
        assert cls.cluster.certificates
        return cls.cluster.certificates.client_context()

    @classmethod
    def version_of(cls, member: EtcdMember) -> dict[str, str]:
        answer = web.request(f"{member.client_url}/version", trust=cls.trust())
        versions: dict[str, str] = answer.json()
        return versions

    @classmethod
    def versions_agree(cls) -> bool:
        wanted = {"etcdcluster"} | ({"storage"} if cls.since("3.6") else set())
        said = [cls.version_of(member) for member in cls.cluster.members]
        return all(each.get(name) == f"{cls.minor}.0" for each in said for name in wanted)

    @classmethod
    def ask(cls, *arguments: str) -> dict[str, Any]:
        first = cls.cluster.endpoints[:1]
        answer = cls.cluster.etcdctl(*arguments, "-w", "json", endpoints=first)
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """What the cluster holds besides keys, in the words of etcd-warden."""
        members = [
            {
                "id": f"{each['ID']:x}",
                "name": each["name"],
                "peer_urls": each["peerURLs"],
                "client_urls": each["clientURLs"],
                "is_learner": each.get("isLearner", False),
            }
            for each in cls.ask("member", "list")["members"]
        ]
        alarms = [
            {
                "member_id": f"{each.get('memberID', 0):x}",
                "alarm": {1: "NOSPACE", 2: "CORRUPT"}[each["alarm"]],
            }
            for each in cls.ask("alarm", "list").get("alarms") or []
        ]
        auth = {
            "enabled": cls.cluster.user is not None,
            "users": cls.ask("user", "list").get("users") or [],
            "roles": cls.ask("role", "list").get("roles") or [],
        }
        if cls.since("3.5"):
            status = cls.ask("auth", "status")
            auth |= {"enabled": status.get("enabled", False), "revision": status["authRevision"]}
        version = cls.version_of(cls.cluster.members[0])
        return {
            "members": sorted(members, key=lambda each: str(each["id"])),
            "alarms": sorted(alarms, key=str),  # etcd has no order
            "auth": auth,
            "leases": len(cls.ask("lease", "list").get("leases") or []),
            "cluster_version": version["etcdcluster"],
            "storage_version": version.get("storage", ""),
            "revision": cls.ask("get", "a")["header"]["revision"],
        }

    @classmethod
    def read(cls, revision: int = 0) -> Records:
        """Every key at the revision, by default the newest."""
        found = cls.ask("get", "", "--prefix", f"--rev={revision}").get("kvs") or []
        return {
            base64.b64decode(each["key"]): Record(
                each["create_revision"],
                each["mod_revision"],
                each["version"],
                each.get("lease", 0),
                base64.b64decode(each.get("value", "")),
            )
            for each in found
        }
