"""The one directory in which everything lives."""

import fcntl
import shutil
from pathlib import Path
from typing import IO, Self

from lab.waiting import LabError

MARKER = ".etcd-warden-lab"


class StateDirectory:
    """Empty at the start, kept at the end: the logs and backups of the last run are worth a look.

    What a former run left is removed, but only where the marker says that it was one of ours. The
    marker is locked, so that two runs cannot share a directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._marker: IO[str] | None = None

    def __enter__(self) -> Self:
        marker = self.path / MARKER
        if self.path.is_dir() and any(self.path.iterdir()) and not marker.exists():
            raise LabError(
                f"{self.path} is not empty and was not made by this program: choose another"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._marker = marker.open("w")
            fcntl.flock(self._marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._clear()
        except BlockingIOError as error:
            raise LabError(f"{self.path} is in use by another run: choose another") from error
        except OSError as error:
            raise LabError(f"cannot use {self.path}: {error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._marker:
            self._marker.close()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def _clear(self) -> None:
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != MARKER:
                entry.unlink()
