"""Times, percentiles, and the rows of the table."""

import math
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

from lab.process import environment
from lab.waiting import LabError

CLUSTERS_ONLY = "/metrics?collect%5B%5D=clusters"
TIMEOUT = 30.0


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


@dataclass(frozen=True)
class Times:
    """Durations of the same thing, in seconds."""

    seconds: list[float]

    @property
    def p50(self) -> float:
        return median(self.seconds)

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 99)

    def __str__(self) -> str:
        return f"{milliseconds(self.p50)}, p99 {milliseconds(self.p99)}"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"


@dataclass(frozen=True)
class Row:
    """One line of the table; `holds` is None where the issue sets no bound."""

    name: str
    figure: str
    value: str
    peer: str = ""
    ratio: str = ""
    bound: str = ""
    holds: bool | None = None

    def cells(self) -> list[str]:
        verdict = {None: "", True: "holds", False: "MISSED"}[self.holds]
        return [self.name, self.figure, self.value, self.peer, self.ratio, self.bound, verdict]


def interleave(rounds: int, *actions: Callable[[], float]) -> list[Times]:
    """Each action once a round, in turn, so that a slow moment of the machine meets all alike."""
    times: list[list[float]] = [[] for _ in actions]
    for number in range(rounds):
        # The first is not always the same one: it would always follow the last.
        for index in sorted(range(len(actions)), key=lambda i: (i + number) % len(actions)):
            times[index].append(actions[index]())
    return [Times(taken) for taken in times]


def ratio(numerator: Times, denominator: Times) -> float:
    """The median of the ratios round by round."""
    pairs = zip(numerator.seconds, denominator.seconds, strict=True)
    return median(above / below for above, below in pairs)


@dataclass(frozen=True)
class Answer:
    seconds: float
    status: int
    body: str


def get(port: int, target: str) -> Answer:
    """GET over a new connection, timed from the connect to the last byte."""
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    parts = []
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        connection.sendall(request)
        while part := connection.recv(1 << 18):
            parts.append(part)
    seconds = time.perf_counter() - started
    head, separator, body = b"".join(parts).partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"HTTP/1.1 "):
        raise LabError(f"GET {target}: no HTTP answer: {head[:100]!r}")
    return Answer(seconds, int(head[9:12]), body.decode())


def get_page(port: int, target: str = "/metrics") -> Answer:
    """A page; anything but a 200 is a LabError."""
    answer = get(port, target)
    if answer.status != 200:
        raise LabError(f"GET {target}: {answer.status} {answer.body[:200]}")
    return answer


def endpoints_up(answer: Answer) -> int:
    return sum(
        line.startswith("etcdwarden_endpoint_up{") and line.endswith(" 1")
        for line in answer.body.splitlines()
    )


class AnonymousPeak:
    """The most memory of its own that a running process has, looked at again and again. What it
    maps of a file is left out: the kernel may take that back."""

    PAUSE = 0.003

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self.PAUSE):
            for line in self._status.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    self.bytes = max(self.bytes, int(line.split()[1]) * 1024)


class Tool:
    """A program that answers each line on its standard input with one line; ends with the input."""

    def __init__(self, binary: Path, *arguments: str | Path) -> None:
        self._name = binary.name
        self._popen = subprocess.Popen(
            [str(binary), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment(),
        )

    def __enter__(self) -> Self:
        if self._read() != "ready":
            raise LabError(f"{self._name} did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._popen.stdin
        self._popen.stdin.close()
        try:
            self._popen.wait(10)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def ask(self, line: str = "") -> str:
        assert self._popen.stdin
        self._popen.stdin.write(line + "\n")
        return self._read()

    def _read(self) -> str:
        assert self._popen.stdout
        if not (line := self._popen.stdout.readline()):
            raise LabError(f"{self._name} ended: exit code {self._popen.wait()}")
        return line.rstrip("\n")
