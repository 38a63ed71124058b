"""Restoring as an operator does it: by the command line, on the machines of a cluster's members."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from support import sha256_of
from versions import VersionTest

from lab import ports
from lab.certificates import Certificates
from lab.etcd import EtcdCluster, EtcdMember, Ports
from lab.process import Process, environment
from lab.release import Release
from lab.waiting import LabError, wait_until

Done = subprocess.CompletedProcess[str]
Tree = Mapping[str, tuple[Any, ...]]
READ_ALL = ("get", "", "--prefix", "-w", "json")


def tree_of(top: Path) -> Tree:
    """All that is to be known of a directory and what is in it; empty if it is not there."""
    if not os.path.lexists(top):
        return {}
    paths = [top, *top.rglob("*")] if top.is_dir() and not top.is_symlink() else [top]
    return {str(path.relative_to(top)): _entry(path) for path in paths}


def _entry(path: Path) -> tuple[Any, ...]:
    found = path.lstat()
    rights = (stat.filemode(found.st_mode), found.st_uid, found.st_gid)
    if path.is_symlink():
        return (*rights, os.readlink(path))
    return (*rights, found.st_mtime_ns, sha256_of(path)) if path.is_file() else rights


def wal_flag(member: EtcdMember) -> Path | None:
    """The directory of the log, if etcd is told one."""
    found = [flag.partition("=")[2] for flag in member.argv if flag.startswith("--wal-dir=")]
    return Path(found[0]) if found else None


def place_flags(members: Sequence[EtcdMember]) -> list[str]:
    """Where they keep their data, for `restore plan`."""
    flags = [f"--data-dir={member.name}={member.data}" for member in members]
    logs = [(member.name, wal_flag(member)) for member in members]
    return flags + [f"--wal-dir={name}={log}" for name, log in logs if log]


def start_flag(member: EtcdMember, name: str) -> str:
    """The value of one of etcd's flags."""
    [value] = [flag.partition("=")[2] for flag in member.argv if flag.startswith(f"--{name}=")]
    return value


def tool_of(release: Release) -> Path:
    """What makes a data directory of a snapshot in that version."""
    if not release.directory:
        return Path(shutil.which("etcdctl") or "etcdctl")
    found = [release.directory / name for name in ("etcdutl", "etcdctl")]
    return next(path for path in found if path.exists())


def ask(cluster: EtcdCluster, *arguments: str, member: EtcdMember | None = None) -> str:
    """etcdctl, with one member: a user's token is good where it was made."""
    asked = member or cluster.members[0]
    return cluster.etcdctl(*arguments, endpoints=[asked.client_url])


def read_all(
    cluster: EtcdCluster, revision: int = 0, member: EtcdMember | None = None
) -> tuple[list[dict[str, Any]], int]:
    """Every key as it was then, 0 stands for now; and the revision of now."""
    answer = json.loads(ask(cluster, *READ_ALL, f"--rev={revision}", member=member))
    return answer.get("kvs", []), int(answer["header"]["revision"])


def hashes_at(cluster: EtcdCluster, revision: int) -> set[int]:
    """One, if every member has the same."""
    hashkv = ("endpoint", "hashkv", f"--rev={revision}", "-w", "json")
    answers = [json.loads(ask(cluster, *hashkv, member=member)) for member in cluster.members]
    return {answer["HashKV"]["hash"] for [answer] in answers}


class RestoreTest(VersionTest):
    """The commands, and what has to be so after each."""

    @classmethod
    def _drop_databases(cls) -> None:
        super()._drop_databases()
        for log in cls.state.path.glob("**/*.wal"):  # 64 MB each, some elsewhere
            log.unlink()

    @classmethod
    def make_cluster(
        cls,
        name: str,
        pairs: Sequence[Ports] = (),
        certificates: Certificates | None = None,
        flags: Sequence[str] = (),
        release: Release | None = None,
    ) -> EtcdCluster:
        """Not started; by default one member that is plain text."""
        chosen = pairs or Ports.pairs(ports.claim(2))
        made = EtcdCluster(cls.state / name, chosen, certificates, flags, release or cls.release)
        made.directory.mkdir(parents=True, exist_ok=True)
        return made

    def restore(self, command: str, *flags: str | Path) -> Done:
        return self.command.run("restore", command, *flags, timeout=300)

    def make_plan(
        self, snapshot: Path, file: Path, *flags: str | Path, code: int = 0
    ) -> tuple[dict[str, Any], str]:
        """What is in the file then, and what was said."""
        done = self.restore("plan", snapshot, "-o", file, *flags)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        plan: dict[str, Any] = json.loads(file.read_text()) if code == 0 else {}
        return plan, done.stdout + done.stderr

    def run_plan(self, file: Path, member: str, *flags: str | Path) -> str:
        """A run that must succeed; what it said."""
        done = self.restore("run", f"--plan={file}", f"--member={member}", *flags)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn(f"member {member} is restored in", done.stdout)
        return done.stdout

    def undo(self, data_dir: Path) -> None:
        done = self.restore("undo", f"--data-dir={data_dir}")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def assert_refused(self, done: Done, code: int, *words: str) -> None:
        """It ended with that exit code and, on stderr, with these words."""
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        self.assertRegex(done.stderr, r"(^|\n)etcd-warden: .+\n$")
        for each in words:
            self.assertIn(each, done.stderr)

    def check(
        self, cluster: EtcdCluster, plan: Path, wait: str = "1m"
    ) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code of `restore check`, and its checks by their names."""
        flags = [f"--plan={plan}", f"--wait={wait}", "-w", "json", *cluster.client_flags()]
        done = self.restore("check", *flags)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode, {each["name"]: each for each in json.loads(done.stdout)}

    def assert_check_passes(self, cluster: EtcdCluster, plan: Path, *unchecked: str) -> None:
        """Everything is ok, but for what cannot be compared."""
        code, checks = self.check(cluster, plan)
        expected = {name: "not checked" if name in unchecked else "ok" for name in checks}
        found = {name: each["result"] for name, each in checks.items()}
        self.assertEqual((0, expected), (code, found), checks)

    def assert_compacted(self, cluster: EtcdCluster, revision: int) -> None:
        with self.assertRaisesRegex(LabError, "compacted"):
            ask(cluster, "get", "x", f"--rev={revision}")


class Namespace:
    """A mount namespace of its own, in which a test mounts what it likes; needs root.

    It lives as long as a process that sleeps in it, and others see its files below `root`.
    """

    def __init__(self, log: Path) -> None:
        self._holder = Process("namespace", ["unshare", "--mount", "sleep", "infinity"], log)

    def __enter__(self) -> Self:
        self._holder.start()
        name = Path(f"/proc/{self._holder.pid}/comm")
        wait_until(lambda: name.read_text() == "sleep\n", 10, "there is a mount namespace")
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.kill()

    @property
    def entry(self) -> list[str]:
        """What stands before a command that runs in it."""
        return ["nsenter", "--mount", f"--target={self._holder.pid}", "--"]

    def seen(self, path: Path) -> Path:
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def run(self, *command: str | Path) -> Done:
        argv = [*self.entry, *map(str, command)]
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=60, env=environment(), check=False
        )

    def mount(self, *arguments: str | Path) -> None:
        if (done := self.run("mount", *arguments)).returncode != 0:
            raise LabError(f"mount: {done.stderr.strip()}")

    def mount_memory(self, path: Path, size: str = "400m") -> None:
        """An empty file system of that size."""
        self.mount("-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path)
