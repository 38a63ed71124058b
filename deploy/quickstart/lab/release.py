"""The programs of one etcd version."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.process import environment
from lab.waiting import LabError


@dataclass(frozen=True)
class Release:
    """etcd and its tools in one directory; without a directory, those in PATH."""

    directory: Path | None = None

    @property
    def server(self) -> str:
        return self._path("etcd")

    @property
    def version(self) -> str:
        """Such as "3.4.23"."""
        if not (found := re.search(r"etcd Version: (\S+)", _run([self.server, "--version"]))):
            raise LabError(f"{self.server} --version does not name a version")
        return found[1]

    def etcdctl(self, *arguments: str | Path, timeout: float = 60.0) -> str:
        """What etcdctl printed; LabError with its last words if it failed."""
        return _run([self._path("etcdctl"), *map(str, arguments)], timeout)

    def snapshot(self, *arguments: str | Path, timeout: float = 60.0) -> str:
        """`snapshot status` and `snapshot restore`, which moved to etcdutl in 3.5."""
        has_etcdutl = self.directory and (self.directory / "etcdutl").exists()
        tool = self._path("etcdutl" if has_etcdutl else "etcdctl")
        return _run([tool, "snapshot", *map(str, arguments)], timeout)

    def snapshot_status(self, file: Path) -> dict[str, Any]:
        """What `snapshot status` of this version says of a file, in its own words."""
        status: dict[str, Any] = json.loads(self.snapshot("status", file, "-w", "json"))
        return status

    def _path(self, program: str) -> str:
        return str(self.directory / program) if self.directory else program


INSTALLED = Release()


@dataclass(frozen=True)
class SnapshotStatus:
    """What `snapshot status` says of a file."""

    hash: int
    revision: int
    total_keys: int
    total_size: int

    @classmethod
    def of(cls, file: Path, release: Release = INSTALLED) -> "SnapshotStatus":
        read = release.snapshot_status(file)
        return cls(read["hash"], read["revision"], read["totalKey"], read["totalSize"])


def _run(command: list[str], timeout: float = 60.0) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=environment(), check=False
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise LabError(f"{Path(command[0]).name} {command[1]}: {words[-1] if words else 'failed'}")
    return done.stdout
