"""What the integration tests share: the laboratory of the quickstart, and the binary under test."""

import hashlib
import json
import os
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
from lab.etcd import EtcdCluster, Ports, SnapshotStatus  # noqa: E402
from lab.exposition import Page  # noqa: E402
from lab.process import environment  # noqa: E402
from lab.state import StateDirectory  # noqa: E402
from lab.warden import Command, Warden  # noqa: E402

BINARY = Path(os.environ.get("WARDEN_BINARY", ROOT / "build" / "dev" / "etcd-warden")).resolve()
if not BINARY.exists():
    sys.exit(f"{BINARY} is not built; name another binary in WARDEN_BINARY")


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

    @classmethod
    def start_cluster(
        cls, name: str = "etcd", size: int = 3, certificates: Certificates | None = None
    ) -> EtcdCluster:
        """A healthy cluster; plain text without certificates."""
        cluster = EtcdCluster(cls.state / name, Ports.pairs(ports.claim(2 * size)), certificates)
        return cls.enterClassContext(cluster)

    @classmethod
    def start_tls_cluster(cls) -> EtcdCluster:
        return cls.start_cluster(certificates=Certificates.create(cls.state / "pki"))

    @classmethod
    def start_warden(cls, config: Path) -> Warden:
        """A daemon that is ready."""
        warden = cls.enterClassContext(WardenThatEndsWell(BINARY, config, cls.state / "warden.log"))
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

    def __init__(self, binary: Path, config: Path, log: Path) -> None:
        super().__init__(binary, config, log, ports.claim(1)[0])

    def __exit__(self, *_: object) -> None:
        code = self.stop()
        if code != 0:
            raise AssertionError(f"etcd-warden ended with exit code {code}\n{self.log_tail(40)}")
