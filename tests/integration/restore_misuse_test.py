#!/usr/bin/env -S python3 -B
"""What can go wrong around a restore: is it refused, is it said what to do, and is the old data
untouched? With etcd 3.4, which every machine has; what is refused is the same for all."""

import fcntl
import json
import shutil
import socket
import subprocess
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from misused import LOCK, MisuseTest
from restores import ask, place_flags, tool_of
from support import BINARY

from lab import ports
from lab.etcd import Ports
from lab.process import environment
from lab.waiting import wait_until

MEMBERS_KNOWN = "he plan has etcd-1="


class Snapshots(MisuseTest):
    def damaged(self) -> dict[str, Path]:
        """Files that are not what was taken."""
        size = self.snapshot.stat().st_size
        at = self.snapshot.read_bytes().index(b"lab/042")
        return {
            "cut to half": self.changed("half.db", at, size // 2),
            "cut by a byte": self.changed("byte.db", size - 1, size - 1),
            "cut to nothing": self.changed("nothing.db", 0, 0),
            "a bit of a key": self.changed("key.db", at),
            "a bit of a page": self.changed("page.db", (at & ~0xFFF) + 10),
            "a bit of the digest": self.changed("digest.db", size - 1),
        }

    def test_a_damaged_one_has_no_plan(self) -> None:
        for name, path in self.damaged().items():
            with self.subTest(name), self.nothing_changes():
                flags = [f"--output={self.file}", *place_flags(self.cluster.members)]
                self.assert_refused(self.restore("plan", path, *flags), 1, str(path))
        missing = self.directory / "missing.db"
        self.assert_refused(self.restore("plan", missing, "-o", self.file), 1, str(missing))

    def test_one_that_was_damaged_on_its_way(self) -> None:
        self.plan()
        for name, path in self.damaged().items():
            for tool in ([], [f"--with-tool={tool_of(self.release)}"]):
                with self.subTest(name, tool=tool):
                    self.assert_run_refused(flags=(f"--snapshot={path}", *tool))
        self.assert_restored()

    def test_another_one(self) -> None:
        self.plan()
        for other in (self.later, self.foreign):
            self.assert_run_refused(str(other), flags=(f"--snapshot={other}",))
        missing = self.directory / "missing.db"
        self.assert_run_refused(str(missing), flags=(f"--snapshot={missing}",))

    def test_the_same_one_with_another_name(self) -> None:
        self.plan()
        copy = self.directory / "copied to this machine.db"
        shutil.copy(self.snapshot, copy)
        self.assert_restored(f"--snapshot={copy}")
        [journal] = self.journals()
        self.assertEqual(("done", str(copy)), (journal["state"], journal["snapshot"]))

    def test_one_of_another_cluster(self) -> None:
        [pair] = Ports.pairs(ports.claim(2))
        member = f"etcd-1=http://127.0.0.1:{pair.peer}"
        self.make_plan(
            self.foreign, self.file, f"--initial-cluster={member}", f"--data-dir={self.data}"
        )
        self.assert_run_refused("is of another cluster: none of its members", "--ignore cluster")
        self.assert_restored("--ignore=cluster")

    def test_one_of_a_cluster_that_was_never_complete(self) -> None:
        """Until every member has answered once, etcd says that the cluster is of 3.0."""
        young = self.make_cluster(f"{self.directory.name}/young", Ports.pairs(ports.claim(6)))
        for member in young.members[:2]:
            self.enterContext(member)
        taken = self.directory / "taken.db"
        wait_until(lambda: ask(young, "put", "young", "value"), 30, "there is a leader")
        ask(young, "snapshot", "save", str(taken))
        done = self.restore("plan", taken, "-o", self.file)
        self.assert_refused(done, 2, "--etcd-version")
        plan, _ = self.make_plan(taken, self.file, "--etcd-version=3.4")
        self.assertEqual("3.0.0", plan["snapshot"]["cluster_version"])


class Plans(MisuseTest):
    def edited(self, change: Callable[[dict[str, Any]], object]) -> Path:
        plan = json.loads(self.file.read_text())
        change(plan)
        path = self.directory / "edited.json"
        path.write_text(json.dumps(plan))
        return path

    def test_one_that_was_edited(self) -> None:
        self.plan()
        other = {"data_dir": str(self.directory / "elsewhere")}
        for words, change in (
            ("it was changed after it was made", lambda plan: plan["snapshot"].update(keys=1)),
            ("make a new one", lambda plan: plan["cluster"]["members"][0].update(other)),
            ("make a new one", lambda plan: plan.update(bump_revision={"from": 1, "by": 5})),
            ("make a new one", lambda plan: plan.update(digest="0" * 64)),
            ("use that version", lambda plan: plan.update(schema=2)),
            ("digest", lambda plan: plan.pop("digest")),
        ):
            with self.subTest(words):
                path = self.edited(change)
                with self.nothing_changes():
                    done = self.restore("run", f"--plan={path}", "--member=etcd-1")
                    self.assert_refused(done, 2, str(path), words)
        for text in ("", "{", "[]", self.file.read_text()[:-40]):
            path.write_text(text)
            with self.subTest(text[:10]), self.nothing_changes():
                done = self.restore("run", f"--plan={path}", "--member=etcd-1")
                self.assert_refused(done, 2, str(path))
        # Its spaces are nobody's business.
        self.file = self.edited(lambda plan: None)
        self.assert_restored()

    def test_flags_of_plan(self) -> None:
        self.file.write_text("another plan")
        there = self.directory / "there.json"
        output = f"--output={there}"
        places = place_flags(self.cluster.members)
        for code, words, flags in (
            (2, "give an absolute path", ["--data-dir=etcd", output]),
            (2, "give an absolute path", ["--data-dir=etcd-1=../etcd", output]),
            (2, "none of the members", ["--data-dir=etcd-9=/x", *places, output]),
            (2, "given twice", [*places, *places, output]),
            (2, "is there already", [*places, f"--output={self.file}"]),
            (1, "/nowhere/", [*places, "--output=/nowhere/plan.json"]),
            (1, str(self.file), [*places, f"--output={self.file}/plan.json"]),
            (2, "from 1 on", [*places, output, "--bump-revision=0"]),
            (2, "--bump-revision",
             [*places, output, "--bump-revision=none", "--mark-compacted"]),
            (2, "is not NAME=URL", [*places, output, "--initial-cluster=one"]),
            (2, "2.3", [*places, output, "--etcd-version=2.3"]),
            (2, "mixed up", ["--data-dir=/x", "--wal-dir=/x", output]),
            (2, "mixed up", ["--data-dir=/x/etcd", "--wal-dir=/x", output]),
            (2, "mixed up", ["--data-dir=/x", "--wal-dir=/x/member", output]),
        ):  # fmt: skip
            there.unlink(missing_ok=True)  # of what was wrongly planned
            with self.subTest(words, flags=flags), self.nothing_changes():
                self.assert_refused(self.restore("plan", self.snapshot, *flags), code, words)
        self.assertEqual(2, self.restore("plan").returncode)

    def test_flags_of_run(self) -> None:
        self.plan()
        plan = f"--plan={self.file}"
        for code, words, flags in (
            (2, MEMBERS_KNOWN, [plan, "--member=etcd-9"]),
            (2, MEMBERS_KNOWN, [plan]),
            (2, "only cluster and peers-down can be ignored",
             [plan, "--member=etcd-1", "--ignore=space"]),
            (2, "UID:GID", [plan, "--member=etcd-1", "--owner=etcd:etcd"]),
            (2, "UID:GID", [plan, "--member=etcd-1", "--owner=1"]),
            (2, "either --plan FILE or a snapshot", ["--member=etcd-1"]),
            (2, "either --plan FILE or a snapshot", [plan, "--member=etcd-1", self.snapshot]),
            (2, "make one plan with `restore plan`", [self.snapshot, "--member=etcd-1"]),
            (1, "/nowhere/plan.json", ["--plan=/nowhere/plan.json", "--member=etcd-1"]),
        ):  # fmt: skip
            with self.subTest(words, flags=flags[-1]), self.nothing_changes():
                self.assert_refused(self.restore("run", *flags), code, words)

    def test_relative_paths(self) -> None:
        """Of files that are here; what the plan and the journal name is on other machines, too, or
        is read later."""
        shutil.copy(self.snapshot, self.directory / "here.db")
        places = place_flags(self.cluster.members)
        for arguments in (
            ["plan", "here.db", "-o", "here.json", *places],
            ["run", "--plan=here.json", "--member=etcd-1", "--snapshot=here.db"],
        ):
            done = subprocess.run(
                [BINARY, "restore", *arguments],
                cwd=self.directory,
                capture_output=True,
                text=True,
                env=environment(),
                check=False,
            )
            self.assertEqual(0, done.returncode, done.stderr)
        plan = json.loads((self.directory / "here.json").read_text())
        [journal] = self.journals()
        for found in (plan["snapshot"]["file"], journal["snapshot"]):
            self.assertEqual(str(self.directory / "here.db"), found)

    def test_one_member_needs_no_plan_file(self) -> None:
        alone = f"--initial-cluster=etcd-1={self.first.peer_url}"
        done = self.restore("run", self.snapshot, alone, f"--data-dir={self.data}")
        self.assertEqual(0, done.returncode, done.stderr)
        [kept] = self.directory.glob("etcd-1.restore-plan-*.json")
        self.assertIn(f"the plan is in {kept}", done.stderr)
        done = self.restore("run", f"--plan={kept}")
        self.assert_refused(done, 1, "was carried out here already", "--again")

    def test_nothing_to_undo(self) -> None:
        with self.nothing_changes():
            done = self.restore("undo", f"--data-dir={self.data}")
            self.assert_refused(done, 1, f"no restore of {self.data} is to be undone")


class Members(MisuseTest):
    """What runs while it should not, and the other way round."""

    def listen_as(self, number: int) -> socket.socket:
        return self.enterContext(socket.create_server(("127.0.0.1", self.pairs[number].peer)))

    def is_locked(self) -> bool:
        with (self.data / "member" / "snap" / "db").open("rb") as database:
            try:
                fcntl.flock(database, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def test_an_etcd_on_the_directory(self) -> None:
        self.plan()
        with self.first:
            wait_until(self.is_locked, 30, "etcd has its database", watch=[self.first])
            names = sorted(self.directory.iterdir())
            words = (f"an etcd holds {self.data}/member/snap/db", "stop it first")
            self.assert_refused(self.run_first(), 1, *words)
            lock = self.directory / LOCK
            self.assertEqual(names, sorted({*self.directory.iterdir()} - {lock}))
            self.first.kill()
        self.assert_restored()
        with self.first:
            wait_until(self.is_locked, 30, "etcd has its database", watch=[self.first])
            done = self.restore("undo", f"--data-dir={self.data}")
            self.assert_refused(done, 1, f"an etcd runs on {self.data}", "stop it first")
            self.assert_refused(self.run_first("--again"), 1, "an etcd holds", "stop it first")

    def test_somebody_at_the_peer_url(self) -> None:
        self.plan()
        with self.listen_as(0):
            self.assert_run_refused(self.first.peer_url, "stop the old member first")
            self.assert_run_refused("stop the old member first", flags=("--ignore=peers-down",))
        self.assert_restored()

    def test_another_member_that_runs(self) -> None:
        self.listen_as(1)
        done = self.restore("plan", self.snapshot)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, f"RISK +peers: somebody listens at {self.second_url}")
        self.plan()
        self.assert_run_refused(self.second_url, "stop them first", "--ignore peers-down")
        self.assert_restored("--ignore=peers-down")

    @property
    def second_url(self) -> str:
        return self.cluster.members[1].peer_url

    def test_only_some_are_restored(self) -> None:
        self.plan()
        *some, last = self.cluster.members
        for member in some:
            self.run_plan(self.file, member.name)
        for member in some:
            self.enterContext(member)
        healthy = [member.client_url for member in some]
        wait_until(
            lambda: self.cluster.etcdctl("endpoint", "health", endpoints=healthy) or True,
            30,
            "two members are healthy",
        )
        code, checks = self.check(self.cluster, self.file, wait="1s")
        self.assertEqual(1, code)
        self.assertEqual("failed", checks["members"]["result"])
        for words in ("2 of 3 answer", last.name):
            self.assertIn(words, checks["members"]["found"])
        others = {name: each["result"] for name, each in checks.items() if name != "members"}
        self.assertEqual(dict.fromkeys(others, "ok"), others)


if __name__ == "__main__":
    unittest.main()
