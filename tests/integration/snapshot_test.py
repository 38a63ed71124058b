#!/usr/bin/env -S python3 -B
"""`etcd-warden snapshot save`, judged by etcdctl and by an etcd started on what was saved."""

import shutil
import unittest
from pathlib import Path

from support import LabTest, cluster_section, sha256_of, write_config

from lab import keys, ports
from lab.etcd import EtcdCluster, Ports
from lab.release import SnapshotStatus

SMALL_KEYS, SMALL_BYTES = 500, 1_000
LARGE_KEYS, LARGE_BYTES = 1_024, 256 * 1_024  # together 256 MiB


class SnapshotTest(LabTest):
    """A TLS cluster, and a directory for the snapshots of each test."""

    cluster: EtcdCluster

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_tls_cluster()

    def setUp(self) -> None:
        self.directory = self.state / self.id().rpartition(".")[2]
        self.directory.mkdir()
        self.file = self.directory / "snapshot.db"

    def save(self, *flags: str) -> None:
        self.command.output(
            "snapshot", "save", self.file, *(flags or self.cluster.client_flags()), timeout=120
        )

    def restored(self, snapshot: Path) -> EtcdCluster:
        """A running single-member cluster with the snapshot's data, made by etcdctl."""
        cluster = EtcdCluster(self.directory / "restored", Ports.pairs(ports.claim(2)))
        cluster.restore(snapshot)
        return self.enterContext(cluster)

    def assert_holds(self, cluster: EtcdCluster, hashes: dict[str, str]) -> None:
        """Exactly these keys, each with the value that was written."""
        self.assertEqual(len(hashes), keys.count_keys(cluster))
        self.assertEqual(hashes, keys.read_hashes(cluster, list(hashes)))


class SmallDatabase(SnapshotTest):
    hashes: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.hashes = keys.fill(cls.cluster, SMALL_KEYS, SMALL_BYTES)

    def test_etcdctl_sees_what_its_own_snapshot_has(self) -> None:
        self.save()
        own = self.directory / "etcdctl.db"
        first = self.cluster.endpoints[:1]
        self.cluster.etcdctl("snapshot", "save", str(own), endpoints=first)
        ours, theirs = SnapshotStatus.of(self.file), SnapshotStatus.of(own)
        self.assertEqual((theirs.revision, theirs.total_keys), (ours.revision, ours.total_keys))
        self.assertEqual([], self.command.json("snapshot", "diff", self.file, own))

    def test_etcd_starts_on_it_with_every_key(self) -> None:
        self.save()
        self.assert_holds(self.restored(self.file), self.hashes)

    def test_only_its_owner_may_read_it(self) -> None:
        self.save()
        self.assertEqual(0o600, self.file.stat().st_mode & 0o777)
        self.assertEqual([self.file], list(self.directory.iterdir()))

    def test_json_describes_the_file(self) -> None:
        flags = self.cluster.client_flags()
        [saved] = self.command.json("snapshot", "save", self.file, *flags)
        for name, value in {
            "file": str(self.file),
            "size_bytes": self.file.stat().st_size,
            "sha256": sha256_of(self.file),
            "level": 3,
            "role": "follower",
            "notes": [],
        }.items():
            self.assertEqual(value, saved[name], name)
        self.assertIn(saved["endpoint"], self.cluster.endpoints)
        self.assertEqual(SMALL_KEYS, saved["contents"]["keys"]["live"])

    def test_the_table_says_how_far_it_is_proven(self) -> None:
        flags = self.cluster.client_flags()
        printed = self.command.output("snapshot", "save", self.file, *flags)
        self.assertRegex(printed, r"\| 3 +\| 2 of 3 +\|")

    def test_a_policy_that_is_none_is_wrong_usage(self) -> None:
        flags = ("--attest=maybe", *self.cluster.client_flags())
        done = self.command.run("snapshot", "save", self.file, *flags)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertIn("maybe", done.stderr)
        self.assertFalse(self.file.exists())

    def test_a_configuration_names_the_cluster(self) -> None:
        config = write_config(
            self.directory / "warden.yaml",
            [cluster_section(self.cluster, "first"), cluster_section(self.cluster, "second")],
        )
        self.save(f"--config.file={config}", "--cluster=second")
        SnapshotStatus.of(self.file)

    def test_one_dead_member_does_not_matter(self) -> None:
        member = self.cluster.follower()
        member.kill()
        try:
            self.save("--attest=all", *self.cluster.client_flags())
        finally:
            member.start()
            self.cluster.wait_healthy()
        SnapshotStatus.of(self.file)

    def test_an_existing_file_is_left_alone(self) -> None:
        self.file.write_text("precious")
        done = self.command.run("snapshot", "save", self.file, *self.cluster.client_flags())
        self.assertIn(done.returncode, (1, 2), done.stderr)
        self.assertIn(str(self.file), done.stderr)
        self.assertEqual("precious", self.file.read_text())
        self.assertEqual([self.file], list(self.directory.iterdir()))

    def test_nothing_is_left_when_no_member_answers(self) -> None:
        nobody = [f"https://127.0.0.1:{ports.claim(1)[0]}"]
        flags = self.cluster.client_flags(nobody)
        done = self.command.run("snapshot", "save", self.file, *flags, "--command-timeout=2s")
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(nobody[0], done.stderr)
        self.assertEqual([], list(self.directory.iterdir()))

    def test_a_missing_directory_is_an_error(self) -> None:
        file = self.directory / "missing" / "snapshot.db"
        done = self.command.run("snapshot", "save", file, *self.cluster.client_flags())
        self.assertIn(done.returncode, (1, 2), done.stderr)
        self.assertIn("No such file or directory", done.stderr)
        self.assertEqual([], list(self.directory.iterdir()))


class LargeDatabase(SnapshotTest):
    def test_every_key_of_256_mebibytes_comes_back(self) -> None:
        hashes = keys.fill(self.cluster, LARGE_KEYS, LARGE_BYTES)
        self.save()
        self.cluster.stop()
        status = SnapshotStatus.of(self.file)
        self.assertGreater(status.total_size, LARGE_KEYS * LARGE_BYTES)
        told = self.command.json("snapshot", "status", self.file)
        self.assertEqual((status.hash, status.total_size), (told["hash"], told["totalSize"]))
        self.assert_holds(self.restored(self.file), hashes)

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        cls.cluster.stop()
        shutil.rmtree(cls.cluster.directory)  # more than a gigabyte of log

    def tearDown(self) -> None:
        self.addCleanup(shutil.rmtree, self.directory)
        super().tearDown()


if __name__ == "__main__":
    unittest.main()
