#!/usr/bin/env -S python3 -B
"""What a configuration may ask for beyond the endpoints, with every version of etcd."""

import ssl
import subprocess
import time
import unittest
from collections.abc import Sequence
from pathlib import Path

from versions import VersionTest, for_every_minor

from lab import keys
from lab.exposition import Page
from lab.waiting import wait_until

HASHKV_TIMEOUT = 100.0  # the shortest interval is a minute


class Discovery(VersionTest):
    """One configured endpoint, from which the others are found."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cluster = cls.start_cluster(release=cls.release)
        cls.watch(cluster, cluster.endpoints[:1], discover=True, expected_members=3)

    def wait_for(self, endpoints: Sequence[str]) -> Page:
        """A page on which exactly these are up."""
        every = dict.fromkeys(endpoints, 1.0)

        def page() -> Page | None:
            page = self.warden.page()
            return page if page.by_label("endpoint_up", "etcd_endpoint") == every else None

        return wait_until(page, 15, f"{endpoints} are up, and no others", watch=[self.warden])

    def test_members_are_found_and_forgotten(self) -> None:
        page = self.wait_for(self.cluster.endpoints)
        self.assert_page_is_clean(page)
        page, statuses = self.settled()
        self.assert_agrees_with_etcdctl(page, statuses)
        self.assertEqual(0, page.value("cluster_client_urls_uncovered"))
        self.assertEqual(3, page.value("cluster_members_expected"))
        self.assertEqual(3, page.value("exporter_grpc_channels", state="ready"))
        # Nobody's Status is answered by newer ones only where nobody has to log in.
        self.assertEqual(0 if self.since("3.5") else None, page.value("auth_enabled"))

        gone = self.cluster.members[2]
        wait_until(
            lambda: self.cluster.etcdctl(
                "member", "remove", self.ids[gone.name], endpoints=self.cluster.endpoints[:1]
            ),
            30,
            "the member is removed",
            interval=0.5,
        )
        gone.kill()
        page = self.wait_for(self.cluster.endpoints[:2])
        self.assert_page_is_clean(page)
        self.assertEqual(2, len(page.select("member_listed")))
        self.assertEqual(3, page.value("cluster_members_expected"))


class CertificateDates(VersionTest):
    def test_they_are_those_of_the_files(self) -> None:
        self.watch(self.start_tls_cluster(self.release))
        page = self.warden.page()
        self.assert_page_is_clean(page)
        certificates = self.cluster.certificates
        assert certificates
        name = "certificate_not_after_timestamp_seconds"
        server = dict.fromkeys(self.cluster.endpoints, not_after(certificates.server_cert))
        for use in ("server_leaf", "server_chain"):  # etcd's file has no more than the leaf
            self.assertEqual(server, page.by_label(name, "etcd_endpoint", use=use), use)
        self.assertEqual(not_after(certificates.client_cert), page.value(name, use="client"))
        self.assertEqual(not_after(certificates.ca), page.value(name, use="ca"))


def not_after(certificate: Path) -> float:
    """Its last second, as openssl tells it."""
    command = ["openssl", "x509", "-noout", "-enddate", "-in", str(certificate)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return ssl.cert_time_to_seconds(told.strip().removeprefix("notAfter="))


class HashKv(VersionTest):
    def test_members_hold_the_same(self) -> None:
        cluster = self.start_cluster(release=self.release)
        keys.fill(cluster, 50, 1_000)
        started = time.time()
        self.watch(cluster, hashkv={"interval": "1m"})
        self.assertEqual(60, self.warden.page().value("hashkv_interval_seconds"))
        wait_until(
            lambda: self.warden.page().value("hashkv_compared_members"),
            HASHKV_TIMEOUT,
            "a check has ended",
            watch=[self.warden],
            interval=1,
        )
        page = self.warden.page()
        self.assert_page_is_clean(page)
        self.assertEqual(3, page.value("hashkv_compared_members"))
        self.assertEqual(0, page.value("hashkv_mismatched_members"))
        finished = page.value("hashkv_last_success_timestamp_seconds")
        self.assertTrue(finished and started <= finished <= time.time(), finished)
        self.assertGreater(page.value("hashkv_duration_seconds") or 0, 0)


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(loader, [Discovery, CertificateDates, HashKv])


if __name__ == "__main__":
    unittest.main()
