"""One server process: its log, its signals, and its certain end."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from lab.waiting import LabError

STOP_TIMEOUT = 15.0


def environment() -> dict[str, str]:
    """The caller's environment without what would change how etcd, etcdctl or gRPC behave."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ETCD") and not name.lower().endswith("_proxy")
    }
    return kept | {"ETCDCTL_API": "3"}


class Process:
    """A program that runs until it is stopped; as a context manager it is stopped at the end.

    It has a process group of its own, so that Ctrl-C in a terminal reaches only its owner, and the
    kernel kills it should its owner die without stopping it. Once it ended it may be started again.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        extra_environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.argv = [str(argument) for argument in argv]
        self.log = log
        self._environment = environment() | dict(extra_environment or {})
        self._popen: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def start(self) -> None:
        if self.running:
            raise LabError(f"{self.name} runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                process_group=0,
            )

    def stop(self) -> int | None:
        """Ends it with SIGTERM, or SIGKILL if that takes too long.

        The exit code, negative for a signal; None if it was never started.
        """
        if self._popen is None:
            return None
        self._popen.terminate()
        self.resume()  # a paused process would not hear of it
        return self.wait()

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """The exit code; a process that does not end by itself in time is killed."""
        assert self._popen is not None
        try:
            return self._popen.wait(timeout)
        except BaseException as error:
            self._popen.kill()
            code = self._popen.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return code
            raise

    def kill(self) -> None:
        """Ends it with SIGKILL, as a crash would."""
        if self._popen is not None:
            self._popen.kill()
            self.wait()

    def pause(self) -> None:
        """Freezes it: connections stay open and are accepted, nothing is answered."""
        self.signal(signal.SIGSTOP)
        # The last thread may stop a moment later.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        if self._popen is not None:
            self._popen.send_signal(number)

    def check_running(self) -> None:
        if not self.running:
            code = "" if self._popen is None else f" (exit code {self._popen.returncode})"
            raise LabError(f"{self.name} is not running{code}\n{self.log_tail()}")

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines: int = 15) -> str:
        tail = "\n".join(f"  {line[:400]}" for line in self.log_text().splitlines()[-lines:])
        return f"--- the end of {self.log}\n{tail or '  (empty)'}"
