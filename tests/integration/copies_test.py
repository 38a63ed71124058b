#!/usr/bin/env -S python3 -B
"""Copies at real servers: what arrives there, and what comes back."""

import unittest
from pathlib import Path
from typing import Any

from copies import CopiesTest, Manifest
from destinations import AgeKey, RcloneServe, Server, write_sections

from lab.release import SnapshotStatus
from lab.warden import Warden
from lab.web import get_json

KEEP_ONE = {"keep_verified_min": 1, "rules": [{"keep_last": 1}]}
KEEP_TWO = {"keep_verified_min": 1, "rules": [{"keep_last": 2}]}


class AtAServer:
    """The tests of one kind of server. A daemon copies one backup there in each form."""

    class Test(CopiesTest):
        proof: str  # how a copy is proven there
        server: Server
        key: AgeKey
        config: Path
        warden: Warden
        rclone_config: Path
        forms: dict[str, tuple[str, dict[str, Any]]]  # suffix and settings by destination

        @classmethod
        def make_server(cls) -> Server:
            raise NotImplementedError

        @classmethod
        def setUpClass(cls) -> None:
            super().setUpClass()
            cls.server = cls.enterClassContext(cls.make_server())
            cls.key = AgeKey(cls.state / "identity.txt")
            recipients = cls.state / "recipients.txt"
            recipients.write_text(f"# of the operators\n{cls.key.recipient}\n")
            zstd = {"compression": "zstd", "compression_level": 9}
            cls.forms = {
                "plain": (".db", {}),
                "zstd": (".db.zst", zstd),
                "age": (".db.age", {"age_recipients": [cls.key.recipient]}),
                "both": (".db.zst.age", zstd | {"age_recipients_file": str(recipients)}),
            }
            cls.rclone_config = write_sections(
                cls.state / "rclone.conf", {"there": cls.server.section()}
            )
            cls.config = cls.write(cls.state.path, cls.destinations())
            cls.warden = cls.start_warden(cls.config)

        @classmethod
        def destination(cls, name: str, folder: str, **settings: Any) -> dict[str, Any]:
            place = "/".join(part for part in (cls.server.root, folder) if part)
            remote = {"remote": f"there:{place}", "rclone_config": str(cls.rclone_config)}
            return {"name": name} | remote | settings

        @classmethod
        def destinations(cls) -> list[dict[str, Any]]:
            return [
                cls.destination(name, name, **settings) for name, (_, settings) in cls.forms.items()
            ]

        def everywhere(self) -> Manifest:
            """A backup that the daemon has copied to every destination."""
            if not self.local(self.config):
                self.take(self.config)
            manifest = self.local(self.config)[0]
            for name in self.forms:
                self.wait_for_state(self.warden, name, up=1, pending=0, stored=1)
            return manifest

        def test_each_form_arrives_and_the_stock_programs_open_it(self) -> None:
            manifest = self.everywhere()
            status = self.assert_good_backup(self.state / "backups", manifest)
            for name, (suffix, settings) in self.forms.items():
                with self.subTest(name):
                    copy = self.assert_copied(self.config, name, self.server, name)
                    stored = copy["stored"]
                    self.assertEqual(manifest["id"] + suffix, stored["file"])
                    self.assertEqual(self.proof, stored["proof"])
                    self.assertEqual(settings.get("compression", "none"), stored["compression"])
                    self.assertEqual("age" if "age" in suffix else "none", stored["encryption"])
                    self.assertEqual(manifest, {k: v for k, v in copy.items() if k != "stored"})
                    file = self.server.directory / name / stored["file"]
                    self.assert_opens(copy, file, self.key, status)

        def test_nothing_but_copies_and_manifests_is_left_anywhere(self) -> None:
            manifest = self.everywhere()
            for name, (suffix, _) in self.forms.items():
                there = {each.name for each in (self.server.directory / name).iterdir()}
                self.assertEqual({manifest["id"] + suffix, manifest["id"] + ".json"}, there)
            spool = self.state / "backups" / "spool"
            self.assertEqual([], [each for each in spool.rglob("*") if each.is_file()])

        def test_the_page_and_the_api_know_the_copies(self) -> None:
            manifest = self.everywhere()
            page = self.warden.page()
            self.assert_page_is_clean(page)
            sizes = page.by_label("backup_copy_stored_bytes", "destination")
            self.assertEqual(set(self.forms), set(sizes))
            self.assertEqual(manifest["size_bytes"], sizes["plain"])
            [listed] = get_json(f"{self.warden.url}/api/v1/backups")["backups"]
            self.assertEqual(
                {name: self.proof for name in self.forms},
                {copy["destination"]: copy["proof"] for copy in listed["copies"]},
            )

        def test_a_new_machine_learns_what_is_there_and_fetches_it(self) -> None:
            manifest = self.everywhere()
            config = self.write(self.directory, self.destinations())
            for name in self.forms:
                with self.subTest(name):
                    flag = f"--destination={name}"
                    self.fail_with("backup rebuild", self.backup("fetch", config, "latest", flag))
                    told = self.succeed("rebuild", config, flag)
                    self.assertIn(f"{name}: 1 backups, 1 of them new, 0 gone", told)
                    self.assertEqual([manifest["id"]], self.ids(self.copies(config, name)))
                    identity = f"--identity={self.key.identity}"
                    told = self.succeed("fetch", config, "latest", flag, identity)
                    file = self.directory / "backups" / manifest["file"]
                    self.assertEqual(str(file), told.strip())
                    self.assert_good_backup(file.parent, manifest)
                    self.succeed("verify", config, manifest["id"])
                    [fetched] = self.local(config)
                    self.assertEqual("fetch", fetched["holds"][0]["by"])
                    file.unlink()
                    file.with_suffix(".json").unlink()

        def test_the_destination_outlives_local_retention(self) -> None:
            config = self.configure(self.destination("far", "far"), retention=KEEP_ONE)
            first = self.take(config)
            self.succeed("copy", config)
            second = self.take(config)
            self.succeed("copy", config)
            self.assertEqual([second["id"]], self.ids(self.local(config)))
            self.assertEqual([second["id"], first["id"]], self.ids(self.copies(config, "far")))
            self.succeed("fetch", config, first["id"])
            self.assertEqual([second["id"], first["id"]], self.ids(self.local(config)))
            self.assert_good_backup(self.directory / "backups", first)

        def test_the_retention_of_the_destination_is_its_own(self) -> None:
            there = self.destination("near", "near", retention=KEEP_TWO)
            config = self.configure(there)
            taken = []
            for _ in range(4):
                taken.insert(0, self.take(config)["id"])
                self.succeed("copy", config)
            self.assertEqual(taken, self.ids(self.local(config)))
            self.assertEqual(taken[:2], self.ids(self.copies(config, "near")))
            files = {each.name for each in (self.server.directory / "near").iterdir()}
            expected = {f"{each}.{end}" for each in taken[:2] for end in ("db", "json")}
            self.assertEqual(expected, files)


class WebDav(AtAServer.Test):
    proof = "full"  # it knows no hash

    @classmethod
    def make_server(cls) -> Server:
        return RcloneServe("webdav", cls.state.path)


class Sftp(AtAServer.Test):
    proof = "hash"

    @classmethod
    def make_server(cls) -> Server:
        return RcloneServe("sftp", cls.state.path)


if __name__ == "__main__":
    unittest.main()
