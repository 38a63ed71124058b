#!/usr/bin/env -S python3 -B
"""Copies when something goes wrong: the network, the destination, the daemon, this machine."""

import json
import unittest
from pathlib import Path
from typing import Any

from copies import USAGE, CopiesTest, Manifest
from destinations import (
    AgeKey,
    Network,
    PutOnlyStore,
    RcloneServe,
    Server,
    binary_with_rclone,
    binary_without,
    write_sections,
)
from support import WardenThatEndsWell, sha256_of

from lab.waiting import wait_until
from lab.warden import Command
from lab.web import request

ENOUGH = 1_000_000  # bytes that are in the middle of a copy


class TroubleTest(CopiesTest):
    """A WebDAV server behind a network, and a directory of this machine as another destination."""

    server: Server

    @classmethod
    def make_server(cls) -> Server:
        return RcloneServe("webdav", cls.state.path)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = cls.enterClassContext(cls.make_server())
        cls.key = AgeKey(cls.state / "identity.txt")

    def setUp(self) -> None:
        super().setUp()
        self.network = self.enterContext(Network(self.server.port))
        self.folder = self.directory.name
        self.rclone_config = write_sections(
            self.directory / "rclone.conf", {"far": self.server.section(self.network.port)}
        )

    def far(self, **settings: Any) -> dict[str, Any]:
        remote = f"far:{self.server.root}/{self.folder}"
        place = {"remote": remote, "rclone_config": str(self.rclone_config)}
        return {"name": "far"} | place | settings

    def near(self, **settings: Any) -> dict[str, Any]:
        return {"name": "near", "remote": str(self.directory / "near")} | settings

    def assert_far(self, config: Path) -> Manifest:
        """The newest backup is whole there."""
        return self.assert_copied(config, "far", self.server, self.folder)

    def far_files(self) -> set[str]:
        place = self.server.directory / self.folder
        return {each.name for each in place.iterdir()} if place.exists() else set()

    def no_leftovers(self) -> None:
        """Nothing half-made stays on this machine."""
        backups = self.directory / "backups"
        left = [each for each in (backups / "spool").rglob("*") if each.is_file()]
        self.assertEqual([], left + list(backups.glob("*.partial")))


class Patience(TroubleTest):
    def test_the_daemon_tries_again_and_other_destinations_do_not_wait(self) -> None:
        config = self.configure(self.far(), self.near())
        warden = self.serve(config)
        self.network.cut_after(ENOUGH)
        manifest = self.take(config)  # a success, whatever becomes of the copies
        self.wait_for_state(warden, "near", up=1, pending=0, stored=1)
        self.wait_for_state(warden, "far", up=0, pending=1, stored=0)
        self.assertEqual([], self.copies(config, "far"))
        self.assertNotIn(f"{manifest['id']}.json", self.far_files())
        failures = warden.page().value("backup_failures_total", stage="upload")
        self.assertEqual(1, failures)
        self.network.restore()
        self.wait_for_state(warden, "far", 60, up=1, pending=0, stored=1)
        self.assert_far(config)
        self.no_leftovers()


class CutNetwork(TroubleTest):
    def test_a_copy_by_hand_says_why_and_works_once_the_network_does(self) -> None:
        config = self.configure(self.far(compression="zstd"), self.near())
        self.take(config)
        self.network.cut_after(ENOUGH)
        done = self.backup("copy", config)
        self.fail_with("destination far: ", done)
        self.assertIn("near: 1 backups", done.stdout)
        self.assertTrue(self.network.is_cut)
        self.network.restore()
        self.succeed("copy", config)
        self.assert_far(config)
        self.no_leftovers()

    def test_a_download_that_is_cut_leaves_nothing(self) -> None:
        config = self.configure(self.far())
        manifest = self.take(config)
        self.succeed("copy", config)
        for each in (manifest["file"], f"{manifest['id']}.json"):
            (self.directory / "backups" / each).unlink()
        self.network.cut()
        self.fail_with("download", self.backup("fetch", config, "latest"))
        self.assertEqual([], self.local(config))
        self.no_leftovers()
        self.network.restore()
        self.succeed("fetch", config, "latest")
        self.assert_good_backup(self.directory / "backups", manifest)

    def test_the_time_that_is_given_is_kept(self) -> None:
        config = self.configure(self.far())
        self.take(config)
        self.network.hold_after(ENOUGH)
        self.fail_with("", self.backup("copy", config, "--command-timeout=2s"))
        self.assertEqual([], self.copies(config, "far"))


class KilledDaemon(TroubleTest):
    def stall(self, config: Path) -> WardenThatEndsWell:
        """A daemon in the middle of an upload that does not go on."""
        log = self.directory / "warden.log"
        warden = self.enterContext(WardenThatEndsWell(self.command.binary, config, log))
        warden.wait_ready()
        self.network.hold_after(ENOUGH)
        self.take(config)
        wait_until(lambda: self.network.holds, 30, "the upload is under way", [warden])
        return warden

    def rclones(self, config: Path) -> list[Path]:
        """What /proc knows of the rclone processes of this test."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes()
            except OSError:
                continue  # it has just ended
            program = line.split(b"\0")[0].rsplit(b"/")[-1]
            if program == b"rclone" and str(config.parent).encode() in line:
                found.append(process)
        return found

    def test_the_copy_ends_after_a_restart(self) -> None:
        config = self.configure(self.far(age_recipients=[self.key.recipient]))
        warden = self.stall(config)
        warden.kill()
        # Were it still alive, it would go on once it could and spoil the copy that is made by then.
        wait_until(lambda: not self.rclones(config), 10, "rclone ends with its daemon")
        self.network.cut()
        self.network.restore()
        warden.start()
        warden.wait_ready()
        self.wait_for_state(warden, "far", 60, up=1, pending=0, stored=1)
        self.assert_far(config)
        self.no_leftovers()

    def test_a_daemon_that_is_stopped_leaves_no_program_behind(self) -> None:
        config = self.configure(self.far())
        warden = self.stall(config)
        self.assertEqual(1, len(self.rclones(config)))
        self.assertEqual(0, warden.stop())
        self.assertEqual([], self.rclones(config))
        self.network.restore()
        warden.start()
        warden.wait_ready()
        # It was shut down, which is no failure: the copy does not wait for half a minute.
        self.wait_for_state(warden, "far", 20, up=1, pending=0, stored=1)
        self.assert_far(config)

    def test_a_copy_by_hand_does_not_interfere(self) -> None:
        config = self.configure(self.far(), self.near())
        warden = self.stall(config)
        self.wait_for_state(warden, "near", up=1, pending=0)
        done = self.backup("copy", config)
        self.fail_with("destination far: ", done)
        self.assertIn("another process", done.stderr)
        self.network.restore()
        self.wait_for_state(warden, "far", up=1, pending=0, stored=1)
        self.assert_far(config)

    def test_secrets_are_shown_to_nobody(self) -> None:
        config = self.configure(
            self.far(age_recipients=[self.key.recipient], bandwidth_limit="1GiB")
        )
        warden = self.stall(config)
        [process] = self.rclones(config)
        places = {
            "the argument vector": (process / "cmdline").read_bytes().decode(),
            "/config": request(f"{warden.url}/config").text,
            "/metrics": warden.page().text,
            "the API": request(f"{warden.url}/api/v1/backups").text,
        }
        self.assertIn("far", places["/config"])
        self.assertIn("--bwlimit=1073741824B", places["the argument vector"])
        self.network.cut()
        self.wait_for_state(warden, "far", up=0)
        places["the log"] = warden.log_text()
        self.assertIn("cannot copy backups", places["the log"])
        for secret in (*self.server.secrets, self.key.secret):
            for place, text in places.items():
                self.assertNotIn(secret, text, place)


class KilledDaemonOfSftp(KilledDaemon):
    @classmethod
    def make_server(cls) -> Server:
        return RcloneServe("sftp", cls.state.path)


class Lies(TroubleTest):
    """The upload succeeds, and something else is there."""

    # A WebDAV server knows no hash, so that copies there are read back in any case.
    reads_back: dict[str, Any] = {}

    def lying(self, on: str, lie: str) -> Command:
        """An rclone after which the lie is told about the stored file, "$stored"."""
        script = f"""
            "$rclone" "$@" || exit
            [[ $1 == copyto && $3 == *{on} ]] || exit 0
            stored={self.server.directory}/${{3#far:{self.server.root}/}}
            {lie}"""
        return Command(binary_with_rclone(self.directory, script))

    def assert_found(self, words: str, command: Command, **settings: Any) -> None:
        config = self.configure(self.far(**settings))
        manifest = self.take(config)
        self.fail_with(words, self.backup("copy", config, command=command))
        self.assertEqual([], self.copies(config, "far"))
        self.assertNotIn(f"{manifest['id']}.json", self.far_files())
        # An honest one makes it good.
        self.succeed("copy", config)
        self.assert_far(config)

    def test_a_file_that_is_cut_short_is_no_copy(self) -> None:
        self.assert_found("its size there is", self.lying(".db", 'truncate -s -1 "$stored"'))

    def test_a_file_of_other_bytes_is_no_copy(self) -> None:
        lie = 'printf x | dd of="$stored" bs=1 seek=5000 conv=notrunc status=none'
        self.assert_found("its SHA-256 is", self.lying(".db", lie), **self.reads_back)

    def test_a_file_that_vanishes_is_no_copy(self) -> None:
        self.assert_found("it is not there", self.lying(".db", 'rm "$stored"'))

    def test_a_manifest_that_is_cut_short_is_no_copy(self) -> None:
        command = self.lying(".json", 'truncate -s 10 "$stored"')
        config = self.configure(self.far())
        self.take(config)
        self.fail_with(".json", self.backup("copy", config, command=command))
        self.assertEqual([], self.copies(config, "far"))
        self.succeed("copy", config)
        self.assert_far(config)

    def test_rebuild_complains_of_what_cannot_be_used(self) -> None:
        config = self.configure(self.far())
        ids = [self.take(config)["id"] for _ in range(3)]
        self.succeed("copy", config)
        place = self.server.directory / self.folder
        (place / f"{ids[0]}.json").write_text("{")
        (place / f"{ids[1]}.db").write_text("short")
        done = self.backup("rebuild", config)
        self.fail_with(f"{ids[0]}.json", done)
        self.assertIn(f"{ids[1]}.json: its file has 5 bytes", done.stderr)
        self.assertIn("1 backups, 0 of them new, 2 gone", done.stdout)
        self.assertEqual([ids[2]], self.ids(self.copies(config, "far")))
        # What is gone there is copied again.
        self.succeed("copy", config)
        self.assertEqual(3, len(self.copies(config, "far")))
        self.assert_far(config)


class PutOnly(TroubleTest):
    """Credentials that may write and nothing else: whoever steals them destroys nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.store = self.enterContext(PutOnlyStore())
        write_sections(self.rclone_config, {"far": self.store.section()})

    def test_copies_arrive_without_any_other_right(self) -> None:
        config = self.configure(self.far(put_only=True, compression="zstd"))
        manifest = self.take(config)
        self.succeed("copy", config)
        path = f"/{self.folder}/{manifest['id']}"
        self.assertEqual({f"{path}.db.zst", f"{path}.json"}, set(self.store.objects))
        [copy] = self.copies(config, "far")
        self.assertEqual(copy, json.loads(self.store.objects[f"{path}.json"]))
        self.assertNotIn("proof", copy["stored"])
        file = self.directory / "copy.db.zst"
        file.write_bytes(self.store.objects[f"{path}.db.zst"])
        self.assertEqual(copy["stored"]["sha256"], sha256_of(file))
        self.assertNotIn("DELETE", self.store.refused)

    def test_whoever_does_not_say_put_only_wants_proof(self) -> None:
        config = self.configure(self.far())
        self.take(config)
        self.fail_with("403", self.backup("copy", config))
        self.assertEqual([], self.copies(config, "far"))

    def test_nothing_can_be_learnt_from_there(self) -> None:
        config = self.configure(self.far(put_only=True))
        self.fail_with("403", self.backup("rebuild", config))


class ThisMachine(TroubleTest):
    def test_without_rclone_backups_are_taken_and_copies_say_why(self) -> None:
        config = self.configure(self.far())
        binary = binary_without(self.directory, "rclone")
        warden = self.enterContext(
            WardenThatEndsWell(binary, config, self.directory / "warden.log")
        )
        warden.wait_ready()
        manifest = self.take(config)
        self.wait_for_state(warden, "far", up=0, pending=1)
        self.assert_good_backup(self.directory / "backups", manifest)
        self.assertIn("rclone", warden.log_text())
        done = self.backup("copy", config, command=Command(binary))
        self.fail_with("rclone is not installed", done)

    def test_without_age_nothing_leaves_the_machine(self) -> None:
        config = self.configure(self.far(age_recipients=[self.key.recipient]), self.near())
        command = Command(binary_without(self.directory, "age"))
        self.take(config, command)
        done = self.backup("copy", config, command=command)
        self.fail_with("age is not installed", done)
        self.assertIn("near: 1 backups", done.stdout)
        self.assertEqual(set(), self.far_files())
        self.no_leftovers()

    def test_the_wrong_private_key_opens_nothing(self) -> None:
        config = self.configure(self.far(age_recipients=[self.key.recipient]))
        manifest = self.take(config)
        self.succeed("copy", config)
        for each in (manifest["file"], f"{manifest['id']}.json"):
            (self.directory / "backups" / each).unlink()
        other = AgeKey(self.directory / "other.txt")
        flag = f"--identity={other.identity}"
        self.fail_with("no identity matched", self.backup("fetch", config, "latest", flag))
        self.fail_with("no identity file is given", self.backup("fetch", config, "latest"))
        self.assertEqual([], self.local(config))
        self.no_leftovers()
        self.succeed("fetch", config, manifest["id"], f"--identity={self.key.identity}")
        self.assert_good_backup(self.directory / "backups", manifest)

    def test_a_backup_that_has_rotted_is_not_copied_and_holds_up_no_other(self) -> None:
        config = self.configure(self.far())
        good, rotten = self.take(config), self.take(config)
        file = self.directory / "backups" / rotten["file"]
        damaged = bytearray(file.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        file.write_bytes(damaged)
        self.fail_with("is no longer what was verified", self.backup("copy", config))
        self.assertEqual([good["id"]], self.ids(self.copies(config, "far")))

    def test_what_retention_lets_go_at_once_is_not_pending(self) -> None:
        config = self.configure(self.near())
        taken = [self.take(config)["id"] for _ in range(3)]
        rule = {"keep_verified_min": 1, "rules": [{"keep_last": 1}]}
        warden = self.serve(self.configure(self.near(retention=rule)))
        self.wait_for_state(warden, "near", stored=1)
        self.assertEqual([taken[-1]], self.ids(self.copies(config, "near")))
        self.assertEqual(0, self.state_of(warden, "near")["pending"])

    def test_what_is_pinned_here_stays_there(self) -> None:
        rule = {"keep_verified_min": 1, "rules": [{"keep_last": 1}]}
        config = self.configure(self.near(retention=rule))
        pinned = self.take(config)["id"]
        self.succeed("copy", config)
        self.succeed("pin", config, pinned)
        taken = []
        for _ in range(2):
            taken.insert(0, self.take(config)["id"])
            self.succeed("copy", config)
        self.assertEqual([taken[0], pinned], self.ids(self.copies(config, "near")))

    def test_a_deletion_that_failed_is_tried_again(self) -> None:
        rule = {"keep_verified_min": 1, "rules": [{"keep_last": 1}]}
        config = self.configure(self.far(retention=rule))
        command = Command(
            binary_with_rclone(self.directory, '[[ $1 != deletefile ]] || exit 1; "$rclone" "$@"')
        )
        self.take(config)
        self.succeed("copy", config)
        newest = self.take(config)
        self.fail_with("delete", self.backup("copy", config, command=command))
        self.succeed("copy", config)
        self.assertEqual([newest["id"]], self.ids(self.copies(config, "far")))
        self.assertEqual({f"{newest['id']}.{end}" for end in ("db", "json")}, self.far_files())

    def test_a_destination_that_moves_gets_what_the_old_place_had(self) -> None:
        self.take(config := self.configure(self.near()))
        self.succeed("copy", config)
        elsewhere = self.directory / "elsewhere"
        self.succeed("copy", self.configure(self.near(remote=str(elsewhere))))
        self.assertEqual(2, len(list(elsewhere.iterdir())))


class Checked(TroubleTest):
    """`check-config` on what copies need."""

    def assert_refused(self, words: str, config: Path, command: Command | None = None) -> None:
        done = (command or self.command).run("check-config", config)
        self.assertEqual((USAGE, ""), (done.returncode, done.stdout), done.stderr)
        self.assertEqual(
            f"{config}: clusters[0].backup.destinations[0]: {words}\n", done.stderr
        )

    def test_what_is_all_there_passes(self) -> None:
        config = self.configure(self.far(age_recipients=[self.key.recipient]), self.near())
        self.command.output("check-config", config)

    def test_a_remote_that_rclone_does_not_know(self) -> None:
        config = self.configure(self.far(remote="fra:copies"), self.near())
        self.assert_refused(f"remote fra is not in {self.rclone_config}", config)

    def test_rclone_is_missing(self) -> None:
        command = Command(binary_without(self.directory, "rclone"))
        config = self.configure(self.far())
        self.assert_refused("rclone is not installed, or not in PATH", config, command)

    def test_age_is_missing(self) -> None:
        command = Command(binary_without(self.directory, "age"))
        config = self.configure(self.far(age_recipients=[self.key.recipient]), self.near())
        self.assert_refused("age is not installed, or not in PATH", config, command)

    def test_no_private_key_may_be_in_it(self) -> None:
        for settings in (
            {"age_recipients": [self.key.secret]},
            {"age_recipients_file": str(self.key.identity)},
        ):
            done = self.command.run("check-config", self.configure(self.far(**settings)))
            self.assertEqual(USAGE, done.returncode, done.stdout)
            self.assertIn("private key", done.stderr)
            self.assertNotIn(self.key.secret, done.stderr)


if __name__ == "__main__":
    unittest.main()
