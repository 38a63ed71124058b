#!/usr/bin/env -S python3 -B
"""A real Prometheus in front of a daemon that wants TLS and a password."""

import json
import ssl
import unittest
from pathlib import Path
from typing import Any

from support import BINARY, LabTest, WardenThatEndsWell, cluster_section, write_config

from lab import ports
from lab.certificates import Certificates
from lab.etcd import EtcdCluster
from lab.monitoring import Prometheus
from lab.waiting import wait_until
from lab.web import Response, basic_auth, request

USER, PASSWORD = "prometheus", "correct horse"
PASSWORD_HASH = "$2y$10$At5ffdEld5NokqrmHcyRy.7SLH/T4LIHGFUHRzzwuHWJtlg3Uv.z2"  # htpasswd -nB
TIMEOUT = 30.0
# The member behind a native target, from what discovery tells of it.
NATIVE_LABELS = ("cluster", "member_id", "member_name", "member_role", "member_version")


def write_web_config(file: Path, certificates: Certificates) -> Path:
    """https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md"""
    web = {
        "tls_server_config": {
            "cert_file": str(certificates.server_cert),
            "key_file": str(certificates.server_key),
            "min_version": "TLS12",
        },
        "basic_auth_users": {USER: PASSWORD_HASH},
    }
    file.write_text(json.dumps(web))
    return file


class ProtectedTest(LabTest):
    """A TLS cluster of three, a plain one of one member, and the daemon that watches both."""

    certificates: Certificates
    cluster: EtcdCluster
    plain: EtcdCluster
    warden: WardenThatEndsWell
    url: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.certificates = Certificates.create(cls.state / "pki")
        cls.cluster = cls.start_cluster(certificates=cls.certificates)
        cls.plain = cls.start_cluster("plain", 1)
        config = write_config(
            cls.state / "warden.yaml",
            [cluster_section(cls.cluster), cluster_section(cls.plain, "plain")],
        )
        web = write_web_config(cls.state / "web.yaml", cls.certificates)
        cls.warden = cls.enterClassContext(
            WardenThatEndsWell(
                BINARY, config, cls.state / "warden.log", [f"--web.config.file={web}"]
            )
        )
        cls.url = f"https://{cls.warden.address}"
        wait_until(
            lambda: cls.get("/-/ready").status == 200, TIMEOUT, "it is ready", watch=[cls.warden]
        )

    @classmethod
    def get(cls, path: str, user: str = USER, password: str = PASSWORD) -> Response:
        trust = ssl.create_default_context(cafile=str(cls.certificates.ca))
        return request(f"{cls.url}{path}", headers=basic_auth(user, password), trust=trust)


class Protection(ProtectedTest):
    def test_only_who_knows_the_password_is_served(self) -> None:
        for path in ("/metrics", "/probe?cluster=lab", "/sd", "/sd/native"):
            self.assertEqual(200, self.get(path).status, path)
            for user, password in ((USER, "wrong"), ("stranger", PASSWORD), ("", "")):
                refused = self.get(path, user, password)
                self.assertEqual(401, refused.status, path)
                challenge = refused.headers.get("WWW-Authenticate", "")
                self.assertTrue(challenge.startswith("Basic"), challenge)

    def test_plain_text_gets_no_page(self) -> None:
        try:
            answer = request(f"{self.warden.url}/metrics", headers=basic_auth(USER, PASSWORD))
        except OSError:
            return  # the connection was closed, which is as good
        self.assertNotEqual(200, answer.status)

    def test_the_log_says_how_it_is_protected(self) -> None:
        self.assertRegex(self.warden.log_text(), r"serving .*tls=true users=1\b")

    def test_no_secret_is_logged(self) -> None:
        self.get("/metrics", USER, "incorrect donkey")
        for secret in (PASSWORD, "incorrect donkey", basic_auth(USER, PASSWORD)["Authorization"]):
            self.assertNotIn(secret, self.warden.log_text())


class Scraped(ProtectedTest):
    """What Prometheus finds by each way that leads to the daemon."""

    prometheus: Prometheus

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        directory = cls.state / "prometheus"
        directory.mkdir()
        config = directory / "prometheus.yml"
        config.write_text(json.dumps(cls.prometheus_config()))
        cls.prometheus = cls.enterClassContext(Prometheus(directory, config, ports.claim(1)[0]))
        cls.prometheus.wait_ready()
        wait_until(cls.all_scraped, TIMEOUT, "every target was scraped", watch=[cls.prometheus])

    @classmethod
    def prometheus_config(cls) -> dict[str, Any]:
        trust = {"tls_config": {"ca_file": str(cls.certificates.ca)}}
        access = trust | {"basic_auth": {"username": USER, "password": PASSWORD}}
        wrong = trust | {"basic_auth": {"username": USER, "password": "wrong"}}
        warden = {"scheme": "https", "static_configs": [{"targets": [cls.warden.address]}]}
        etcd = {
            "ca_file": str(cls.certificates.ca),
            "cert_file": str(cls.certificates.client_cert),
            "key_file": str(cls.certificates.client_key),
        }

        def discovered(path: str) -> dict[str, Any]:
            sources = {"url": f"{cls.url}{path}", "refresh_interval": "1s"} | access
            return {"http_sd_configs": [sources]}

        return {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {"job_name": "metrics"} | warden | access,
                {"job_name": "probes", "scheme": "https"} | discovered("/sd") | access,
                {
                    "job_name": "native",
                    "tls_config": etcd,
                    "relabel_configs": [
                        {"source_labels": [f"__meta_etcd_{name}"], "target_label": f"told_{name}"}
                        for name in NATIVE_LABELS
                    ],
                }
                | discovered("/sd/native"),
                {"job_name": "anonymous"} | warden | trust,
                {"job_name": "impostor"} | warden | wrong,
                {"job_name": "plain-text"} | warden | access | {"scheme": "http"},
            ],
        }

    @classmethod
    def all_scraped(cls) -> bool:
        """Each of: the page, two probes, four members, and the three that must fail."""
        health = cls.prometheus.scrape_health()
        return len(health) == 10 and "unknown" not in health

    def value_by(self, label: str, expression: str) -> dict[str, float]:
        """The result's values by one label; each has another."""
        found = self.prometheus.query(expression)
        values = {sample.labels.get(label, ""): sample.value for sample in found}
        self.assertEqual(len(found), len(values), f"{label} of {expression}")
        return values

    def test_who_may_scrape_is_up_and_who_may_not_is_down(self) -> None:
        targets = self.prometheus.targets()
        down = {each["labels"]["job"]: each["lastError"] for each in targets if each["lastError"]}
        self.assertEqual({"anonymous", "impostor", "plain-text"}, set(down), down)
        self.assertIn("401", down["anonymous"])
        self.assertIn("401", down["impostor"])
        ups = self.value_by("job", "sum by (job) (up)")
        self.assertEqual(
            {"metrics": 1, "probes": 2, "native": 4, **dict.fromkeys(down, 0)},
            ups,
        )

    def test_the_page_has_every_cluster(self) -> None:
        page = '{job="metrics"}'
        self.assertEqual(
            {"lab": 1, "plain": 1}, self.value_by("etcd_cluster", f"etcdwarden_up{page}")
        )
        members = 'etcdwarden_cluster_members{job="metrics",role="voter"}'
        self.assertEqual({"lab": 3, "plain": 1}, self.value_by("etcd_cluster", members))
        self.assertEqual(1, len(self.prometheus.query(f"etcdwarden_exporter_build_info{page}")))

    def test_a_probe_has_its_cluster_only(self) -> None:
        found = self.prometheus.query('etcdwarden_up{job="probes"}')
        self.assertEqual(
            {("lab", "lab", 1.0), ("plain", "plain", 1.0)},
            {(each.labels["instance"], each.labels["etcd_cluster"], each.value) for each in found},
        )
        members = 'count by (etcd_cluster) (etcdwarden_member_up{job="probes"})'
        self.assertEqual({"lab": 3, "plain": 1}, self.value_by("etcd_cluster", members))
        own = self.prometheus.query('{__name__=~"etcdwarden_exporter_.+|process_.+",job="probes"}')
        self.assertEqual([], own)

    def test_the_members_own_metrics_are_found_and_joined(self) -> None:
        native = self.prometheus.query('etcd_server_id{job="native"}')
        version = self.cluster.release.version
        told = {each.labels["told_member_id"]: each.labels for each in native}
        for identity, labels in told.items():
            self.assertEqual(identity, labels["server_id"])
            self.assertEqual(version, labels["told_member_version"])
        # The name, the role and the cluster are those that our own families have.
        info = self.prometheus.query('etcdwarden_member_info{job="metrics"}')
        self.assertEqual(
            {each.labels["member_id"]: each.labels["member"] for each in info},
            {identity: labels["told_member_name"] for identity, labels in told.items()},
        )
        leaders = self.value_by("member_id", 'etcdwarden_member_is_leader{job="metrics"}')
        self.assertEqual(
            {identity: "leader" if leads else "follower" for identity, leads in leaders.items()},
            {identity: labels["told_member_role"] for identity, labels in told.items()},
        )
        native_id = 'label_replace(etcd_server_id, "member_id", "$1", "server_id", "(.+)")'
        joined = f'etcdwarden_member_up{{job="metrics"}} * on (member_id) {native_id}'
        self.assertEqual(dict.fromkeys(told, 1.0), self.value_by("member_id", joined))

    def test_the_budget_follows_prometheus_own_timeout(self) -> None:
        for job in ("metrics", "probes"):
            budget = f'etcdwarden_scrape_timeout_seconds{{job="{job}"}}'
            budgets = self.value_by("etcd_cluster", budget)
            self.assertEqual({"lab": 0.5, "plain": 0.5}, budgets, job)


if __name__ == "__main__":
    unittest.main()
