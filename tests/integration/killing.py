"""Running etcd-warden until it is killed (SIGKILL): after a while, as soon as something is seen on
the disk, or, where strace may be used, exactly before the n-th of one of its system calls."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import BINARY

from lab.process import environment
from lab.waiting import LabError

TIMEOUT = 120.0
# What changes directories, and what makes that durable: between two of these, the disk stays as it
# is but for the content of files that are being written. Each is not known to every machine.
CHANGING_CALLS = (
    "mkdir mkdirat fallocate rename renameat renameat2 unlink unlinkat rmdir fsync lchown fchownat"
)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    killed: bool
    code: int  # negative for a signal
    words: str  # the end of what it printed


@dataclass(frozen=True)
class Point:
    """Before the n-th of one system call."""

    call: str
    number: int


def run(arguments: Sequence[str]) -> Ended:
    """Lets it come to its end."""
    return _end(_start(arguments))


def kill_after(arguments: Sequence[str], seconds: float) -> Ended:
    process = _start(arguments)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return _end(process)


def kill_once(arguments: Sequence[str], seen: Callable[[], bool]) -> Ended:
    process = _start(arguments)
    while process.poll() is None:
        if seen():
            process.kill()
            break
        time.sleep(0.0002)
    return _end(process)


def kill_before(arguments: Sequence[str], point: Point) -> Ended:
    """The signal comes at the entry of the call, and the kernel then leaves the call out."""
    inject = f"inject={point.call}:signal=KILL:when={point.number}"
    return _end(_start(arguments, _strace(point.call, "-o", "/dev/null", "-e", inject)))


def can_kill_before_calls() -> bool:
    """Whether strace is here, and may trace."""
    if shutil.which("strace") is None:
        return False
    # Every program opens its libraries.
    return kill_before(["version"], Point("openat", 1)).killed


def points_of(arguments: Sequence[str]) -> list[Point]:
    """Every moment for `kill_before` of such a command, which comes to its end this time."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "calls"
        calls = ",".join(f"?{call}" for call in CHANGING_CALLS.split())
        tracer = _strace(calls, "-o", str(log))
        if (ended := _end(_start(arguments, tracer))).code != 0:
            raise LabError(f"{' '.join(arguments)}: {ended.words}")
        lines = log.read_text(errors="replace").splitlines()
    # strace counts the calls of each thread by themselves.
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines:
        if found := re.match(r"(\d+) +(\w+)\(", line):
            counts[(found[1], found[2])] += 1
    most: dict[str, int] = {}
    for (_, call), count in counts.items():
        most[call] = max(count, most.get(call, 0))
    return [Point(call, number) for call in sorted(most) for number in range(1, most[call] + 1)]


def _strace(calls: str, *more: str) -> list[str]:
    flags = ["-f", "-qq", "-e", f"trace={calls}", "-e", "signal=none"]
    return ["strace", *flags, *more]


def _start(arguments: Sequence[str], tracer: Sequence[str] = ()) -> subprocess.Popen[str]:
    # The sanitizer that looks for leaks cannot work in a program that is traced.
    options = f"{os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"
    return subprocess.Popen(
        [*tracer, str(BINARY), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment() | {"ASAN_OPTIONS": options},
    )


def _end(process: subprocess.Popen[str]) -> Ended:
    try:
        words, _ = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise LabError(f"{process.args!r} does not end") from error
    code = process.returncode
    return Ended(code == -signal.SIGKILL, code, words.strip()[-800:])
