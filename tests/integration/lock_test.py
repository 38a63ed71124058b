#!/usr/bin/env -S python3 -B
"""The lock between wardens against real clusters of every version."""

import json
import os
import subprocess
import threading
import time
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from support import BINARY
from versions import VersionTest, for_every_minor

from lab.process import environment
from lab.waiting import LabError, wait_until

CLAIMER = Path(
    os.environ.get("WARDEN_CLAIMER", BINARY.parent / "tests" / "integration" / "lock_claimer")
).resolve()
TTL = 2  # etcd's least, with the election timeout that it has by default
RACES = 100
PREFIX = "/etcd-warden/"
ABORTED = 10


class Claimer:
    """One warden's lock, in a process of its own."""

    def __init__(self, holder: str, endpoints: Sequence[str], **settings: Any) -> None:
        merged = {"holder": holder, "endpoints": list(endpoints), "ttl": TTL} | settings
        self._popen = subprocess.Popen(
            [CLAIMER, json.dumps(merged)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ask(self, command: str, work: str) -> dict[str, Any]:
        assert self._popen.stdin and self._popen.stdout
        self._popen.stdin.write(f"{command} {work}\n")
        self._popen.stdin.flush()
        if not (line := self._popen.stdout.readline()):
            raise LabError(f"the claimer ended at {command} {work}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def claim(self, work: str) -> str:
        verdict: str = self.ask("claim", work)["verdict"]
        return verdict

    def done(self, work: str) -> int:
        code: int = self.ask("done", work)["code"]
        return code

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe
            pipe.close()


class LockTest(VersionTest):
    """Two wardens with one cluster."""

    size = 3
    flags: Sequence[str] = ()

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(size=cls.size, flags=cls.flags, release=cls.release)

    def setUp(self) -> None:
        super().setUp()
        self.a = self.claimer("a")
        self.b = self.claimer("b")

    def claimer(self, holder: str, **settings: Any) -> Claimer:
        return self.enterContext(Claimer(holder, self.cluster.endpoints, **settings))

    def wait_for_ours(self, claimer: Claimer, work: str) -> None:
        wait_until(lambda: claimer.claim(work) == "ours", 30, f"{work} is free", interval=0.2)

    def keys(self) -> list[str]:
        return self.cluster.etcdctl("get", "--prefix", "--keys-only", PREFIX).split()

    def leases(self) -> list[str]:
        return self.cluster.etcdctl("lease", "list").split("\n")[1:]


class Lock(LockTest):
    def test_every_race_has_one_winner(self) -> None:
        answers: dict[str, list[str]] = {}

        def race(name: str, claimer: Claimer) -> None:
            answers[name] = claimer.ask("claim-all", str(RACES))["verdicts"]

        racers = {"a": self.a, "b": self.b, "c": self.claimer("c")}
        threads = [threading.Thread(target=race, args=pair) for pair in racers.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(racers), set(answers))
        for number, verdicts in enumerate(zip(*answers.values(), strict=True), 1):
            self.assertEqual(1, verdicts.count("ours"), f"{number}: {verdicts}")
            self.assertLessEqual(set(verdicts), {"ours", "held", "done"}, number)

    def test_what_is_done_stays_done(self) -> None:
        self.assertEqual("ours", self.a.claim("done"))
        self.assertEqual("held", self.b.claim("done"))
        self.assertEqual(0, self.a.done("done"))
        time.sleep(2 * TTL + 2)  # etcd looks for leases that ran out every half second
        answer = self.b.ask("claim", "done")
        self.assertEqual(("done", "a", "the result"), tuple(answer.values())[:3])

    def test_what_is_given_up_is_free_at_once(self) -> None:
        self.assertEqual("ours", self.a.claim("given-up"))
        self.assertEqual(0, self.a.ask("give-up", "given-up")["code"])
        self.assertEqual("ours", self.b.claim("given-up"))

    def test_a_claim_outlives_its_ttl_but_not_its_holder(self) -> None:
        self.assertEqual("ours", self.a.claim("long"))
        deadline = time.monotonic() + 4 * TTL
        while time.monotonic() < deadline:
            self.assertEqual("held", self.b.claim("long"))
            time.sleep(0.5)
        self.a.kill()
        self.wait_for_ours(self.b, "long")

    def test_a_claim_that_was_lost_is_not_done(self) -> None:
        self.assertEqual("ours", self.a.claim("lost"))
        [lease] = [
            kv["lease"]
            for kv in json.loads(self.cluster.etcdctl("get", f"{PREFIX}lost", "-w", "json"))["kvs"]
        ]
        self.cluster.etcdctl("lease", "revoke", f"{lease:x}")
        self.assertEqual("ours", self.b.claim("lost"))
        answer = self.a.ask("done", "lost")
        self.assertEqual(ABORTED, answer["code"], answer)
        self.assertEqual(0, self.b.done("lost"))

    def test_nothing_stays_of_what_is_dropped(self) -> None:
        before = len(self.leases())
        self.assertEqual("ours", self.a.claim("dropped"))
        self.a.ask("drop", "dropped")
        wait_until(lambda: f"{PREFIX}dropped" not in self.keys(), 30, "the key is gone")
        wait_until(lambda: len(self.leases()) <= before, 30, "its lease is gone")

    def test_the_claim_survives_a_new_leader(self) -> None:
        self.assertEqual("ours", self.a.claim("leader"))
        leader = self.cluster.leader()
        leader.kill()
        try:
            wait_until(lambda: self.b.claim("leader") != "unavailable", 30, "there is a leader")
            deadline = time.monotonic() + 3 * TTL
            while time.monotonic() < deadline:
                self.assertIn(self.b.claim("leader"), ("held", "unavailable"))
                time.sleep(0.5)
            self.assertEqual(0, self.a.done("leader"))
        finally:
            leader.start()
            self.cluster.wait_healthy()


class LostQuorum(LockTest):
    def test_the_work_is_everybodys_until_there_is_one_again(self) -> None:
        self.assertEqual("ours", self.a.claim("before"))
        lost = self.cluster.members[1:]
        for member in lost:
            member.kill()
        for work in ("before", "during"):
            answer = self.b.ask("claim", work)
            self.assertEqual("unavailable", answer["verdict"], answer)
            self.assertIn("have a quorum?", answer["reason"])
        for member in lost:
            member.start()
        self.cluster.wait_healthy()
        self.assertEqual(0, self.b.done("during"))
        self.assertEqual("done", self.a.claim("during"))

    def test_members_that_hang_are_not_waited_for(self) -> None:
        frozen = self.cluster.members[:2]
        for member in frozen:
            member.pause()
        try:
            self.assertEqual("unavailable", self.a.claim("frozen"))
        finally:
            for member in frozen:
                member.resume()


class NoSpace(LockTest):
    size = 1
    flags = ("--quota-backend-bytes=1048576",)

    def test_a_full_database_takes_no_claim(self) -> None:
        self.assertEqual("ours", self.a.claim("before"))
        with self.assertRaises(LabError):
            for number in range(20):
                self.cluster.etcdctl("put", f"fill/{number}", "x" * 120_000)
        answer = self.b.ask("claim", "after")
        self.assertEqual("unavailable", answer["verdict"])
        self.assertIn("database space exceeded", answer["reason"])
        self.assertIn("alarm NOSPACE", answer["reason"])
        # What is there can be read, and given up.
        self.assertEqual("held", self.b.claim("before"))
        self.assertNotEqual(0, self.a.done("before"))
        self.assertEqual("ours", self.a.claim("before"))
        self.assertEqual(0, self.a.ask("give-up", "before")["code"])


class Auth(LockTest):
    size = 1

    def setUp(self) -> None:
        super().setUp()
        for arguments in (
            ["user", "add", "root:toor"],
            ["user", "grant-role", "root", "root"],
            ["user", "add", "warden:secret"],
            ["role", "add", "locks"],
            ["user", "grant-role", "warden", "locks"],
            ["auth", "enable"],
        ):
            self.cluster.etcdctl(*arguments)
        self.cluster.user = "root:toor"

    def test_the_reason_is_the_command_that_helps(self) -> None:
        warden = self.claimer("warden", user="warden", password="secret")
        answer = warden.ask("claim", "work")
        self.assertEqual("unavailable", answer["verdict"])
        self.assertIn("permission denied", answer["reason"])
        command = answer["reason"].split("`")[1]
        self.assertEqual(["etcdctl", *GRANT], command.split())
        self.cluster.etcdctl(*("locks" if word == "ROLE" else word for word in GRANT))
        self.assertEqual("ours", warden.claim("work"))
        root = self.claimer("root", user="root", password="toor")
        self.assertEqual("held", root.claim("work"))
        self.assertEqual("ours", warden.claim("other"))
        self.assertEqual(0, warden.done("work"))
        # Without a password nobody is asked to guess.
        answer = self.a.ask("claim", "third")
        self.assertEqual("unavailable", answer["verdict"])
        self.assertIn("user name is empty", answer["reason"])
        # Whoever holds a claim may keep it alive, too.
        time.sleep(2 * TTL + 2)
        self.assertEqual("done", warden.claim("work"))
        self.assertEqual("held", root.claim("other"))
        self.assertEqual(0, warden.ask("give-up", "other")["code"])
        self.assertEqual("ours", root.claim("other"))


GRANT = ["role", "grant-permission", "ROLE", "readwrite", "--prefix=true", PREFIX]


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Lock, LostQuorum, NoSpace, Auth])


if __name__ == "__main__":
    unittest.main()
