#!/usr/bin/env -S python3 -B
"""What a machine, a tool and an interruption do to a restore: nothing of it may be left, and the
old data has to be what it was."""

import os
import shutil
import signal
import subprocess
import unittest
from pathlib import Path

from misused import LOCK, MisuseTest
from restores import Namespace, Tree, ask, place_flags, tool_of, tree_of
from stages import put
from support import BINARY

from lab.keys import Gateway
from lab.process import environment
from lab.waiting import wait_until

LARGE = 40  # values of a megabyte
OWNER = 1_234  # nobody's


class Places(MisuseTest):
    def test_no_directory(self) -> None:
        self.plan()
        aside = self.data.rename(self.directory / "aside")
        self.data.write_text("a file")
        self.assert_run_refused(f"{self.data} is no directory")
        self.data.unlink()
        self.data.symlink_to(aside)
        self.assert_run_refused(f"{self.data} is no directory", "name what it points to")

    def test_nothing_around_it(self) -> None:
        far = self.directory / "not" / "there" / "etcd-1"
        self.make_plan(self.snapshot, self.file, f"--data-dir={far}")
        self.assert_run_refused(str(far.parent))

    def test_read_only(self) -> None:
        self.plan()
        namespace = self.enter_namespace()
        namespace.mount("--bind", self.directory, self.directory)
        namespace.mount("-o", "remount,bind,ro", self.directory)
        self.assert_run_refused("Read-only file system")

    def test_no_room(self) -> None:
        namespace = self.enter_namespace()
        small = self.directory / "small"
        small.mkdir()
        namespace.mount_memory(small, "100m")
        shutil.copytree(self.left, namespace.seen(small / "etcd-1"))
        before = tree_of(namespace.seen(small))
        self.make_plan(self.snapshot, self.file, f"--data-dir={small}/etcd-1")
        words = (f"not enough room in {small}", "are needed beside the old data", "move the old")
        self.assert_refused(self.run_first(), 1, *words)
        namespace.seen(small / LOCK).unlink()
        self.assertEqual(before, tree_of(namespace.seen(small)))

    def test_a_mount_point(self) -> None:
        namespace = self.enter_namespace()
        namespace.mount_memory(self.data)
        shutil.copytree(self.left, namespace.seen(self.data), dirs_exist_ok=True)
        self.assert_restored_inside(namespace)

    def test_a_bind_mount(self) -> None:
        """Of the same file system, which is a mount point all the same."""
        namespace = self.enter_namespace()
        elsewhere = self.data.rename(self.directory / "elsewhere")
        self.data.mkdir()
        namespace.mount("--bind", elsewhere, self.data)
        self.assert_restored_inside(namespace)

    def assert_restored_inside(self, namespace: Namespace) -> None:
        """It cannot be renamed: what is in it changes places, and the rest of it stays."""
        seen = namespace.seen(self.data)
        (seen / "lost+found").mkdir()
        before = tree_of(seen)
        self.start_alone()
        self.assertLess(before.keys(), tree_of(seen).keys())
        [kept] = seen.glob("member.pre-restore-*")
        self.assertEqual(tree_of(self.left / "member"), tree_of(kept))
        self.undo(self.data)
        after = tree_of(seen)
        self.assertEqual(before, {name: after[name] for name in before})
        self.assertFalse(kept.exists())

    def test_a_mount_point_inside_of_the_directory(self) -> None:
        """It would go along with the old data, and the new log would lie on another disk."""
        namespace = self.enter_namespace()
        for inner, flags in (
            ("log", [f"--wal-dir=etcd-1={self.data}/log"]),
            ("member/wal", [f"--wal-dir=etcd-1={self.data}/member/wal"]),
            ("member/snap", []),
        ):
            self.begin_anew()
            path = self.data / inner
            path.mkdir(exist_ok=True)
            namespace.mount_memory(path, "200m")
            self.plan(None, *flags)
            before = tree_of(namespace.seen(self.data))
            with self.subTest(inner):
                self.assert_run_refused(str(path), "mount")
                self.assertEqual(before, tree_of(namespace.seen(self.data)))

    def test_a_log_apart_on_a_mount_point(self) -> None:
        namespace = self.enter_namespace()
        log = self.directory / "log"
        log.mkdir()
        (self.data / "member" / "wal").rename(self.directory / "old")
        namespace.mount_memory(log)
        seen = namespace.seen(log)
        shutil.copytree(self.directory / "old", seen, dirs_exist_ok=True)
        before = tree_of(self.data), tree_of(seen)
        self.start_alone(f"--wal-dir={log}")
        [kept] = seen.glob("pre-restore-*")
        self.assertEqual(tree_of(self.directory / "old"), tree_of(kept))
        (seen / "0000000000000001-0000000000000010.wal").write_text("what etcd makes in time")
        self.undo(self.data)
        after = tree_of(seen)
        self.assertEqual(before[0], tree_of(self.data))
        self.assertEqual(before[1], {name: after[name] for name in before[1]})
        self.assertEqual([], [each for each in seen.glob("*.wal") if each.name not in before[1]])

    def test_a_log_inside_of_what_is_lost(self) -> None:
        shutil.rmtree(self.data)
        self.start_alone(f"--wal-dir={self.data}/log")
        self.assertTrue(any((self.data / "log").glob("*.wal")))
        self.undo(self.data)
        self.assertFalse(self.data.exists())

    def start_alone(self, *flags: str) -> None:
        """The first as a cluster of its own: restored, started and checked."""
        alone = self.make_cluster(self.directory.name, self.pairs[:1])
        [member] = alone.members
        member.argv += flags
        members = f"--initial-cluster=etcd-1={member.peer_url}"
        self.make_plan(self.snapshot, self.file, members, *place_flags([member]))
        self.run_plan(self.file, "etcd-1")
        if self.namespace:
            member.argv = [*self.namespace.entry, *member.argv]
        with alone:
            self.assert_check_passes(alone, self.file, "hash")
            ask(alone, "put", "new", "value")

    def test_owner(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        self.plan()
        for path in (self.data, *self.data.rglob("*")):
            os.chown(path, OWNER, OWNER)
        self.assert_restored()
        self.assert_owner(OWNER, OWNER)
        self.run_plan(self.file, "etcd-1", "--again", f"--owner={OWNER + 1}:{OWNER + 2}")
        self.assert_owner(OWNER + 1, OWNER + 2)

    def assert_owner(self, user: int, group: int) -> None:
        found = {(each[1], each[2]) for each in tree_of(self.data).values()}
        self.assertEqual({(user, group)}, found)


class Tools(MisuseTest):
    def script(self, name: str, restore: str, version: str = "") -> Path:
        """A tool that says it is of that version, or of the true one's, and does that."""
        path = self.directory / name
        real = tool_of(self.release)
        told = f"echo 'etcdutl version: {version}'" if version else f"{real} version"
        path.write_text(
            f"#!/bin/sh\nreal={real}\nif [ $1 = version ]; then {told}; exit; fi\n{restore}\n"
        )
        path.chmod(0o755)
        return path

    def test_none(self) -> None:
        self.plan()
        for tool in ("/nowhere/etcdutl", "no-such-etcdutl", self.data):
            with self.subTest(tool):
                self.assert_run_refused(str(tool), flags=(f"--with-tool={tool}",))
        words = "does not say that it is etcdutl or etcdctl"
        self.assert_run_refused(words, flags=("--with-tool=/bin/true",))

    def test_of_another_version(self) -> None:
        self.plan()
        for version, words in (
            ("3.7.0", "use the tool of 3.4, or leave --with-tool out"),
            ("3.3.9", "is of no version that is known here"),
            ("new", "is of no version that is known here"),
        ):
            with self.subTest(version):
                tool = self.script(f"etcdutl-{version}", "exit 0", version)
                self.assert_run_refused(str(tool), words, flags=(f"--with-tool={tool}",))

    def test_that_fails(self) -> None:
        """What it left is removed, even if it says that all is well."""
        self.plan()
        find = 'for each; do case "$each" in --data-dir=*) dir=${each#--data-dir=};; esac; done'
        begin = f"{find}\nmkdir -p $dir/member/snap\nhead -c 9999 $3 > $dir/member/snap/db"
        for name, restore, words in (
            ("half-way", f"{begin}\necho no space left >&2; exit 3", "no space left"),
            ("killed", f"{begin}\nkill -9 $$", "signal 9"),
            ("half and glad", f"{begin}\nexit 0", "has written is not what was to be"),
            ("nothing and glad", "exit 0", "is not what was to be"),
            ("other", f'shift 3\nexec $real snapshot restore {self.later} "$@"',
             "has written is not what was to be"),
        ):  # fmt: skip
            with self.subTest(name):
                tool = self.script(name, restore)
                self.assert_run_refused(words, flags=(f"--with-tool={tool}",))
        self.assert_restored(f"--with-tool={tool_of(self.release)}")


class Interrupted(MisuseTest):
    """A run that takes a while and is killed, and what comes after it."""

    large: Path

    @classmethod
    def write_more(cls, gateway: Gateway) -> None:
        for number in range(LARGE):
            gateway.txn([put(b"large/%d" % number, os.urandom(1_000_000))])
        cls.large = cls.state / "large.db"
        ask(cls.cluster, "snapshot", "save", str(cls.large))

    def kill_at(self, word: str, number: signal.Signals = signal.SIGKILL) -> Tree:
        """A run of the large snapshot, ended when it says the word; the old data."""
        self.plan(self.large)
        old = tree_of(self.data)
        argv = [str(BINARY), "restore", "run", f"--plan={self.file}", "--member=etcd-1"]
        with subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
        ) as running:
            assert running.stdout
            self.assertTrue(any(line.startswith(word) for line in running.stdout), word)
            if word == "writing":
                wait_until(lambda: any(self.unfinished()), 30, "it writes", interval=0.001)
            running.send_signal(number)
        return old

    def test_while_it_writes(self) -> None:
        for word in ("writing", "verifying"):
            with self.subTest(word):
                self.begin_anew()
                self.assertEqual(self.kill_at(word), tree_of(self.data))
                [journal] = self.journals()
                self.assertEqual("writing", journal["state"])
                self.assertTrue(Path(journal["staging"]["data_dir"]).exists())
                self.assert_another_plan_waits(journal["id"])
                said = self.run_plan(self.file, "etcd-1")
                self.assertIn(f"restore {journal['id']} was interrupted while it wrote", said)
                self.assertEqual("done", self.journals()[-1]["state"])
                self.assertEqual([], self.unfinished())

    def assert_another_plan_waits(self, restore_id: str) -> None:
        other = self.directory / "other.json"
        self.make_plan(self.snapshot, other, *place_flags(self.cluster.members))
        done = self.restore("run", f"--plan={other}", "--member=etcd-1")
        words = (f"restore {restore_id}", "is not over: run it again", "`restore undo`")
        self.assert_refused(done, 1, *words)

    def test_and_taken_back(self) -> None:
        old = self.kill_at("writing")
        self.undo(self.data)
        self.assertEqual(old, tree_of(self.data))
        [journal] = self.journals()
        self.assertEqual("undone", journal["state"])
        self.assertEqual([], self.unfinished())
        self.assert_restored()

    def test_while_another_runs(self) -> None:
        """Only one at a time, whatever it does."""
        self.plan(self.large)
        argv = [str(BINARY), "restore", "run", f"--plan={self.file}", "--member=etcd-1"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment()) as first:
            assert first.stdout
            self.assertTrue(any(line.startswith("writing") for line in first.stdout))
            first.send_signal(signal.SIGSTOP)
            try:
                for done in (self.run_first(), self.restore("undo", f"--data-dir={self.data}")):
                    self.assert_refused(done, 1, str(self.data))
            finally:
                first.send_signal(signal.SIGCONT)
            self.assertIn("member etcd-1 is restored", first.stdout.read())
        self.assertEqual(["done"], [each["state"] for each in self.journals()])

    def test_ended_by_a_signal(self) -> None:
        """It takes back what it wrote, or leaves it to the next run; the old data is untouched."""
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                self.begin_anew()
                old = self.kill_at("writing", number)
                self.assertEqual(old, tree_of(self.data))
                self.assert_restored()

    def test_while_it_renames(self) -> None:
        """Wherever that was, or if it came too late."""
        old = self.kill_at("renaming")
        done = self.run_first()
        if done.returncode != 0:
            self.assert_refused(done, 1, "this plan was carried out here already")
        [journal] = self.journals()
        self.assertEqual("done", journal["state"])
        [kept] = self.directory.glob("etcd-1.pre-restore-*")
        self.assertEqual(old, tree_of(kept))
        self.assertNotEqual(old, tree_of(self.data))
        self.undo(self.data)
        self.assertEqual(old, tree_of(self.data))


if __name__ == "__main__":
    unittest.main()
