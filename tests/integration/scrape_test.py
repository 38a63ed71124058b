#!/usr/bin/env -S python3 -B
"""Scrapes of real clusters: healthy, degraded, dead, and endpoints that are something else."""

import socket
import threading
import time
import unittest
from typing import Self

from support import LabTest, cluster_section, write_config
from watched import WatchedTest

from lab import ports
from lab.certificates import Certificates
from lab.etcd import EtcdMember
from lab.exposition import Page
from lab.waiting import wait_until

BUDGET = 2.0
RETURN_TIMEOUT = 10.0  # gRPC waits between its attempts to connect
GARBAGE = b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n" * 50


class ScrapeTest(WatchedTest):
    """A TLS cluster of three, and a daemon that watches it."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.watch(cls.start_tls_cluster())

    def scrape_within_budget(self) -> Page:
        """A page that came within the time that the scrape said it had."""
        started = time.monotonic()
        page = self.warden.page(BUDGET)
        self.assertLess(time.monotonic() - started, BUDGET)
        self.assert_page_is_clean(page)
        return page

    def assert_unreachable(self, page: Page, member: EtcdMember, reason: str) -> None:
        """The member is listed and not up, its endpoint tells why, and the others are well."""
        url = member.client_url
        self.assertEqual(
            {endpoint: float(endpoint != url) for endpoint in self.cluster.endpoints},
            page.by_label("endpoint_up", "etcd_endpoint"),
        )
        self.assertEqual({1.0}, set(page.by_label("member_listed", "member_id").values()))
        self.assertEqual(
            {identity: float(name != member.name) for name, identity in self.ids.items()},
            page.by_label("member_up", "member_id"),
        )
        failures = page.value("rpc_failures_total", etcd_endpoint=url, rpc="status", reason=reason)
        self.assertGreaterEqual(failures or 0, 1)
        self.assertEqual(1, page.value("up"))
        self.assertEqual(2, page.value("cluster_voters_reachable"))
        self.assertEqual(0, page.value("cluster_failure_tolerance"))


class HealthyCluster(ScrapeTest):
    def test_values_agree_with_etcdctl(self) -> None:
        page, statuses = self.settled()
        self.assert_page_is_clean(page)
        self.assert_agrees_with_etcdctl(page, statuses)
        for member in self.cluster.members:
            header = statuses[member.name]["header"]
            self.assertEqual(
                1,
                page.value(
                    "member_info",
                    etcd_endpoint=member.client_url,
                    member_id=self.ids[member.name],
                    member=member.name,
                    cluster_id=f"{header['cluster_id']:x}",
                    version=statuses[member.name]["version"],
                ),
            )

    def test_the_cluster_is_whole(self) -> None:
        page = self.scrape_within_budget()
        all_ids = dict.fromkeys(self.ids.values(), 1.0)
        self.assertEqual(all_ids, page.by_label("member_up", "member_id"))
        self.assertEqual(all_ids, page.by_label("member_listed", "member_id"))
        self.assertEqual(all_ids, page.by_label("member_started", "member_id"))
        self.assertEqual(all_ids, page.by_label("member_has_leader", "member_id"))
        self.assert_three_healthy_voters(page)

    def test_every_endpoint_answers_over_tls(self) -> None:
        page = self.scrape_within_budget()
        every = dict.fromkeys(self.cluster.endpoints, 1.0)
        self.assertEqual(every, page.by_label("endpoint_up", "etcd_endpoint"))
        self.assertEqual(every, page.by_label("endpoint_tls", "etcd_endpoint"))
        for rpc in ("status", "member_list"):
            self.assertEqual(
                every, page.by_label("endpoint_rpc_success", "etcd_endpoint", rpc=rpc), rpc
            )

    def test_no_raft_entry_is_written_by_a_scrape(self) -> None:
        _, before = self.settled()
        for _ in range(5):
            self.warden.page()
        after = self.cluster.status()
        for name, status in before.items():
            self.assertEqual(status["raftIndex"], after[name]["raftIndex"])

    def test_the_exporter_tells_of_itself(self) -> None:
        page = self.warden.page()
        self.assertEqual(1, page.value("exporter_build_info"))
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes"):
            self.assertTrue([sample for sample in page.samples if sample.name == name], name)


class PausedMember(ScrapeTest):
    def test_the_others_are_reported_in_time(self) -> None:
        member = self.cluster.follower()
        member.pause()
        self.addCleanup(member.resume)
        for _ in range(2):
            page = self.scrape_within_budget()
            self.assert_unreachable(page, member, "timeout")
            others = [other for other in self.cluster.members if other is not member]
            self.assert_agrees_with_etcdctl(page, self.cluster.status(others))


class KilledMember(ScrapeTest):
    def test_it_is_down_and_comes_back(self) -> None:
        member = self.cluster.follower()
        member.kill()
        for _ in range(10):
            page = self.scrape_within_budget()
            self.assert_unreachable(page, member, "connect")
        self.assertIsNone(page.value("member_db_bytes", member_id=self.ids[member.name]))
        member.start()
        self.cluster.wait_healthy()
        identity = self.ids[member.name]
        wait_until(
            lambda: self.warden.page().value("member_up", member_id=identity) == 1,
            RETURN_TIMEOUT,
            f"{member.name} is seen up again",
        )


class DeadCluster(ScrapeTest):
    def test_the_page_says_so_and_is_whole(self) -> None:
        for member in self.cluster.members:
            member.kill()
        page = self.scrape_within_budget()
        self.assertEqual(0, page.value("up"))
        down = dict.fromkeys(self.cluster.endpoints, 0.0)
        self.assertEqual(down, page.by_label("endpoint_up", "etcd_endpoint"))
        ids = self.ids.values()
        self.assertEqual(dict.fromkeys(ids, 1.0), page.by_label("member_listed", "member_id"))
        self.assertEqual(dict.fromkeys(ids, 0.0), page.by_label("member_up", "member_id"))
        self.assertEqual([], page.select("member_db_bytes"))
        self.assertEqual(0, page.value("cluster_voters_reachable"))


class Impostor:
    """A TCP server that accepts connections and, if it has something to say, says it to each."""

    def __init__(self, greeting: bytes = b"") -> None:
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", ports.claim(1)[0]))
        self._accepted: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for connection in [self._listener, *self._accepted]:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                connection.sendall(self._greeting)
            except OSError:
                return
            self._accepted.append(connection)


class StrangeEndpoints(LabTest):
    """One page with three real members and everything else that an endpoint can turn out to be."""

    def test_each_is_reported_with_its_reason_beside_the_real_ones(self) -> None:
        certificates = Certificates.create(self.state / "pki")
        cluster = self.start_cluster("etcd", 3, certificates)
        foreign = self.start_cluster("foreign", 1, certificates)
        plain = self.start_cluster("plain", 1)
        silent, silent_tls = self.enterContext(Impostor()), self.enterContext(Impostor())
        garbage, garbage_tls = (
            self.enterContext(Impostor(GARBAGE)),
            self.enterContext(Impostor(GARBAGE)),
        )
        strange = {
            plain.endpoints[0].replace("http://", "https://"): {"tls"},
            f"https://{silent_tls.address}": {"timeout"},
            f"http://{silent.address}": {"timeout"},
            f"https://{garbage_tls.address}": {"tls"},
            f"http://{garbage.address}": {"connect", "other"},
        }
        endpoints = [*cluster.endpoints, *foreign.endpoints, *strange]
        config = write_config(
            self.state / "warden.yaml", [cluster_section(cluster, endpoints=endpoints)]
        )
        warden = self.start_warden(config)

        started = time.monotonic()
        page = warden.page(BUDGET)
        self.assertLess(time.monotonic() - started, BUDGET)
        self.assert_page_is_clean(page)

        answering = [*cluster.endpoints, *foreign.endpoints]
        self.assertEqual(
            {endpoint: float(endpoint in answering) for endpoint in endpoints},
            page.by_label("endpoint_up", "etcd_endpoint"),
        )
        for endpoint, reasons in strange.items():
            failures = page.select("rpc_failures_total", etcd_endpoint=endpoint, rpc="status")
            seen = {sample.labels["reason"] for sample in failures if sample.value > 0}
            self.assertTrue(seen and seen <= reasons, f"{endpoint}: {seen}, expected {reasons}")
        self.assertEqual(2, page.value("cluster_distinct_cluster_ids"))
        self.assertEqual(1, page.value("cluster_endpoints_unknown"))
        self.assertEqual({"voter": 3, "learner": 0}, page.by_label("cluster_members", "role"))
        self.assertEqual(3, len(page.select("member_db_bytes")))


if __name__ == "__main__":
    unittest.main()
