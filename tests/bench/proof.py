"""Snapshots taken, proven and compared, each against the tool that does the same or less."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from unittest import SkipTest

from laboratory import Laboratory
from measure import AnonymousPeak, Row, Times, Tool, interleave, percentile, ratio
from support import BINARY, etcd_release

from lab import ports
from lab.etcd import EtcdCluster, Ports
from lab.process import environment
from lab.release import INSTALLED, Release
from lab.waiting import LabError

MEGABYTE = 1_000_000
SEED = 1
TRAILER_BYTES = 32
SAVE_MEMORY_MB = 48
VERIFY_MEMORY_MB = 64
DIFF_SECONDS = 3.0


def newest_release() -> Release:
    """The newest etcd on this machine: an old one's slow digest would hide what the client does."""
    for minor in ("3.7", "3.6", "3.5"):
        try:
            return etcd_release(minor)
        except SkipTest:
            continue
    return INSTALLED


@dataclass
class Timed:
    """A program that is run again and again: how long each run took, and the most memory of all."""

    name: str
    command: list[str]
    before: Callable[[], None] = lambda: None
    is_sampled: bool = False  # for its anonymous memory
    peak_bytes: int = 0
    peak_anonymous_bytes: int = 0
    runs: int = field(default=0)

    def __call__(self) -> float:
        self.before()
        # What earlier runs wrote must not be on its way to the disk during this one.
        os.sync()
        started = time.perf_counter()
        with subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()
        ) as process:
            assert process.stderr
            with AnonymousPeak(process.pid) if self.is_sampled else nullcontext() as peak:
                words = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise LabError(f"{self.name}: {words.decode(errors='replace').strip()[-400:]}")
        self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024)
        if peak:
            self.peak_anonymous_bytes = max(self.peak_anonymous_bytes, peak.bytes)
        self.runs += 1
        return seconds


class Subject:
    """One member, filled with objects; the files that are saved from it."""

    def __init__(self, lab: Laboratory, megabytes: int, release: Release | None = None) -> None:
        self.release = release or newest_release()
        self.directory = lab.state / f"{megabytes}-MB"
        self.directory.mkdir()
        flags = ["--quota-backend-bytes=17179869184"]
        pairs = Ports.pairs(ports.claim(2))
        cluster = EtcdCluster(self.directory / "etcd", pairs, flags=flags, release=self.release)
        lab.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.cluster = lab.enter_context(cluster)
        target = self.cluster.endpoints[0].removeprefix("http://")
        self.load: Tool = lab.tool("load", target, str(SEED))
        self.load.ask(f"write {megabytes}")
        self.ours = self.directory / "ours.db"
        self.theirs = self.directory / "theirs.db"

    def etcd_warden(self) -> Timed:
        command = [str(BINARY), "snapshot", "save", str(self.ours), *self.cluster.client_flags()]
        return Timed("etcd-warden", command, lambda: self.ours.unlink(missing_ok=True))

    def etcdctl(self) -> Timed:
        tool = str(self.release.directory / "etcdctl") if self.release.directory else "etcdctl"
        command = [tool, "snapshot", "save", str(self.theirs), *self.cluster.client_flags()]
        return Timed("etcdctl", command, lambda: self.theirs.unlink(missing_ok=True))

    def stock_status(self, file: Path) -> Timed:
        tool = str(self.release.directory / "etcdutl") if self.release.directory else "etcdctl"
        return Timed("snapshot status", [tool, "snapshot", "status", str(file)])

    @property
    def size(self) -> str:
        return f"{self.ours.stat().st_size / 1e6:.0f} MB"


def run(lab: Laboratory) -> list[Row]:
    """Each size in turn, so that no two large databases are on the disk together."""
    rows: list[Row] = []
    # A database has free pages, so fewer megabytes than it will have are written.
    plan = {16: 2} if lab.short else {50: 7, 800: 5, 3200: 3}
    middle = list(plan)[len(plan) // 2]
    for megabytes, rounds in plan.items():
        with Laboratory(lab.state, lab.short) as own:
            subject = Subject(own, megabytes)
            rows += _save(subject, rounds)
            rows += _verify(subject, rounds)
            if megabytes == middle:
                rows += _puts(subject, rounds)
                rows += _diff(subject, rounds)
    return rows


def _save(subject: Subject, rounds: int) -> list[Row]:
    ours, theirs = subject.etcd_warden(), subject.etcdctl()
    mine, stock = interleave(rounds, ours, theirs)
    share = ratio(mine, stock)
    peak = ours.peak_bytes / MEGABYTE
    return [
        Row("save", f"{subject.size}, proven to level 2, against etcdctl snapshot save",
            _seconds(mine), _seconds(stock), f"{share:.2f}", "<= 0.9", share <= 0.9),
        Row("save", "peak memory", f"{peak:.0f} MB", f"{theirs.peak_bytes / MEGABYTE:.0f} MB", "",
            f"<= {SAVE_MEMORY_MB} MB", peak <= SAVE_MEMORY_MB),
    ]  # fmt: skip


def _verify(subject: Subject, rounds: int) -> list[Row]:
    file = subject.ours
    ours = Timed("verify", [str(BINARY), "snapshot", "verify", str(file)])
    openssl = Timed("openssl", ["openssl", "dgst", "-sha256", str(file)])
    fast = [str(BINARY), "snapshot", "verify", "--skip-hash-check", str(file)]
    structure = Timed("verify", fast)
    status = subject.stock_status(file)
    for once in (ours, openssl, structure, status):
        once()  # from now on the file is in memory
    all_levels, digest = interleave(rounds, ours, openssl)
    walk, stock = interleave(rounds, structure, status)
    to_digest, to_status = ratio(all_levels, digest), ratio(walk, stock)
    peak = max(ours.peak_bytes, structure.peak_bytes) / MEGABYTE
    return [
        Row("verify", f"{subject.size}, levels 0 to 2, against openssl dgst -sha256",
            _seconds(all_levels), _seconds(digest), f"{to_digest:.2f}", "<= 1.2", to_digest <= 1.2),
        Row("verify", "levels 1 and 2, against snapshot status",
            _seconds(walk), _seconds(stock), f"{to_status:.2f}", "<= 0.8", to_status <= 0.8),
        Row("verify", "peak memory", f"{peak:.0f} MB", f"{status.peak_bytes / MEGABYTE:.0f} MB", "",
            f"<= {VERIFY_MEMORY_MB} MB", peak <= VERIFY_MEMORY_MB),
    ]  # fmt: skip


def _puts(subject: Subject, rounds: int) -> list[Row]:
    """How long the cluster's puts take while each of the two saves."""
    meanwhile: dict[str, list[float]] = {}
    for number in range(2 * rounds):
        saver = (subject.etcd_warden, subject.etcdctl)[number % 2]()
        subject.load.ask("start")
        saver()
        durations = [int(word) / 1e9 for word in subject.load.ask("stop").split()]
        meanwhile.setdefault(saver.name, []).extend(durations)
    ours, theirs = (Times(meanwhile[name]) for name in ("etcd-warden", "etcdctl"))
    return [
        Row("puts", f"p99 of {len(ours.seconds)} puts during a save of {subject.size}",
            _milliseconds(ours), _milliseconds(theirs), f"{ours.p99 / theirs.p99:.2f}",
            "<= 1", ours.p99 <= theirs.p99),
    ]  # fmt: skip


def _diff(subject: Subject, rounds: int) -> list[Row]:
    before = subject.directory / "before.db"
    subject.ours.rename(before)
    subject.load.ask(f"write {max(1, before.stat().st_size // MEGABYTE // 20)}")
    subject.etcd_warden()()
    diff = Timed("diff", [str(BINARY), "snapshot", "diff", str(before), str(subject.ours)])
    diff()
    times = Times([diff() for _ in range(rounds)])
    before.unlink()
    return [
        Row("diff", f"two snapshots of {subject.size}, in memory", _seconds(times), "", "",
            f"<= {DIFF_SECONDS:g} s", times.p50 <= DIFF_SECONDS),
        Row("diff", "peak memory", f"{diff.peak_bytes / MEGABYTE:.0f} MB"),
    ]  # fmt: skip


def _seconds(times: Times) -> str:
    return f"{times.p50:.3f} s"


def _milliseconds(times: Times) -> str:
    return f"{percentile(times.seconds, 50) * 1e3:.2f}, {times.p99 * 1e3:.2f} ms"
