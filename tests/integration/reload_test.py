#!/usr/bin/env -S python3 -B
"""The configuration changes while the daemon runs and is scraped all the time."""

import contextlib
import http.client
import signal
import threading
import time
import unittest
from typing import Any, Self

from support import LabTest, cluster_section, write_config

from lab.etcd import EtcdCluster
from lab.exposition import Page
from lab.waiting import wait_until
from lab.warden import Warden
from lab.web import request

PASSWORD = "correct horse"


class Scraping(threading.Thread):
    """Scrapes without a pause until its context ends; a scrape that disappoints is kept."""

    def __init__(self, warden: Warden, always_up: str) -> None:
        super().__init__()
        self.warden = warden
        self.always_up = always_up
        self.scrapes = 0
        self.complaints: list[str] = []
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.is_set():
            answer = self.warden.scrape(5)
            if answer.status != 200:
                self.complaints.append(f"{answer.status} {answer.text[:200]}")
            elif Page(answer.text).value("up", etcd_cluster=self.always_up) != 1:
                self.complaints.append(f"{self.always_up} is not up")
            self.scrapes += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()


class ReloadTest(LabTest):
    """A cluster that asks for a password and stays, and one that comes and goes."""

    staying: EtcdCluster
    passing: EtcdCluster

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.staying = cls.start_cluster("staying", size=1)
        cls.passing = cls.start_cluster("passing", size=1)
        cls.staying.etcdctl("user", "add", f"root:{PASSWORD}")
        cls.staying.etcdctl("user", "grant-role", "root", "root")
        cls.staying.etcdctl("auth", "enable")
        cls.staying.user = f"root:{PASSWORD}"
        (cls.state / "password").write_text(PASSWORD)

    def write(self, *names: str) -> None:
        sections: dict[str, dict[str, Any]] = {
            "staying": cluster_section(
                self.staying,
                "staying",
                auth={"username": "root", "password_file": "password"},
                backup={"directory": "backups"},
            ),
            "passing": cluster_section(self.passing, "passing"),
        }
        write_config(self.state / "warden.yaml", [sections[name] for name in names])

    def hang_up(self, warden: Warden, said: str) -> None:
        """Sends SIGHUP and waits for one more line of the log that says so."""
        before = warden.log_text().count(said)
        warden.signal(signal.SIGHUP)
        wait_until(
            lambda: warden.log_text().count(said) > before, 10, f"the log says {said}", [warden]
        )

    def test_clusters_come_and_go_between_two_scrapes(self) -> None:
        self.write("staying")
        warden = self.start_warden(self.state / "warden.yaml")
        refreshes = "auth_token_refreshes_total"
        first = warden.page()
        self.assertEqual(1, first.value("up", etcd_cluster="staying"))
        self.assertEqual(1, first.value("exporter_config_last_reload_successful"))
        pid = warden.pid
        with Scraping(warden, "staying") as scraping:
            self.write("staying", "passing")
            self.hang_up(warden, "reloaded the configuration")
            page = warden.page()
            self.assert_page_is_clean(page)
            self.assertEqual(1, page.value("up", etcd_cluster="passing"))

            (self.state / "warden.yaml").write_text("clusters: [{name: staying}, {name: 'a b'}]")
            self.hang_up(warden, "cannot reload the configuration")
            page = warden.page()
            self.assertEqual(1, page.value("up", etcd_cluster="passing"))
            self.assertEqual(0, page.value("exporter_config_last_reload_successful"))
            refused = request(f"{warden.url}/-/reload", "POST", b"")
            self.assertEqual(500, refused.status)
            self.assertRegex(refused.text, r"(?s)clusters\[0\].*\n.*clusters\[1\]")

            self.write("staying")
            done = request(f"{warden.url}/-/reload", "POST", b"")
            self.assertEqual(200, done.status, done.text)
            self.hang_up(warden, "the configuration has not changed")
            last = warden.page()
            scraped = scraping.scrapes
            wait_until(lambda: scraping.scrapes > scraped + 1, 10, "two more scrapes", [warden])
        self.assertEqual([], scraping.complaints)
        self.assertNotIn('etcd_cluster="passing"', last.text)
        self.assertEqual(1, last.value("exporter_config_last_reload_successful"))
        self.assertEqual(
            first.value(refreshes, etcd_cluster="staying"),
            last.value(refreshes, etcd_cluster="staying"),
        )
        self.assertEqual(pid, warden.pid)
        self.assertTrue(warden.running)
        self.assertNotIn("an endpoint", warden.log_text())

    def test_a_reload_that_waits_does_not_delay_the_end(self) -> None:
        config = self.state / "waits.yaml"

        def rename(name: str) -> None:
            write_config(config, [cluster_section(self.passing, name)])

        rename("first")
        warden = self.serve(config)
        self.passing.members[0].pause()
        self.addCleanup(self.passing.members[0].resume)

        def scrape() -> None:
            # The end of the process cuts it off.
            with contextlib.suppress(OSError, http.client.HTTPException):
                warden.scrape()

        scraping = threading.Thread(target=scrape)
        scraping.start()
        self.addCleanup(scraping.join)
        time.sleep(0.5)
        said = "reloaded the configuration"
        rename("second")
        self.hang_up(warden, said)
        rename("third")
        warden.signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertEqual(1, warden.log_text().count(said), "the other one waits for the scrape")
        warden.signal(signal.SIGTERM)
        self.assertEqual(0, warden.wait(5))


if __name__ == "__main__":
    unittest.main()
