"""What is left of a cluster, and restores of it that should be refused."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from restores import Done, Namespace, RestoreTest, ask, place_flags, tree_of
from stages import put
from support import BINARY

from lab import ports
from lab.etcd import Ports
from lab.keys import Gateway

WAL_KEPT = 1 << 20  # of the 64 MB that etcd reserves
LOCK = "etcd-1.restore.lock"
JOURNAL = re.compile(r"etcd-1\.restore-[^/]+\.json")


class MisuseTest(RestoreTest):
    """The data that three members left, of which every test has a copy of the first's; a snapshot
    of them, a later one, and one of another cluster."""

    minor = "3.4"
    pairs: list[Ports]
    left: Path
    snapshot: Path
    later: Path
    foreign: Path
    namespace: Namespace | None = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.pairs = Ports.pairs(ports.claim(6))
        cls.snapshot, cls.later = cls.state / "snapshot.db", cls.state / "later.db"
        cls.foreign = cls.state / "foreign.db"
        cls.cluster = cluster = cls.make_cluster("left", cls.pairs)
        with cluster:
            gateway = Gateway(cluster, cluster.members[0])
            gateway.txn([put(b"lab/%03d" % number, b"value") for number in range(100)])
            ask(cluster, "snapshot", "save", str(cls.snapshot))
            gateway.txn([put(b"lab/000", b"other")])
            ask(cluster, "snapshot", "save", str(cls.later))
            cls.write_more(gateway)
            gateway.close()
        other = cls.start_cluster("other", 1, release=cls.release)
        ask(other, "put", "other", "value")
        ask(other, "snapshot", "save", str(cls.foreign))
        other.stop()
        cls.left = cluster.members[0].data
        for log in (cls.left / "member" / "wal").iterdir():  # the rest is reserved, and empty
            os.truncate(log, WAL_KEPT)

    @classmethod
    def write_more(cls, gateway: Gateway) -> None:
        """What a class needs besides."""

    def setUp(self) -> None:
        super().setUp()
        self.cluster = self.make_cluster(self.id().rpartition(".")[2], self.pairs)
        self.directory = self.cluster.directory
        self.first = self.cluster.members[0]
        self.data = self.first.data
        shutil.copytree(self.left, self.data)
        self.file = self.directory / "plan.json"

    def begin_anew(self) -> None:
        """The next of several trials in one test."""
        shutil.rmtree(self.directory)
        self.setUp()

    def plan(self, snapshot: Path | None = None, *flags: str | Path) -> dict[str, Any]:
        places = place_flags(self.cluster.members)
        made, _ = self.make_plan(snapshot or self.snapshot, self.file, *places, *flags)
        return made

    def restore(self, command: str, *flags: str | Path) -> Done:
        """In the test's mount namespace, if it has one."""
        if self.namespace is None:
            return super().restore(command, *flags)
        return self.namespace.run(BINARY, "restore", command, *flags)

    def enter_namespace(self) -> Namespace:
        if os.geteuid() != 0:
            self.skipTest("only root can mount")
        self.namespace = self.enterContext(Namespace(self.directory.with_suffix(".log")))
        return self.namespace

    def run_first(self, *flags: str | Path) -> Done:
        return self.restore("run", f"--plan={self.file}", "--member=etcd-1", *flags)

    @contextmanager
    def nothing_changes(self) -> Iterator[None]:
        """But for the journal of a run that gave up, and the lock that keeps out a second one."""
        before = tree_of(self.directory)
        yield
        after = dict(tree_of(self.directory))
        for name in after.keys() - before.keys():
            if name != LOCK:
                self.assertRegex(name, JOURNAL)
                journal = json.loads((self.directory / name).read_text())
                self.assertEqual("undone", journal["state"])
                self.assertNotEqual("", journal["error"])
            del after[name]
        self.assertEqual(before, after)

    def assert_run_refused(self, *words: str, flags: tuple[str | Path, ...] = ()) -> None:
        with self.nothing_changes():
            self.assert_refused(self.run_first(*flags), 1, *words)

    def assert_restored(self, *flags: str | Path) -> None:
        """A run succeeds, and keeps the old data as it was."""
        old = tree_of(self.data)
        self.run_plan(self.file, "etcd-1", *flags)
        [kept] = self.directory.glob("etcd-1.pre-restore-*")
        self.assertEqual(old, tree_of(kept))
        self.assertTrue((self.data / "member" / "snap" / "db").exists())
        self.assertEqual([], self.unfinished())

    def unfinished(self) -> list[Path]:
        """New data that has not taken its place."""
        return [path for path in self.directory.glob("etcd-1.restore-*") if path.is_dir()]

    def journals(self) -> list[dict[str, Any]]:
        """The newest last."""
        paths = sorted(self.directory.glob("etcd-1.restore-*.json"))
        return [json.loads(path.read_text()) for path in paths]

    def changed(self, name: str, start: int, size: int | None = None) -> Path:
        """A copy of the snapshot with a bit flipped there, or cut to the size."""
        data = bytearray(self.snapshot.read_bytes())
        data[start] ^= 1
        path = self.directory / name
        path.write_bytes(data[:size])
        return path
