"""What the tests of copies share: a small etcd, configurations with destinations, the commands."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from destinations import AgeKey, Server, open_copy
from support import LabTest, cluster_section, sha256_of, write_config

from lab import keys
from lab.etcd import EtcdCluster
from lab.release import SnapshotStatus
from lab.waiting import wait_until
from lab.warden import Command, Warden

GOOD, FAILED, USAGE = 0, 1, 2
KEYS, VALUE_BYTES = 120, 32_000  # about 4 MB: large enough to be cut in the middle

Manifest = dict[str, Any]


class CopiesTest(LabTest):
    """An etcd of one member with some keys, and a directory for each test."""

    cluster: EtcdCluster

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(size=1)
        keys.fill(cls.cluster, KEYS, VALUE_BYTES)

    def setUp(self) -> None:
        self.directory = self.state / self.id().rpartition(".")[2]
        self.directory.mkdir()

    @classmethod
    def write(
        cls, directory: Path, destinations: Sequence[dict[str, Any]], **backup: Any
    ) -> Path:
        """A configuration in that directory, with the backups beside it."""
        backup = {"directory": "backups", "destinations": destinations} | backup
        section = cluster_section(cls.cluster, backup=backup)
        return write_config(directory / "warden.yaml", [section])

    def configure(self, *destinations: dict[str, Any], **backup: Any) -> Path:
        return self.write(self.directory, destinations, **backup)

    def backup(
        self, action: str, config: Path, *arguments: str | Path, command: Command | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`etcd-warden backup ACTION`, whatever its exit code."""
        return (command or self.command).run(
            "backup", action, f"--config.file={config}", *arguments
        )

    def succeed(self, action: str, config: Path, *arguments: str | Path) -> str:
        done = self.backup(action, config, *arguments)
        self.assertEqual((GOOD, ""), (done.returncode, done.stderr))
        return done.stdout

    def fail_with(self, words: str, done: subprocess.CompletedProcess[str]) -> None:
        """The command failed, and said that much."""
        self.assertEqual(FAILED, done.returncode, done.stdout + done.stderr)
        self.assertIn(words, done.stderr)

    def take(self, config: Path, command: Command | None = None) -> Manifest:
        """The manifest of a new backup, which the daemon takes where one runs."""
        done = self.backup("take", config, "-w", "json", command=command)
        self.assertEqual(GOOD, done.returncode, done.stderr)
        [job] = json.loads(done.stdout)
        self.assertEqual("succeeded", job["state"], job)
        [manifest] = [each for each in self.local(config) if each["id"] == job["backup_id"]]
        return manifest

    def local(self, config: Path) -> list[Manifest]:
        return self.command.backups(config)

    def copies(self, config: Path, destination: str) -> list[Manifest]:
        """What is known to be there, newest first."""
        flags = (f"--config.file={config}", f"--destination={destination}")
        found: list[Manifest] = self.command.json("backup", "list", *flags)
        return found

    def ids(self, manifests: Sequence[Manifest]) -> list[str]:
        return [manifest["id"] for manifest in manifests]

    def state_of(self, warden: Warden, destination: str) -> dict[str, float | None]:
        """The last words of the names of its metrics, and their values."""
        page = warden.page()
        names = ("up", "pending", "stored")
        return {
            name: page.value(f"backup_copy_{name}", destination=destination) for name in names
        }

    def wait_for_state(
        self, warden: Warden, destination: str, timeout: float = 30, **state: int
    ) -> None:
        wait_until(
            lambda: state.items() <= self.state_of(warden, destination).items(),
            timeout,
            f"destination {destination} is at {state}",
            watch=[warden],
        )

    def assert_opens(self, copy: Manifest, file: Path, key: AgeKey, status: SnapshotStatus) -> None:
        """The stock programs open that file of the destination, and find the snapshot in it."""
        stored = copy["stored"]
        self.assertEqual(stored["size_bytes"], file.stat().st_size)
        self.assertEqual(stored["sha256"], sha256_of(file))
        scratch = self.directory / file.name
        scratch.mkdir()
        opened = open_copy(file, key, scratch)
        self.assertEqual(copy["sha256"], sha256_of(opened))
        self.assertEqual(copy["size_bytes"], opened.stat().st_size)
        self.command.output("snapshot", "verify", opened)
        self.assertEqual(status, SnapshotStatus.of(opened))

    def assert_copied(
        self, config: Path, destination: str, server: Server, folder: str
    ) -> Manifest:
        """The newest backup is there, as far as bytes can tell."""
        copy = self.copies(config, destination)[0]
        self.assertEqual(self.ids(self.local(config))[0], copy["id"])
        place = server.directory / folder
        self.assertEqual(copy["stored"]["sha256"], sha256_of(place / copy["stored"]["file"]))
        self.assertEqual(copy, json.loads((place / f"{copy['id']}.json").read_text()))
        return copy
