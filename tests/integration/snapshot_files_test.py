#!/usr/bin/env -S python3 -B
"""The commands on snapshot files, and files as they come when something went wrong."""

import hashlib
import json
import os
import pty
import random
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path

from stages import put
from support import BINARY, LabTest, sha256_of

from lab import keys
from lab.keys import Gateway
from lab.process import environment

PAGE = 4_096
DIGEST = 32
META_CHECKED = 56  # bytes of a meta page that its checksum is of
MEBIBYTE, TEBIBYTE = 1 << 20, 1 << 40
NOBODY = 65_534
WILD_KEYS = (b"\xff\xfe/wild/key", b"\x1b[31m/wild/key", b"wild\r\n", b"\xc2\x9b31m")
NO_META = "not an etcd database: it has no bbolt meta page"
READERS = ("verify", "status", "keys")  # that take a file and nothing else


def fnv1a(data: bytes) -> int:
    """The checksum of a meta page."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value


def sealed(database: bytes) -> bytes:
    """With the trailer of a snapshot."""
    return database + hashlib.sha256(database).digest()


class FilesTest(LabTest):
    """A snapshot, and the database that it was taken of."""

    snapshot: Path
    member_file: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cluster = cls.start_cluster(size=1)
        cls.fill(Gateway(cluster, cluster.members[0]))
        cls.snapshot, cls.member_file = cls.state / "snapshot.db", cls.state / "member.db"
        cluster.etcdctl("snapshot", "save", str(cls.snapshot))
        cluster.stop()
        shutil.copy(cluster.members[0].data / "member" / "snap" / "db", cls.member_file)

    @classmethod
    def fill(cls, gateway: Gateway) -> None:
        for number in range(40):
            gateway.put(f"lab/{number:02}", random.randbytes(1_000))
        gateway.txn([put(key, b"wild") for key in WILD_KEYS])
        gateway.close()

    def setUp(self) -> None:
        self.directory = self.state / self.id().rpartition(".")[2]
        self.directory.mkdir()
        self.database = self.snapshot.read_bytes()[:-DIGEST]

    def file(self, content: bytes, name: str = "file.db") -> Path:
        path = self.directory / name
        path.write_bytes(content)
        return path

    def assert_refused(self, file: Path, reason: str, readers: tuple[str, ...] = READERS) -> None:
        """Exit code 1, one that names the file and the reason, and nothing that looks like data."""
        for reader in readers:
            with self.subTest(reader, file=file.name):
                done = self.command.run("snapshot", reader, file, timeout=15)
                said = done.stdout + done.stderr
                self.assertEqual(1, done.returncode, said)
                self.assertIn(str(file), said)
                self.assertIn(reason, said)

    def assert_accepted(self, file: Path, warning: str = "") -> None:
        [verified] = self.command.json("snapshot", "verify", file)
        self.assertEqual(2, verified["level"], verified)
        self.assertIn(warning, "".join(verified["warnings"]))
        self.assertEqual(bool(warning), bool(verified["warnings"]), verified)
        status = self.command.json("snapshot", "status", file)
        self.assertEqual(40 + len(WILD_KEYS), status["contents"]["keys"]["live"])
        self.assertEqual(40, len(self.command.json("snapshot", "keys", file, "--prefix=lab/")))

    def with_metas(self, change: Callable[[bytearray], None], *pages: int) -> bytes:
        """The database with these of its two meta pages changed."""
        database = bytearray(self.database)
        for page in pages:
            start = page * PAGE + 16
            meta = database[start : start + META_CHECKED + 8]
            change(meta)
            database[start : start + META_CHECKED + 8] = meta
        return bytes(database)


class BadFiles(FilesTest):
    def test_what_is_no_database_is_refused(self) -> None:
        for name, content, reason in (
            ("empty", b"", ""),
            ("tiny", b"\0", ""),
            ("digest", bytes(DIGEST), ""),
            ("text", b"To be, or not to be\n" * 999, NO_META),
            ("zeros", bytes(16 * PAGE), NO_META),
            ("noise", random.Random(1).randbytes(16 * PAGE + DIGEST), ""),
        ):
            self.assert_refused(self.file(content, name), reason)

    def test_what_is_no_file_is_refused(self) -> None:
        pipe = self.directory / "pipe"
        os.mkfifo(pipe)
        self.assert_refused(pipe, "not a regular file")
        empty = self.directory / "empty"
        empty.mkdir()
        self.assert_refused(empty, "no snapshot", ("verify",))
        self.assert_refused(empty, "", ("status", "keys"))
        self.assert_refused(self.directory / "missing.db", "No such file or directory")
        self.assert_refused(Path("/dev/null"), "not a regular file")
        for before, after in ((pipe, self.snapshot), (self.snapshot, pipe)):
            done = self.command.run("snapshot", "diff", before, after, timeout=30)
            self.assertEqual((1, ""), (done.returncode, done.stdout))
            self.assertIn(str(pipe), done.stderr)

    def test_a_file_that_was_cut_short_is_refused(self) -> None:
        whole = self.snapshot.read_bytes()
        self.assertGreater(len(self.database), 10 * PAGE)
        for size in range(0, len(self.database), PAGE):
            self.assert_refused(self.file(whole[:size], f"{size}.db"), "", ("verify", "status"))
            cut = self.file(whole[: size + DIGEST], f"{size}-and-digest.db")
            self.assert_refused(cut, "", ("verify", "status"))

    def test_a_file_of_a_tebibyte_without_a_database_is_refused(self) -> None:
        file = self.file(b"")
        for size in (TEBIBYTE, TEBIBYTE + DIGEST):
            os.truncate(file, size)
            self.assert_refused(file, NO_META)

    def test_a_tebibyte_of_nothing_behind_a_database_is_passed_over(self) -> None:
        file = self.file(self.database)
        os.truncate(file, TEBIBYTE)
        [verified] = self.command.json("snapshot", "verify", file, "--skip-hash-check", timeout=30)
        self.assertEqual((2, False), (verified["level"], verified["trailer"]))
        self.assertEqual(40, len(self.command.json("snapshot", "keys", file, "--prefix=lab/")))

    def test_without_a_trailer_it_is_the_file_of_a_member(self) -> None:
        for file in (self.file(self.database), self.member_file):
            self.assert_accepted(file)
            self.assertIn("2 (no trailer)", self.command.output("snapshot", "verify", file))

    def test_the_trailer_of_another_file_is_refused(self) -> None:
        other = self.file(self.database + bytes(range(DIGEST)), "other.db")
        self.assert_refused(other, "the SHA-256 trailer does not match", ("verify", "status"))
        [verified] = self.command.json("snapshot", "verify", other, "--skip-hash-check")
        self.assertEqual(2, verified["level"])

    def test_a_value_that_rotted_is_found_by_the_trailer_alone(self) -> None:
        at = self.database.index(b"wild", self.database.index(WILD_KEYS[0]) + len(WILD_KEYS[0]))
        rotten = self.database[:at] + b"wilt" + self.database[at + 4 :]
        file = self.file(rotten + self.snapshot.read_bytes()[-DIGEST:])
        self.assert_refused(file, "the SHA-256 trailer does not match", ("verify", "status"))
        self.assert_accepted(self.file(sealed(rotten), "sealed.db"))

    def test_one_bad_meta_page_is_served_by_the_other(self) -> None:
        def damage(meta: bytearray) -> None:
            meta[META_CHECKED] ^= 1

        for page in (0, 1):
            with self.subTest(page=page):
                file = self.file(sealed(self.with_metas(damage, page)), f"{page}.db")
                self.assert_accepted(file, f"page {page}: the checksum of the meta page is wrong")
        both = self.file(sealed(self.with_metas(damage, 0, 1)), "both.db")
        self.assert_refused(both, "both meta pages are damaged")

    def test_a_changed_page_size_is_refused_or_passed_over(self) -> None:
        def change(meta: bytearray) -> None:
            struct.pack_into("<I", meta, 8, size)

        def change_well(meta: bytearray) -> None:
            change(meta)
            struct.pack_into("<Q", meta, META_CHECKED, fnv1a(bytes(meta[:META_CHECKED])))

        for size in (0, 1, 512, 1_024, 8_192, 65_536, 1 << 31, PAGE + 1):
            with self.subTest(size=size):
                file = self.file(sealed(self.with_metas(change, 0)), f"one-{size}.db")
                self.assert_accepted(file, "page 0: the checksum of the meta page is wrong")
                file = self.file(sealed(self.with_metas(change_well, 0, 1)), f"both-{size}.db")
                self.assert_refused(file, "")

    def test_what_may_not_be_read_is_refused(self) -> None:
        if os.getuid() != 0:
            self.skipTest("only root can become somebody else")
        secret, open_one = self.file(b"", "secret.db"), Path("/dev/null")
        secret.chmod(0o600)
        program = shutil.copy(BINARY, Path(tempfile.gettempdir()) / f"warden-{os.getpid()}")
        self.addCleanup(os.unlink, program)
        for file, reason in ((secret, "Permission denied"), (open_one, "not a regular file")):
            done = subprocess.run(
                ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
                + [program, "snapshot", "verify", str(file)],
                capture_output=True, text=True, env=environment(), timeout=30, check=False,
            )  # fmt: skip
            self.assertEqual((1, ""), (done.returncode, done.stdout))
            self.assertIn(f"{file}: {reason}", done.stderr)


class GoodFiles(FilesTest):
    def test_a_key_that_is_missing_is_an_error(self) -> None:
        for key, shown in ((b"none", "none"), (b"lab/", "lab/"), (b"\xff\x1b", '"\\xff\\x1b"')):
            done = self.command.run_binary("snapshot", "get", self.snapshot, key)
            self.assertEqual((1, b""), (done.returncode, done.stdout))
            self.assertIn(f"no key {shown}".encode(), done.stderr)

    def test_wild_keys_do_no_harm_to_a_terminal(self) -> None:
        other = self.directory / "other.db"
        fresh = self.start_cluster("fresh", 1)
        keys.fill(fresh, 1, 1)
        fresh.etcdctl("snapshot", "save", str(other))
        for arguments in (
            ("keys", self.snapshot),
            ("status", self.snapshot),
            ("verify", self.snapshot),
            ("diff", other, self.snapshot, "--keys"),
            ("diff", other, self.snapshot),
        ):
            for flags in ([], ["-w", "json"]):
                with self.subTest(arguments, flags=flags):
                    done = self.command.run_binary("snapshot", *arguments, *flags)
                    self.assertEqual((0, b""), (done.returncode, done.stderr))
                    text = done.stdout.decode()  # UTF-8, and nothing else
                    bad = [c for c in text if not (c.isprintable() or c in "\n\t")]
                    self.assertEqual([], bad)
                    if flags:
                        json.loads(text)
        for key in WILD_KEYS:
            done = self.command.run_binary("snapshot", "get", self.snapshot, key)
            self.assertEqual((0, b"wild"), (done.returncode, done.stdout))

    def test_nothing_is_written(self) -> None:
        file = self.file(self.snapshot.read_bytes())
        file.chmod(0o400)
        os.utime(file, (1_000_000_000, 1_000_000_000))

        def look() -> tuple[object, ...]:
            state = file.stat()
            times = (state.st_mtime_ns, state.st_ctime_ns)
            kept = (state.st_ino, state.st_mode, state.st_size, *times)
            return kept, sha256_of(file), list(self.directory.iterdir())

        before = look()
        for command in (
            ("verify", file), ("verify", self.directory), ("verify", file, "--skip-hash-check"),
            ("status", file), ("keys", file), ("keys", file, "--at-revision=5"),
            ("get", file, "lab/00"), ("diff", file, file), ("diff", file, file, "--keys"),
        ):  # fmt: skip
            done = self.command.run_binary("snapshot", *command)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertEqual(before, look(), command)


class LargeFiles(FilesTest):
    """A database that takes a moment to read: much of it real, the rest a hole."""

    REAL, WHOLE = 48, 1_024  # mebibytes

    @classmethod
    def fill(cls, gateway: Gateway) -> None:
        for number in range(cls.REAL):
            gateway.put(f"large/{number}", random.randbytes(MEBIBYTE))
        gateway.close()

    def large(self, mebibytes: int = WHOLE) -> Path:
        file = self.directory / "large.db"
        shutil.copy(self.member_file, file)
        os.truncate(file, mebibytes * MEBIBYTE)
        return file

    def test_a_pipe_gets_no_progress(self) -> None:
        done = self.command.run("snapshot", "verify", self.large())
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertNotIn("\r", done.stdout)

    def test_a_terminal_shows_progress_and_is_left_clean(self) -> None:
        file = self.large()
        ours, theirs = pty.openpty()
        shown = bytearray()

        def read() -> None:
            try:
                while data := os.read(ours, 4_096):
                    shown.extend(data)
            except OSError:
                pass  # the other end is closed

        reader = threading.Thread(target=read)
        reader.start()
        command = [str(BINARY), "snapshot", "verify", str(file)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=False
        )
        os.close(theirs)
        reader.join()
        os.close(ours)
        self.assertEqual(0, done.returncode)
        self.assertNotIn(b"\r", done.stdout)
        line = rb"\r\x1b\[K[^\r]*: \d[^\r]* of 1\.1 GB, [^\r]*/s, [^\r]* left"
        self.assertRegex(bytes(shown), line)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), bytes(shown[-100:]))

    def test_a_file_that_shrinks_or_is_replaced_is_no_crash(self) -> None:
        outcomes: dict[int, int] = {0: 0, 1: 0}
        for number in range(24):
            file = self.large(300)
            size = file.stat().st_size

            def replace(file: Path = file) -> None:
                other = self.file(b"another one", "another")
                os.replace(other, file)

            act: Callable[[], None] = (
                lambda file=file: os.truncate(file, 0),
                lambda file=file, size=size: os.truncate(file, size // 2),
                lambda file=file: os.truncate(file, 5 * PAGE + 1),
                replace,
            )[number % 4]
            with subprocess.Popen(
                [str(BINARY), "snapshot", "verify", str(file)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as verify:
                time.sleep(number * 0.02)
                act()
                stdout, stderr = verify.communicate(timeout=60)
            with self.subTest(number):
                self.assertIn(verify.returncode, outcomes, stdout + stderr)
                if verify.returncode == 1:
                    self.assertIn(str(file), stdout + stderr)
                outcomes[verify.returncode] += 1
        self.assertGreater(outcomes[1], 0, outcomes)


if __name__ == "__main__":
    unittest.main()
