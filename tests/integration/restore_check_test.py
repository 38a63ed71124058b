#!/usr/bin/env -S python3 -B
"""Does `restore check` know a cluster that is what was restored from one that is not?"""

import json
import time
import unittest
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from restores import RestoreTest, place_flags, read_all, start_flag
from stages import PASSWORD, put
from versions import for_every_minor

from lab import ports
from lab.etcd import Ports
from lab.keys import Gateway

KEYS, LEASES, BUMP = 60, 3, 1_000_000
NAMES = [
    "members",
    "leader",
    "quorum",
    "revision",
    "hash",
    "snapshot-hash",
    "keys",
    "leases",
    "alarms",
    "auth",
]
Checks = dict[str, dict[str, Any]]


class RestoreCheck(RestoreTest):
    """Three members that etcd's own tool made of a snapshot, and a later snapshot of the same
    cluster, of which they were not made."""

    snapshot: Path
    later: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        source = cls.start_cluster("source", size=1, release=cls.release)
        gateway = Gateway(source, source.members[0])
        leases = [gateway.grant_lease(3_600) for _ in range(LEASES)]
        for number in range(KEYS):
            gateway.txn([put(b"lab/%03d" % number, b"%d" % number, leases[number % LEASES])])
        cls.snapshot, cls.later = cls.state / "snapshot.db", cls.state / "later.db"
        source.etcdctl("snapshot", "save", str(cls.snapshot))
        gateway.txn([put(b"lab/later", b"1")])
        source.etcdctl("snapshot", "save", str(cls.later))
        gateway.close()
        source.stop()

    def setUp(self) -> None:
        name = self.id().rpartition(".")[2]
        self.cluster = self.make_cluster(name, Ports.pairs(ports.claim(6)))

    def start(self) -> None:
        """The members, with what etcd's own tool makes of the snapshot."""
        self.cluster.restore(self.snapshot)
        self.enterContext(self.cluster)

    def start_raised(self) -> Path:
        """The members, with what ours makes of it and a higher revision; the plan."""
        members = self.cluster.members
        file = self.cluster.directory / "plan.json"
        self.make_plan(
            self.snapshot,
            file,
            f"--initial-cluster={start_flag(members[0], 'initial-cluster')}",
            f"--initial-cluster-token={start_flag(members[0], 'initial-cluster-token')}",
            f"--etcd-version={self.minor}",
            f"--bump-revision={BUMP}",
            *place_flags(members),
        )
        for member in members:
            self.run_plan(file, member.name)
        self.enterContext(self.cluster)
        return file

    def look(
        self,
        snapshot: Path | None = None,
        wait: str = "0",
        endpoints: Sequence[str] | None = None,
        plan: Path | None = None,
    ) -> tuple[int, Checks, str]:
        """The exit code, the checks by their names, and what else it said."""
        flags = [f"--plan={plan}"] if plan else []
        flags += [f"--snapshot={snapshot}"] if snapshot else []
        flags += [f"--wait={wait}", "-w", "json", *self.cluster.client_flags(endpoints)]
        done = self.restore("check", *flags)
        checks = json.loads(done.stdout)
        self.assertEqual(NAMES, [check["name"] for check in checks])
        return done.returncode, {check["name"]: check for check in checks}, done.stderr

    def assert_results(self, checks: Checks, **differing: str) -> None:
        """Every other check has the result ok."""
        results = {name: check["result"] for name, check in checks.items()}
        expected = dict.fromkeys(NAMES, "ok")
        expected |= {name.replace("_", "-"): result for name, result in differing.items()}
        self.assertEqual(expected, results, checks)

    def test_a_cluster_that_is_what_was_restored(self) -> None:
        self.start()
        # One endpoint is enough: the others are in the member list.
        [first, *_] = self.cluster.endpoints
        code, checks, said = self.look(self.snapshot, "30s", [first])
        self.assert_results(checks)
        self.assertEqual((0, ""), (code, said))
        self.assertIn("3 of 3 answer", checks["members"]["found"])
        self.assertIn(f"{KEYS} keys at revision", checks["keys"]["found"])
        self.assertEqual(f"{LEASES} leases, as in the snapshot", checks["leases"]["found"])
        flags = (f"--snapshot={self.snapshot}", "--wait=0", *self.cluster.client_flags())
        table = self.command.output("restore", "check", *flags)
        self.assertEqual(f"{len(NAMES)} ok", table.splitlines()[-1])

    def test_a_cluster_in_use_is_still_what_was_restored(self) -> None:
        self.start()
        self.cluster.etcdctl("put", "lab/000", "changed")
        self.cluster.etcdctl("del", "lab/001")
        code, checks, _ = self.look(self.snapshot)
        self.assert_results(checks)
        self.assertEqual(0, code)
        # Members compact one after another, and the check waits until all have.
        _, revision = read_all(self.cluster)
        self.cluster.etcdctl("compact", str(revision))
        code, checks, _ = self.look(self.snapshot, wait="30s")
        self.assert_results(checks, snapshot_hash="not checked", keys="not checked")
        self.assertEqual(0, code)

    def test_a_cluster_whose_revision_was_raised(self) -> None:
        plan = self.start_raised()
        code, checks, _ = self.look(plan=plan, wait="30s")
        self.assert_results(checks, snapshot_hash="not checked")
        self.assertEqual(0, code)
        self.assertIn("with the ids of the plan", checks["members"]["found"])
        # The snapshot tells even then what the hash has to be.
        code, checks, _ = self.look(self.snapshot, plan=plan)
        self.assert_results(checks)
        self.assertEqual(0, code)
        done = self.restore("check", f"--plan={plan}", f"--snapshot={self.later}")
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertIn("is not the snapshot of", done.stderr)

    def test_another_snapshot_was_restored(self) -> None:
        self.start()
        code, checks, _ = self.look(self.later)
        failed = dict.fromkeys(("revision", "hash", "snapshot_hash", "keys"), "failed")
        self.assert_results(checks, **failed)
        self.assertEqual(1, code)
        # The same number of revisions, and other values.
        self.cluster.etcdctl("put", "lab/later", "2")
        code, checks, _ = self.look(self.later)
        self.assert_results(checks, snapshot_hash="failed")
        self.assertEqual(1, code)

    def test_a_member_that_is_late_is_waited_for(self) -> None:
        self.start()
        late = self.cluster.follower()
        late.kill()
        code, checks, _ = self.look(self.snapshot)
        self.assertEqual(1, code)
        self.assertEqual("failed", checks["members"]["result"])
        self.assertIn(late.name, checks["members"]["found"])
        # Started by this thread: a member does not outlive the one that started it.
        with ThreadPoolExecutor(1) as elsewhere:
            checking = elsewhere.submit(self.look, self.snapshot, "1m")
            time.sleep(3)
            late.start()
            code, checks, said = checking.result()
        self.assert_results(checks)
        self.assertEqual(0, code)
        self.assertIn("waiting: members: 2 of 3 answer", said)

    def test_users_that_the_snapshot_does_not_have(self) -> None:
        self.start()
        for arguments in (
            ("user", "add", f"root:{PASSWORD}"),
            ("role", "add", "root"),
            ("user", "grant-role", "root", "root"),
            ("auth", "enable"),
        ):
            self.cluster.etcdctl(*arguments)
        code, checks, _ = self.look(self.snapshot)
        self.assertEqual(1, code)
        self.assertEqual("unknown", checks["keys"]["result"], checks)
        self.assertIn("give --user, of a user with the role root", checks["keys"]["found"])
        self.cluster.user = f"root:{PASSWORD}"
        code, checks, _ = self.look(self.snapshot)
        self.assertEqual(1, code)
        self.assert_results(checks, auth="failed")
        self.assertEqual("on now, off in the snapshot", checks["auth"]["found"])

    def test_wrong_flags(self) -> None:
        done = self.restore("check", *self.cluster.client_flags())
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertIn("--plan or --snapshot is needed", done.stderr)


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [RestoreCheck])


if __name__ == "__main__":
    unittest.main()
