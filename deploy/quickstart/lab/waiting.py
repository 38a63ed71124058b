"""Waiting for something to happen, with a text worth reading when it does not."""

import time
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class LabError(Exception):
    """Something did not go as it should; the text says what, and what the logs said."""


class Watched(Protocol):
    """What a wait depends on: it can say that it ended, and what it logged."""

    def check_running(self) -> None:
        """Raises LabError if it ended."""

    def log_tail(self) -> str:
        """The last lines of its log, with a heading."""


def wait_until(
    probe: Callable[[], T | None],
    timeout: float,
    what: str,
    watch: Iterable[Watched] = (),
    interval: float = 0.1,
) -> T:
    """Calls `probe` until it returns something true, and returns that.

    A probe that raises LabError or OSError is asked again; the last such error is part of the text
    when the time is up. The end of a watched process ends the wait at once.
    """
    watch = list(watch)
    deadline = time.monotonic() + timeout
    reason = ""
    while True:
        for process in watch:
            process.check_running()
        try:
            if result := probe():
                return result
            reason = ""
        except (LabError, OSError) as error:
            reason = f"\nlast seen: {error}"
        if time.monotonic() >= deadline:
            tails = "".join(f"\n{process.log_tail()}" for process in watch)
            raise LabError(f"not within {timeout:g} s: {what}{reason}{tails}")
        time.sleep(interval)
