#!/usr/bin/env -S python3 -B
"""Do the commands on snapshot files say what the cluster, and etcd's own tools, say of the same?"""

import json
import re
import unittest
from pathlib import Path
from typing import Any

from stages import (
    CERTIFICATE_USER,
    EMPTY_KEY,
    LARGE_KEY,
    ODD_KEYS,
    PASSWORD,
    Record,
    Records,
    Stage,
    StagedTest,
)
from versions import VersionTest, for_every_minor

from lab.waiting import LabError

PREFIXES = (b"", b"lab/", b"lab/00", b"lab/0007", b"\xff", b"no such key")


def key_of(printed: str) -> bytes:
    """The key behind its printable form."""
    if not printed.startswith('"'):
        return printed.encode()
    return re.sub(
        rb'\\(?:x([0-9a-f]{2})|(["\\]))',
        lambda found: found[2] or bytes.fromhex(found[1].decode()),
        printed[1:-1].encode(),
    )


def differences(before: Records, after: Records) -> list[dict[str, Any]]:
    """What `snapshot diff --keys` should say, in no particular order."""
    found = []
    for key in before.keys() | after.keys():
        old, new = (records[key].value if key in records else None for records in (before, after))
        if old != new:
            change = "added" if old is None else "removed" if new is None else "changed"
            left = new if new is not None else old or b""
            found.append({"change": change, "key": key, "bytes": len(key) + len(left)})
    return found


class Fresh(VersionTest):
    """Three members that have just started: nothing was written, and no version agreed upon."""

    def test_its_snapshot_is_whole(self) -> None:
        self.cluster = self.start_tls_cluster(self.release)
        ours, theirs = self.state / "ours.db", self.state / "theirs.db"
        first = self.cluster.endpoints[:1]
        self.cluster.etcdctl("snapshot", "save", str(theirs), endpoints=first)
        [saved] = self.command.json("snapshot", "save", ours, *self.cluster.client_flags())
        self.assertEqual((3, 1), (saved["level"], saved["contents"]["revision"]), saved)
        for file in (ours, theirs):
            status = self.command.json("snapshot", "status", file)
            del status["contents"]
            stock = self.release.snapshot_status(file)
            if stock.get("version") == "":
                # Taken before 3.6 or later wrote its version: a file like those of before 3.6,
                # shown as their tools show it.
                self.assertNotIn("version", status)
                self.assertEqual(0, stock["totalKey"])
                del stock["version"], stock["totalKey"], status["totalKey"]
            self.assertEqual(stock, status)
            self.assertEqual([], self.command.json("snapshot", "keys", file))
        self.assertEqual([], self.command.json("snapshot", "diff", ours, theirs))


class Contents(StagedTest):
    """What is asked of every stage."""

    def every_file(self) -> list[tuple[Path, Stage]]:
        return [(file, each) for each in self.stages.values() for file in (each.ours, each.theirs)]

    def assert_lists(self, file: Path, records: Records, *flags: str | bytes) -> None:
        """`snapshot keys` names exactly these."""
        done = self.command.run_binary("snapshot", "keys", file, "-w", "json", *flags)
        self.assertEqual((0, b""), (done.returncode, done.stderr))
        expected = {}
        for key, record in records.items():
            listed = {
                "create_revision": record.create_revision,
                "mod_revision": record.mod_revision,
                "version": record.version,
                "value_bytes": len(record.value),
            }
            expected[key] = listed | ({"lease": f"{record.lease:x}"} if record.lease else {})
        listed = json.loads(done.stdout)
        self.assertEqual(expected, {key_of(each.pop("key")): each for each in listed})
        self.assertEqual(len(expected), len(listed))

    def test_status_is_what_the_tool_of_this_version_prints(self) -> None:
        for file, _ in self.every_file():
            with self.subTest(file):
                ours = self.command.json("snapshot", "status", file)
                del ours["contents"]
                self.assertEqual(self.release.snapshot_status(file), ours)

    def test_the_contents_are_what_the_cluster_says(self) -> None:
        for file, stage in self.every_file():
            with self.subTest(file):
                found = self.command.json("snapshot", "status", file)["contents"]
                if file == stage.ours:
                    self.assertEqual(found, stage.saved["contents"])
                self.assertEqual(len(stage.records), found["keys"]["live"])
                found["auth"] = {name: found["auth"][name] for name in stage.contents["auth"]}
                found["members"].sort(key=lambda each: each["id"])
                found["alarms"].sort(key=str)
                self.assertEqual(stage.contents, {name: found[name] for name in stage.contents})
        for stage in ("compacted", "defragmented"):
            found = self.command.json("snapshot", "status", self.stages[stage].theirs)["contents"]
            self.assertEqual(self.compacted, found["compact_revision"], stage)
            self.assertTrue(found["compaction_finished"], stage)

    def test_every_snapshot_is_attested_by_the_followers(self) -> None:
        for name, stage in self.stages.items():
            with self.subTest(name):
                attestation = dict(stage.saved["attestation"])
                self.assertIn("the leader was not asked", attestation.pop("reason"))
                self.assertEqual({"verdict": "attested", "agreed": 2, "voters": 3}, attestation)
                self.assertEqual(3, stage.saved["level"])
                flaws = ["the alarm CORRUPT is raised"] if name == "with alarms" else []
                self.assertEqual(flaws, stage.saved["notes"])

    def test_the_keys_are_those_of_a_range(self) -> None:
        for file, stage in self.every_file():
            with self.subTest(file):
                self.assert_lists(file, stage.records)
        stage = self.stages["written"]
        for prefix in PREFIXES:
            with self.subTest(prefix=prefix):
                found = {k: record for k, record in stage.records.items() if k.startswith(prefix)}
                self.assert_lists(stage.ours, found, b"--prefix", prefix)
        listed = self.command.output("snapshot", "keys", stage.ours).splitlines()
        self.assertCountEqual(stage.records, map(key_of, listed))

    def test_the_past_is_what_it_was(self) -> None:
        for revision, records in self.past.items():
            stage = self.stages["changed"]
            if revision > stage.contents["revision"]:
                stage = self.stages["compacted"]
            for file in (stage.ours, stage.theirs):
                with self.subTest(file, revision=revision):
                    self.assert_lists(file, records, f"--at-revision={revision}")
            for key in (b"lab/0055", b"lab/0070", b"lab/0085", ODD_KEYS[0]):
                with self.subTest(stage.ours, key=key, revision=revision):
                    self.assert_value(stage.ours, key, records.get(key), revision)

    def test_the_bounds_of_the_past_are_those_of_etcd(self) -> None:
        file = self.stages["compacted"].ours
        newest = self.stages["compacted"].contents["revision"]
        for revision in (self.compacted - 1, self.compacted, newest, newest + 1):
            with self.subTest(revision - self.compacted):
                try:
                    current = self.stages["defragmented"].contents["revision"]
                    records = self.read(revision if revision <= newest else current + 1)
                except LabError as error:
                    reason = str(error).partition("mvcc: ")[2].rstrip('"}')
                    self.assertTrue(reason, error)
                    flag = f"--at-revision={revision}"
                    done = self.command.run("snapshot", "keys", file, flag)
                    self.assertEqual((1, ""), (done.returncode, done.stdout))
                    self.assertIn(reason, done.stderr)
                else:
                    self.assert_lists(file, records, f"--at-revision={revision}")

    def assert_value(
        self, file: Path, key: bytes, record: Record | None, revision: int | None = None
    ) -> None:
        flags = [f"--at-revision={revision}"] if revision else []
        done = self.command.run_binary("snapshot", "get", file, key, *flags)
        if record is None:
            self.assertEqual((1, b""), (done.returncode, done.stdout))
            self.assertIn(b"no key", done.stderr)
        else:
            self.assertEqual((0, record.value, b""), (done.returncode, done.stdout, done.stderr))

    def test_the_values_are_the_bytes_that_were_written(self) -> None:
        for name in ("written", "changed", "compacted", "defragmented"):
            stage = self.stages[name]
            keys = [b"lab/0050", b"lab/0061", b"lab/0085", b"leased/1", b"lab", *ODD_KEYS]
            for key in [LARGE_KEY, EMPTY_KEY, *(key for key in keys if b"\0" not in key)]:
                with self.subTest(name, key=key):
                    self.assert_value(stage.ours, key, stage.records.get(key))

    def test_a_diff_is_what_was_written_in_between(self) -> None:
        stages = list(self.stages.values())
        pairs = [(before, after) for before in stages for after in stages]
        for before, after in self.random.sample(pairs, 12) + list(zip(stages, stages[1:])):
            with self.subTest(before.ours, after=after.ours):
                diff = ("snapshot", "diff", before.ours, after.theirs)
                expected = differences(before.records, after.records)
                listed = self.command.json(*diff, "--keys")
                self.assertCountEqual(
                    expected, [each | {"key": key_of(each["key"])} for each in listed]
                )
                counted = self.command.json(*diff)
                for change in ("added", "changed", "removed"):
                    number = sum(each["change"] == change for each in expected)
                    self.assertEqual(number, sum(each[change] for each in counted), change)
                in_bytes = sum(each["bytes"] for each in expected)
                self.assertEqual(in_bytes, sum(each["bytes"] for each in counted))

    def test_every_snapshot_is_proven_to_level_2(self) -> None:
        for stage in self.stages.values():
            directory = stage.ours.parent
            verified = self.command.json("snapshot", "verify", directory)
            self.assertEqual([str(stage.ours), str(stage.theirs)], [v["file"] for v in verified])
            for each in verified:
                self.assertEqual((2, True, []), (each["level"], each["trailer"], each["warnings"]))
            self.assertEqual(stage.saved["sha256"], verified[0]["sha256"])
            for each in self.command.json("snapshot", "verify", directory, "--skip-hash-check"):
                self.assertEqual((2, False), (each["level"], "sha256" in each))

    def test_a_users_lack_of_rights_is_named(self) -> None:
        flags = [flag for flag in self.cluster.client_flags() if not flag.startswith("--user")]
        file = self.state / "refused.db"
        done = self.command.run("snapshot", "save", file, *flags, f"--user=bob:{PASSWORD}")
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn("permission denied", done.stderr)
        self.assertIn("role root", done.stderr)
        self.assertIn("--user", done.stderr)
        self.assertFalse(file.exists())

    def test_a_certificate_that_names_no_user_is_no_obstacle(self) -> None:
        name_it = ("user", "add", f"{CERTIFICATE_USER}:{PASSWORD}")
        self.cluster.etcdctl("user", "delete", CERTIFICATE_USER)
        self.addCleanup(self.cluster.etcdctl, *name_it)
        file = self.state / "nobody.db"
        [saved] = self.command.json("snapshot", "save", file, *self.cluster.client_flags())
        self.assertEqual(3, saved["level"], saved)

    def test_the_database_of_a_stopped_member_has_no_trailer(self) -> None:
        member = self.cluster.members[2]
        member.stop()
        database = member.data / "member" / "snap" / "db"
        stage = self.stages["defragmented"]
        for path in (database, member.data):
            [verified] = self.command.json("snapshot", "verify", path)
            self.assertEqual(str(database), verified["file"])
            self.assertEqual((2, False), (verified["level"], verified["trailer"]))
            self.assertIn("2 (no trailer)", self.command.output("snapshot", "verify", path))
        self.assert_lists(database, stage.records)
        found = self.command.json("snapshot", "status", database)
        del found["contents"]
        self.assertEqual(self.release.snapshot_status(database), found)


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Fresh, Contents])


if __name__ == "__main__":
    unittest.main()
