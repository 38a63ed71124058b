#!/usr/bin/env -S python3 -B
"""Restores that are rehearsed: a real etcd of every version is started on a backup, and what it
answers is what the backup holds."""

import json
import signal
import subprocess
import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages import delete, put
from support import BINARY, LabTest, cluster_section, etcd_release, write_config
from versions import MINORS, VersionTest, for_every_minor

from lab.etcd import EtcdCluster
from lab.keys import Gateway
from lab.process import environment
from lab.release import INSTALLED
from lab.waiting import wait_until
from lab.warden import Command

PASSWORD = "correct horse"
KEYS = 80
Receipt = Mapping[str, Any]


class Catalogue:
    """A configuration with a backup directory, and the commands on it."""

    def __init__(self, file: Path, cluster: EtcdCluster, scratch: Path, **sections: Any) -> None:
        drill = {"scratch": str(scratch), "etcd": [cluster.release.server]}
        backup = {"directory": "backups", "drill": drill} | sections.pop("backup", {})
        section = cluster_section(cluster, backup=backup, **sections)
        self.config = write_config(file, [section])
        self.directory = file.parent / "backups"
        self.scratch = scratch

    def flags(self) -> list[str]:
        return [f"--config.file={self.config}"]

    def receipt(self, done: subprocess.CompletedProcess[str]) -> Receipt:
        """Of a drill that was run with -w json; it is the newest that is kept."""
        [receipt] = json.loads(done.stdout)
        kept: Receipt = json.loads((self.directory / "drills" / f"{receipt['id']}.json").read_text())
        assert receipt == kept, (receipt, kept)
        return kept

    def evidence(self, receipt: Receipt) -> str:
        return (self.directory / "drills" / f"{receipt['id']}.log").read_text()

    def left(self) -> list[Path]:
        """What drills have not removed."""
        return list(self.scratch.iterdir())


def enable_users(cluster: EtcdCluster) -> None:
    for words in (("add", f"root:{PASSWORD}"), ("grant-role", "root", "root")):
        cluster.etcdctl("user", *words)
    cluster.etcdctl("auth", "enable")


def fill(cluster: EtcdCluster) -> None:
    """Keys with a history, some of it compacted; a lease, and a key that is bound to it."""
    gateway = Gateway(cluster, cluster.members[0])
    for number in range(KEYS):
        gateway.txn([put(b"/k/%d" % number, b"value %d" % number)])
    for number in range(0, KEYS, 4):
        gateway.txn([put(b"/k/%d" % number, b"another %d" % number)])
    gateway.compact(gateway.txn([delete(b"/k/1")]))
    gateway.txn([put(b"/leased", b"for an hour", gateway.grant_lease(3600))])
    gateway.txn([put(b"/binary\x00\xff", b"\x00\x01\xff")])
    gateway.close()


class DrillCase(LabTest):
    cluster: EtcdCluster
    scratch: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # Short, wherever the binary is: a socket's path has its limit.
        cls.scratch = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="drill")))

    def drill(
        self, catalogue: Catalogue, *arguments: str | Path, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        return self.command.run("drill", *catalogue.flags(), *arguments, timeout=timeout)

    def succeed(self, catalogue: Catalogue, *arguments: str | Path) -> Receipt:
        done = self.drill(catalogue, *arguments, "-w", "json")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        receipt = catalogue.receipt(done)
        self.assertTrue(receipt["succeeded"])
        self.assertEqual([], catalogue.left())
        return receipt

    def fail_at(self, step: str, catalogue: Catalogue, *arguments: str | Path) -> Receipt:
        done = self.drill(catalogue, *arguments, "-w", "json")
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        receipt = catalogue.receipt(done)
        self.assertFalse(receipt["succeeded"])
        self.assertEqual(step, receipt["failed_step"], receipt["error"])
        self.assertIn(receipt["error"], done.stderr)
        self.assertEqual([], catalogue.left())
        return receipt


class Drills(DrillCase, VersionTest):
    """A backup of each version, with users, on that version and on every newer one."""

    catalogue: Catalogue
    manifest: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(size=1, release=cls.release)
        fill(cls.cluster)
        enable_users(cls.cluster)
        (cls.state / "password").write_text(PASSWORD)
        auth = {"username": "root", "password_file": "password"}
        cls.catalogue = Catalogue(cls.state / "warden.yaml", cls.cluster, cls.scratch, auth=auth)
        warden = Command(BINARY)
        warden.output("backup", "take", *cls.catalogue.flags())
        [cls.manifest] = warden.backups(cls.catalogue.config)

    def test_every_version_that_can_read_it_holds_what_the_backup_does(self) -> None:
        for minor in MINORS[MINORS.index(self.minor) :]:
            with self.subTest(minor):
                release = etcd_release(minor)
                receipt = self.succeed(self.catalogue, "--etcd", release.server)
                self.assertEqual(release.version, receipt["etcd_version"])
                self.assertEqual(self.manifest["id"], receipt["backup_id"])
                self.assertEqual(self.manifest["revision"], receipt["revision"])
                self.assertEqual(KEYS + 1, receipt["keys"])
                self.assertEqual(1, receipt["leases"])
                self.assertEqual(50, receipt["samples"])
                self.assertGreater(receipt["restore_seconds"], 0)
                self.assertIn("that is turned off", " ".join(receipt["notes"]))

    def test_an_older_version_is_not_started(self) -> None:
        older = MINORS[: MINORS.index(self.minor)]
        if not older:
            self.skipTest("there is none that is known here")
        release = etcd_release(older[-1])
        receipt = self.fail_at("start", self.catalogue, "--etcd", release.server)
        self.assertIn(f"no etcd {self.minor} or newer is here", receipt["error"])
        self.assertIn(f"/etcd is {release.version}", receipt["error"])


class Trouble(DrillCase):
    """What goes wrong, of which only damage is the backup's own fault."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(size=1)
        fill(cls.cluster)

    def setUp(self) -> None:
        self.directory = self.state / self.id().rpartition(".")[2]
        self.directory.mkdir()

    def make(self, **backup: Any) -> Catalogue:
        file = self.directory / "warden.yaml"
        return Catalogue(file, self.cluster, self.scratch, backup=backup)

    def script(self, name: str, text: str) -> Path:
        file = self.directory / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def take(self, catalogue: Catalogue) -> dict[str, Any]:
        self.command.output("backup", "take", *catalogue.flags())
        return self.command.backups(catalogue.config)[0]

    def quarantine(self, catalogue: Catalogue, manifest: Mapping[str, Any]) -> str:
        listed = self.command.backups(catalogue.config)
        [found] = [each for each in listed if each["id"] == manifest["id"]]
        return str(found.get("quarantined") or "")

    def test_a_damaged_backup_is_found_and_the_next_drill_takes_another(self) -> None:
        catalogue = self.make()
        whole = self.take(catalogue)
        damaged = self.take(catalogue)
        file = catalogue.directory / damaged["file"]
        content = bytearray(file.read_bytes())
        content[content.rindex(b"another 40")] ^= 1
        file.write_bytes(content)
        receipt = self.fail_at("verify", catalogue)
        self.assertTrue(receipt["damaged"])
        self.assertEqual(damaged["id"], receipt["backup_id"])
        self.assertIn(f"drill {receipt['id']}: verify:", self.quarantine(catalogue, damaged))
        self.assertTrue(file.exists(), "it is the evidence")
        self.assertEqual(whole["id"], self.succeed(catalogue)["backup_id"])
        self.fail_at("verify", catalogue, damaged["id"])
        history = json.loads(self.drill(catalogue, "--history", "-w", "json").stdout)
        self.assertEqual(["verify", None, "verify"], [each["failed_step"] for each in history])

    def test_without_an_etcd_only_the_files_are_proven(self) -> None:
        catalogue = self.make()
        manifest = self.take(catalogue)
        receipt = self.fail_at("start", catalogue, "--etcd", self.directory / "no-etcd")
        self.assertTrue(receipt["offline"])
        self.assertIn("is not installed", receipt["error"])
        passed = [step["name"] for step in receipt["steps"] if step["passed"]]
        self.assertEqual(["choose", "space", "verify", "write", "verify-directory"], passed)
        self.assertEqual("", self.quarantine(catalogue, manifest))

    def test_the_probe_has_the_last_word(self) -> None:
        catalogue = self.make()
        manifest = self.take(catalogue)
        good = self.script("good", 'test "$(etcdctl get --print-value-only /k/2)" = "value 2"')
        steps = [step["name"] for step in self.succeed(catalogue, "--probe", good)["steps"]]
        self.assertEqual("probe", steps[steps.index("samples") + 1])
        bad = self.script("bad", "echo looked around; echo no pods at all >&2; exit 4")
        receipt = self.fail_at("probe", catalogue, "--probe", bad)
        self.assertIn("exited with 4: no pods at all", receipt["error"])
        self.assertIn("looked around", catalogue.evidence(receipt))
        self.assertIn("became leader at term 2", catalogue.evidence(receipt))
        self.assertEqual("", self.quarantine(catalogue, manifest))

    def test_an_etcd_that_does_not_answer_is_not_waited_for(self) -> None:
        catalogue = self.make()
        manifest = self.take(catalogue)
        version = f"etcd Version: {INSTALLED.version}"
        deaf = self.script("deaf", f'[ "$1" != --version ] || exec echo "{version}"; exec sleep 60')
        receipt = self.fail_at("start", catalogue, "--etcd", deaf, "--timeout", "3s")
        self.assertIn("not finished within 3s", receipt["error"])
        self.assertFalse(receipt["offline"])
        self.assertEqual("", self.quarantine(catalogue, manifest))

    def test_a_copy_is_drilled_where_it_is(self) -> None:
        far = {"name": "far", "remote": str(self.directory / "far"), "compression": "zstd"}
        catalogue = self.make(destinations=[far])
        manifest = self.take(catalogue)
        self.command.output("backup", "copy", *catalogue.flags())
        (catalogue.directory / manifest["file"]).unlink()
        (catalogue.directory / f"{manifest['id']}.json").unlink()
        receipt = self.succeed(catalogue, "--from", "far")
        self.assertEqual("copy far", receipt["source"])
        self.assertGreater(receipt["fetch_seconds"], 0)
        self.assertEqual([], self.command.backups(catalogue.config))

    def test_what_a_killed_drill_leaves_behind_is_removed_by_the_next(self) -> None:
        catalogue = self.make()
        self.take(catalogue)
        waiting = self.directory / "waiting"
        probe = self.script("probe", f"touch {waiting}; exec sleep 60")
        argv = [self.command.binary, "drill", *catalogue.flags(), "--probe", probe]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment()) as killed:
            wait_until(waiting.exists, 30.0, "the probe has begun")
            [left] = catalogue.left()
            done = self.drill(catalogue)
            self.assertEqual(1, done.returncode)
            self.assertIn("another drill of this cluster is running", done.stderr)
            self.assertEqual([left], catalogue.left())
            killed.send_signal(signal.SIGKILL)
        self.assertEqual([left], catalogue.left())
        self.succeed(catalogue)

    def test_words_that_make_no_sense_are_refused_before_anything_is_done(self) -> None:
        catalogue = self.make()
        for words, complaint in (
            (["yesterday"], "no id of a backup"),
            (["--from", "far"], "has no destinations"),
            (["--timeout", "soon"], "soon"),
        ):
            done = self.drill(catalogue, *words)
            self.assertEqual(2, done.returncode, done.stderr)
            self.assertIn(complaint, done.stderr)
        self.fail_at("choose", catalogue)


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    suite = for_every_minor(loader, [Drills])
    suite.addTest(loader.loadTestsFromTestCase(Trouble))
    return suite


if __name__ == "__main__":
    unittest.main()
