"""What the integration tests share: the laboratory of the quickstart, and the binary under test."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "quickstart"))

from lab import ports  # noqa: E402
from lab.certificates import Certificates  # noqa: E402
from lab.etcd import EtcdCluster, Ports  # noqa: E402
from lab.exposition import Page  # noqa: E402
from lab.process import environment  # noqa: E402
from lab.release import INSTALLED, Release, SnapshotStatus  # noqa: E402
from lab.state import StateDirectory  # noqa: E402
from lab.warden import Command, Warden  # noqa: E402

BINARY = Path(os.environ.get("WARDEN_BINARY", ROOT / "build" / "dev" / "etcd-warden")).resolve()
if not BINARY.exists():
    sys.exit(f"{BINARY} is not built; name another binary in WARDEN_BINARY")


def etcd_release(minor: str) -> Release:
    """The programs of the newest patch of that minor, such as "3.6"; skips what needs them if they
    are not on this machine. Debian 12's own are 3.4."""
    built = ROOT / "build" / "etcd-versions" / minor
    if built.exists():
        return Release(built)
    if (found := INSTALLED.version).startswith(f"{minor}."):
        return INSTALLED
    raise unittest.SkipTest(
        f"etcd {minor} is not here: PATH has {found}, and tests/etcd-versions/build made none"
    )


def write_config(file: Path, clusters: Sequence[Mapping[str, Any]], **sections: Any) -> Path:
    """A configuration file; it is JSON, which is YAML as well."""
    file.write_text(json.dumps({"clusters": clusters} | sections, indent=2))
    return file


def cluster_section(
    cluster: EtcdCluster,
    name: str = "lab",
    endpoints: Sequence[str] | None = None,
    **sections: Any,
) -> dict[str, Any]:
    """The entry of `clusters` for that cluster."""
    section: dict[str, Any] = {"name": name, "endpoints": list(endpoints or cluster.endpoints)}
    if cluster.certificates:
        section["tls"] = {
            "ca_file": str(cluster.certificates.ca),
            "cert_file": str(cluster.certificates.client_cert),
            "key_file": str(cluster.certificates.client_key),
        }
    return section | sections


def sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


class LabTest(unittest.TestCase):
    """A test class with a state directory of its own; what the class starts ends with it."""

    state: StateDirectory

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        module = Path(sys.modules[cls.__module__].__file__ or "").stem
        directory = BINARY.parent / "integration" / module / cls.__name__
        cls.state = cls.enterClassContext(StateDirectory(directory))
        cls.addClassCleanup(cls._drop_databases)

    @classmethod
    def _drop_databases(cls) -> None:
        """Frees the disk: etcd reserves 128 MB for each member. Logs and backups stay."""
        for wal in cls.state.path.glob("**/member/wal"):
            shutil.rmtree(wal.parent, ignore_errors=True)

    @classmethod
    def start_cluster(
        cls,
        name: str = "etcd",
        size: int = 3,
        certificates: Certificates | None = None,
        flags: Sequence[str] = (),
        release: Release = INSTALLED,
    ) -> EtcdCluster:
        """A healthy cluster; plain text without certificates."""
        pairs = Ports.pairs(ports.claim(2 * size))
        cluster = EtcdCluster(cls.state / name, pairs, certificates, flags, release)
        return cls.enterClassContext(cluster)

    @classmethod
    def start_tls_cluster(cls, release: Release = INSTALLED) -> EtcdCluster:
        certificates = Certificates.create(cls.state / "pki")
        return cls.start_cluster(certificates=certificates, release=release)

    @classmethod
    def start_warden(cls, config: Path) -> Warden:
        """A daemon that is ready."""
        warden = cls.enterClassContext(WardenThatEndsWell(BINARY, config, cls.state / "warden.log"))
        warden.wait_ready()
        return warden

    def serve(self, config: Path) -> Warden:
        """A daemon of the test's own that is ready."""
        log = config.with_suffix(".log")
        warden = self.enterContext(WardenThatEndsWell(BINARY, config, log))
        warden.wait_ready()
        return warden

    @property
    def command(self) -> Command:
        return Command(BINARY)

    def assert_page_is_clean(self, page: Page) -> None:
        """No complaint from `promtool check metrics`."""
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=page.text,
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))

    def assert_good_backup(self, directory: Path, manifest: Mapping[str, Any]) -> SnapshotStatus:
        """The file is there, is what the manifest says, and etcdctl accepts it."""
        file = directory / manifest["file"]
        self.assertEqual(0o600, file.stat().st_mode & 0o777)
        self.assertEqual(manifest["size_bytes"], file.stat().st_size)
        self.assertEqual(manifest["sha256"], sha256_of(file))
        return SnapshotStatus.of(file)


class WardenThatEndsWell(Warden):
    """A daemon whose end is part of the test: SIGTERM must lead to exit code 0."""

    def __init__(self, binary: Path, config: Path, log: Path, flags: Sequence[str] = ()) -> None:
        super().__init__(binary, config, log, ports.claim(1)[0], flags)

    def __exit__(self, *_: object) -> None:
        code = self.stop()
        if code != 0:
            raise AssertionError(f"etcd-warden ended with exit code {code}\n{self.log_tail(40)}")
