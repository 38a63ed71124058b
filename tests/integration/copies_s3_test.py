#!/usr/bin/env -S python3 -B
"""Copies at an S3 server: all that the other servers are asked, and what only it can tell."""

import unittest

import copies_test
import copies_trouble_test
from destinations import S3, Server, write_sections
from support import sha256_of


class ObjectStore(copies_test.AtAServer.Test):
    proof = "hash"

    @classmethod
    def make_server(cls) -> Server:
        return S3.or_skip(cls.state.path)

    def test_a_bucket_that_is_not_there_is_named(self) -> None:
        settings = self.destination("far", "far") | {"remote": "there:missing/far"}
        config = self.configure(settings)
        self.take(config)
        self.fail_with("NoSuchBucket", self.backup("copy", config))

    def test_wrong_credentials_are_named(self) -> None:
        wrong = self.server.section() | {"secret_access_key": "wrong"}
        rclone_config = write_sections(self.directory / "rclone.conf", {"there": wrong})
        config = self.configure(
            self.destination("far", "far") | {"rclone_config": str(rclone_config)}
        )
        self.take(config)
        self.fail_with("SignatureDoesNotMatch", self.backup("copy", config))

    def test_what_changed_there_since_is_found_by_reading_it_back(self) -> None:
        config = self.configure(self.destination("far", "far"))
        manifest = self.take(config)
        self.succeed("copy", config)
        file = self.server.directory / "far" / manifest["file"]
        damaged = bytearray(file.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        file.write_bytes(damaged)
        for each in (manifest["file"], f"{manifest['id']}.json"):
            (self.directory / "backups" / each).unlink()
        self.fail_with(
            "the copy is not what its manifest says", self.backup("fetch", config, "latest")
        )
        self.assertEqual([], self.local(config))
        self.assertNotEqual(manifest["sha256"], sha256_of(file))


class AtAnObjectStore(copies_trouble_test.TroubleTest):
    """The same with an object store, which shows whole files only."""

    @classmethod
    def make_server(cls) -> Server:
        return S3.or_skip(cls.state.path)


class CutNetwork(AtAnObjectStore, copies_trouble_test.CutNetwork):
    pass


class KilledDaemon(AtAnObjectStore, copies_trouble_test.KilledDaemon):
    pass


class Lies(AtAnObjectStore, copies_trouble_test.Lies):
    # It tells the hash of what was uploaded, not of what its disk has now.
    reads_back = {"proof": "full"}


if __name__ == "__main__":
    unittest.main()
