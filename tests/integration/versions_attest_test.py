#!/usr/bin/env -S python3 -B
"""Level 3: do the voters hold what is in a snapshot? And what is saved of a cluster in ruins."""

import json
import random
import subprocess
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages import put
from versions import VersionTest, for_every_minor

from lab import keys, ports
from lab.etcd import EtcdCluster, Ports
from lab.keys import Gateway
from lab.release import SnapshotStatus

SAVES = 10


class SavedTest(VersionTest):
    """A directory for the snapshots of each test."""

    def setUp(self) -> None:
        self.directory = self.state / self.id().rpartition(".")[2]
        self.directory.mkdir()

    def try_to_save(
        self, name: str, *flags: str
    ) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
        """`snapshot save` of this cluster: how it ended, and what it said of each file."""
        file = self.directory / f"{name}.db"
        done = self.command.run(
            "snapshot", "save", file, "-w", "json", *flags, *self.cluster.client_flags()
        )
        return done, json.loads(done.stdout) if done.stdout else []

    def save(self, name: str, *flags: str) -> dict[str, Any]:
        done, [saved] = self.try_to_save(name, *flags)
        self.assertEqual(0, done.returncode, done.stderr)
        return dict(saved)

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.directory.iterdir())


class Attested(SavedTest):
    """Three healthy voters."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_tls_cluster(cls.release)
        keys.fill(cls.cluster, 200, 1_000)

    def test_the_policy_says_who_is_asked(self) -> None:
        for policy, level, verdict, agreed, reason in (
            ([], 3, "attested", 2, "the leader was not asked (attest: followers)"),
            (["--attest=followers"], 3, "attested", 2, "the leader was not asked"),
            (["--attest=all"], 3, "attested", 3, None),
            (["--attest=off"], 2, "unattested", 0, "attest: off"),
        ):
            with self.subTest(policy):
                saved = self.save("".join(policy), *policy)
                told = saved["attestation"]
                self.assertEqual(
                    (level, verdict, agreed), (saved["level"], told["verdict"], told["agreed"])
                )
                if reason:
                    self.assertIn(reason, told["reason"])
                else:
                    self.assertNotIn("reason", told)
                self.assertNotIn("differing", told)
        done = self.command.run(
            "snapshot", "save", self.directory / "table.db", *self.cluster.client_flags()
        )
        self.assertRegex(done.stdout, r"\| 3 +\| 2 of 3 +\|")

    def test_writes_and_compactions_in_between_are_no_mismatch(self) -> None:
        attested = self.save_under_load("calm", 0.5)
        self.assertGreater(attested, SAVES // 2)

    def test_a_compaction_at_the_heels_of_the_snapshot_is_no_mismatch(self) -> None:
        self.save_under_load("hasty", 0.01)

    def save_under_load(self, name: str, pause: float) -> int:
        """Saves one after the other, none of which is a mismatch; how many were attested."""
        saves = []
        with self.load(pause):
            for number in range(SAVES):
                policy = ("followers", "all")[number % 2]
                saves.append(self.save(f"{name}-{number}", f"--attest={policy}"))
        for what in ("revision", "compact_revision"):  # something did happen in between
            self.assertGreater(len({saved["contents"][what] for saved in saves}), 1, what)
        verdicts = [saved["attestation"] for saved in saves]
        for each in verdicts:
            self.assertIn(each["verdict"], ("attested", "unattested"), each)
            self.assertNotIn("differing", each)
            self.assertTrue(each["agreed"] == 3 or each["reason"], each)
        for each in self.command.json("snapshot", "verify", self.directory):
            self.assertEqual(2, each["level"], each)
        return sum(each["verdict"] == "attested" for each in verdicts)

    @contextmanager
    def load(self, pause: float) -> Iterator[None]:
        """One client writes all the time, another one compacts what it wrote a pause ago."""
        stop = threading.Event()
        newest = [1]

        def write(gateway: Gateway) -> None:
            while not stop.is_set():
                key = f"busy/{random.randrange(50)}"
                newest[0] = gateway.txn([put(key.encode(), random.randbytes(200))])

        def compact(gateway: Gateway) -> None:
            done = behind = newest[0]
            while not stop.wait(pause):
                if behind > done:
                    gateway.compact(behind)
                    done = behind
                behind = newest[0]

        def run(act: Callable[[Gateway], None], number: int) -> None:
            gateway = Gateway(self.cluster, self.cluster.members[number])
            try:
                act(gateway)
            finally:
                gateway.close()

        with ThreadPoolExecutor(2) as pool:
            clients = [pool.submit(run, write, 0), pool.submit(run, compact, 1)]
            try:
                time.sleep(2 * pause)
                yield
            finally:
                stop.set()
            for client in clients:
                client.result()


class LastResort(SavedTest):
    """Members are lost one by one."""

    def test_every_member_that_is_left_is_saved(self) -> None:
        self.cluster = self.start_tls_cluster(self.release)
        hashes = keys.fill(self.cluster, 50, 1_000)
        alive = list(self.cluster.members)
        for lost in range(3):
            with self.subTest(lost=lost):
                done, saved = self.try_to_save(f"{lost}", "--all-members", "--attest=all")
                expected = [f"{lost}.{member.name}.db" for member in alive]
                self.assertCountEqual(expected, [Path(each["file"]).name for each in saved])
                self.assertEqual(expected, [name for name in self.names() if name[0] == f"{lost}"])
                self.assertEqual(1 if lost else 0, done.returncode, done.stderr)
                for each in saved:
                    name = Path(each["file"]).name.split(".")[1]
                    [member] = [one for one in alive if one.name == name]
                    self.assertEqual(member.client_url, each["endpoint"])
                    self.assertEqual(len(alive), each["attestation"]["agreed"], each)
                    self.assertEqual(3 if len(alive) > 1 else 2, each["level"], each)
                    SnapshotStatus.of(Path(each["file"]), self.release)
                for member in self.cluster.members:
                    missing = f"member {member.name}" in done.stderr
                    self.assertEqual(member not in alive, missing, done.stderr)
                if lost == 0:
                    one = Path(saved[0]["file"])
            alive.pop(1 - lost).kill()  # the second, then the first
        self.assert_restorable(one, hashes)
        self.assert_restorable(self.directory / "2.etcd-3.db", hashes)

    def assert_restorable(self, file: Path, hashes: dict[str, str]) -> None:
        restored = EtcdCluster(
            self.state / file.stem, Ports.pairs(ports.claim(2)), release=self.release
        )
        restored.restore(file)
        with restored:
            self.assertEqual(hashes, keys.read_hashes(restored, list(hashes)))


class Outvoted(SavedTest):
    """Two members hold what was written, the third one another value of one key."""

    ODD = "etcd-3"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not cls.since("3.5"):  # whose tool leaves the members of before in what it restores
            raise unittest.SkipTest(f"snapshots of etcd {cls.minor} are not put together here")
        good, odd = (cls.single(name) for name in ("good", "odd"))
        pairs = Ports.pairs(ports.claim(6))
        cls.cluster = EtcdCluster(cls.state / "mixed", pairs, release=cls.release)
        cls.cluster.restore(good, cls.cluster.members[:2])
        cls.cluster.restore(odd, cls.cluster.members[2:])
        cls.enterClassContext(cls.cluster)

    @classmethod
    def single(cls, name: str) -> Path:
        """A snapshot of a cluster of one in which the key `differs` has that value."""
        file = cls.state / f"{name}.db"
        cluster = cls.start_cluster(name, 1, release=cls.release)
        gateway = Gateway(cluster, cluster.members[0])
        for number in range(20):
            gateway.put(f"same/{number}", b"same")
        gateway.put("differs", name.encode())
        gateway.close()
        cluster.etcdctl("snapshot", "save", str(file))
        cluster.stop()
        return file

    def lead(self, name: str) -> None:
        leader = self.cluster.leader()
        if leader.name != name:
            status = self.cluster.status()[name]
            identity = f"{status['header']['member_id']:x}"
            self.cluster.etcdctl("move-leader", identity, endpoints=[leader.client_url])
        self.cluster.wait_healthy()

    def test_the_odd_one_is_quarantined_whoever_leads(self) -> None:
        for leader in ("etcd-1", self.ODD):
            for policy in ("followers", "all"):
                with self.subTest(leader=leader, policy=policy):
                    self.lead(leader)
                    name = f"{leader}-{policy}"
                    done, saved = self.try_to_save(name, "--all-members", f"--attest={policy}")
                    self.assertEqual(1, done.returncode, done.stderr)
                    quarantined = self.directory / f"{name}.{self.ODD}.db.quarantined"
                    self.assertIn(str(quarantined), done.stderr)
                    self.assertTrue(quarantined.exists())
                    self.assertFalse(quarantined.with_suffix("").exists())
                    verdicts = {Path(each["file"]): each for each in saved}
                    odd = verdicts[quarantined]
                    self.assertEqual((2, "mismatch"), (odd["level"], odd["attestation"]["verdict"]))
                    self.assertTrue(odd["attestation"]["differing"])
                    self.assertNotIn(self.ODD, "".join(odd["attestation"]["differing"]))

    def test_the_majority_is_attested_whoever_leads(self) -> None:
        for leader in ("etcd-1", self.ODD):
            for policy in ("followers", "all"):
                with self.subTest(leader=leader, policy=policy):
                    self.lead(leader)
                    name = f"{leader}-{policy}"
                    _, saved = self.try_to_save(name, "--all-members", f"--attest={policy}")
                    verdicts = {each["endpoint"]: each for each in saved}
                    for member in self.cluster.members[:2]:
                        told = verdicts[member.client_url]["attestation"]
                        self.assertEqual(("attested", 2), (told["verdict"], told["agreed"]))
                        if policy == "all":
                            self.assertIn(self.ODD, "".join(told["differing"]))

    def test_the_command_says_with_which_data_it_came_home(self) -> None:
        self.lead("etcd-1")
        done, [saved] = self.try_to_save("one", "--attest=all")
        value = self.command.output("snapshot", "get", saved["file"], "differs")
        self.assertEqual(0 if value == "good" else 1, done.returncode, done.stderr)
        names = ["one.db"] if value == "good" else ["one.db.quarantined"]
        self.assertEqual(names, self.names())


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Attested, LastResort, Outvoted])


if __name__ == "__main__":
    unittest.main()
