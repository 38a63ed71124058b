"""Everything that the walk starts: etcd, etcd-warden, Prometheus and Alertmanager.

In a hurry every `for` and window of the rules is shortened, and with them what these times were
chosen for: etcd's election timeout, the intervals of Prometheus, the waits of Alertmanager.
"""

import json
import shutil
import subprocess
import unittest
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from support import BINARY, ROOT, WardenThatEndsWell, cluster_section, etcd_release, write_config
from versions import MINORS

from lab import keys, ports, templates
from lab.certificates import Certificates
from lab.etcd import EtcdCluster, Ports
from lab.monitoring import Alertmanager, Prometheus
from lab.release import INSTALLED, Release
from lab.waiting import LabError, wait_until
from lab.warden import JOB_ENDED
from lab.web import get_json, request

CLUSTER = "walk"
QUOTA = 16 << 20


@dataclass(frozen=True)
class Pace:
    time_scale: float
    interval: str  # of scrapes and evaluations
    etcd_flags: tuple[str, ...]
    schedule: str  # of the backups


# A minute becomes 1.5 s, rounded to two evaluations: an election passes within less. A window of
# five minutes becomes 8 s, which hold eight samples.
HURRIED = Pace(
    time_scale=1 / 40,
    interval="1s",
    etcd_flags=("--heartbeat-interval=50", "--election-timeout=500"),
    # Only the first one, which is taken at once where the catalogue is empty.
    schedule="12h",
)
AS_SHIPPED = Pace(time_scale=1, interval="5s", etcd_flags=(), schedule="2m")

# More than half the quota: a snapshot of a full database is then less than twice as large as
# another, which is not what EtcdBackupShrunk looks for.
BASE_PREFIX, BASE_KEYS, BASE_BYTES = "base", 90, 100_000
PATIENCE = 60.0


class LabCertificates(Certificates):
    def issue_client(self, directory: Path, days: int) -> None:
        """One more certificate for etcd-warden, with its key, valid for so long."""
        directory.mkdir(exist_ok=True)
        cert, key = directory / "client.crt", directory / "client.key"
        self._issue("etcd-warden", cert, key, days, "clientAuth")


def newest_release() -> Release:
    """The newest etcd of those that tests/etcd-versions/build made, else the installed one."""
    for minor in reversed(MINORS):
        with suppress(unittest.SkipTest):
            return etcd_release(minor)
    return INSTALLED


# Thresholds of events in a second. They are scaled where the windows are, so that it takes as many
# events as ever: one within 8 s would be more than one in 10 s.
EVENTS = ("peerSendFailures", "slowApplies")


def run_in_root(*command: str | Path) -> str:
    """What a command printed that was run at the root of the repository."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout


def generate_rules(directory: Path, time_scale: float) -> None:
    """The rule files and dashboards of alerts/, with that scale."""
    directory.mkdir()
    command: list[str | Path] = [ROOT / "alerts" / "generate", "--output", directory]
    if time_scale != 1:
        shipped = "(import 'alerts/config.libsonnet')._config.native"
        native = json.loads(run_in_root("jsonnet", "--exec", shipped))
        scaled_events = {name: native[name] / time_scale for name in EVENTS}
        config = directory / "scale.json"
        config.write_text(json.dumps({"timeScale": time_scale, "native": scaled_events}))
        command += ["--config", config]
    run_in_root(*command)


def scaled(text: str, scale: float) -> str:
    """A duration of one unit of Alertmanager's or Prometheus'; it never becomes less than 1 s."""
    seconds = float(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
    return f"{max(1000, seconds * 1000 * scale):.0f}ms" if seconds else "0s"


def shorten_route(route: dict[str, Any], scale: float) -> None:
    for key in ("group_wait", "group_interval", "repeat_interval"):
        if key in route:
            route[key] = scaled(route[key], scale)
    for child in route.get("routes", []):
        shorten_route(child, scale)


def write_alertmanager(directory: Path, warden_address: str, scale: float) -> Path:
    """The shipped example. Its address is another one and its waits are scaled; all the rest, which
    is who is told and what silences what, is as it is shipped."""
    config = templates.copy_alertmanager(directory, warden_address)
    document = yaml.safe_load(config.read_text())
    shorten_route(document["route"], scale)
    config.write_text(yaml.safe_dump(document, sort_keys=False))
    return config


def write_prometheus(
    directory: Path, warden_address: str, alertmanager: str, interval: str
) -> Path:
    """As deploy/PROMETHEUS.md has it, with that interval; who is scraped as etcd-warden stands in
    a file that may change."""
    native = [
        {"source_labels": ["__meta_etcd_cluster"], "target_label": "etcd_cluster"},
        {"source_labels": ["__meta_etcd_member_id"], "target_label": "member_id"},
        {"source_labels": ["__meta_etcd_member_name"], "target_label": "member"},
    ]
    pki = directory / "pki"
    tls = {"ca_file": "ca.crt", "cert_file": "client.crt", "key_file": "client.key"}
    document = {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "evaluation_interval": interval,
        },
        "rule_files": [f"{directory}/rules/etcd-*.rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": "warden",
                "file_sd_configs": [{"files": [f"{directory}/wardens.json"]}],
            },
            {
                "job_name": "etcd",
                "scheme": "https",
                "tls_config": {key: str(pki / name) for key, name in tls.items()},
                "http_sd_configs": [
                    {"url": f"http://{warden_address}/sd/native", "refresh_interval": "1s"}
                ],
                "relabel_configs": native,
            },
        ],
    }
    config = directory / "prometheus.yml"
    config.write_text(yaml.safe_dump(document, sort_keys=False))
    return config


class Stack:
    """Three members with TLS, and whoever watches them."""

    def __init__(self, state: Path, release: Release, pace: Pace, hashkv: bool) -> None:
        self.state = state
        self.pace = pace
        self.certificates = LabCertificates(state / "pki")
        LabCertificates.create(state / "pki")
        self.release = release
        pairs = Ports.pairs(ports.claim(6))
        flags = ["--metrics=extensive", f"--quota-backend-bytes={QUOTA}", *pace.etcd_flags]
        self.etcd = EtcdCluster(state / "etcd", pairs, self.certificates, flags, self.release)
        templates.write_token(state / templates.TOKEN_FILE)
        self._generation = 0
        self._hashkv: dict[str, Any] = {"hashkv": {"interval": "1m"}} if hashkv else {}
        config = self.write_config()
        self.warden = WardenThatEndsWell(BINARY, config, state / "warden.log")
        generate_rules(state / "rules", pace.time_scale)
        for name in ("alertmanager", "prometheus"):
            (state / name).mkdir()
        alertmanager, prometheus = ports.claim(2)
        config = write_alertmanager(state, self.warden.address, pace.time_scale)
        self.alertmanager = Alertmanager(state / "alertmanager", config, alertmanager)
        address = f"127.0.0.1:{alertmanager}"
        config = write_prometheus(state, self.warden.address, address, pace.interval)
        self.prometheus = Prometheus(state / "prometheus", config, prometheus)
        # An Alertmanager that was restarted hears of everything again after this, and what nobody
        # repeats ends after four times as long.
        resend = scaled("1m", pace.time_scale)
        self.prometheus.argv.append(f"--rules.alert.resend-delay={resend}")

    def start(self, running: ExitStack) -> None:
        """What is entered into `running`, later as well, ends with it."""
        self.running = running
        running.enter_context(self.etcd)
        keys.fill(self.etcd, BASE_KEYS, BASE_BYTES, BASE_PREFIX)
        running.enter_context(self.warden)
        self.warden.wait_ready()
        self.wait_for_backup()
        self.scrape_wardens(self.warden.address)
        for server in (self.alertmanager, self.prometheus):
            running.enter_context(server)
            server.wait_ready()
        wait_until(
            lambda: self.prometheus.scrape_health() == ["up"] * 4,
            PATIENCE,
            "Prometheus scrapes etcd-warden and three members",
            watch=[self.warden, self.prometheus],
        )

    @property
    def backups(self) -> Path:
        """The catalogue that is in use."""
        return self.state / f"backups-{self._generation}"

    def write_config(
        self, endpoints: Sequence[str] = (), tls: Path | None = None, **backup: Any
    ) -> Path:
        """More endpoints, another client certificate, other settings of the backups."""
        settings = {
            "directory": str(self.backups),
            "objective": "1h",
            "schedules": [{"every": self.pace.schedule}],
            "retention": {"rules": [{"keep_last": 24}]},
            "drill": {
                "every": self.pace.schedule,
                "objective": "1h",
                "etcd": [shutil.which(self.release.server) or self.release.server],
            },
            "destinations": [
                {"name": "shelf", "remote": str(self.state / f"shelf-{self._generation}")}
            ],
        }
        section = cluster_section(
            self.etcd,
            CLUSTER,
            endpoints=[*self.etcd.endpoints, *endpoints],
            discover=True,
            expected_members=3,
            quota_backend_bytes=QUOTA,  # which etcd tells by itself since 3.6
            backup=settings | backup,
            **self._hashkv,
        )
        if tls:
            section["tls"] |= {
                "cert_file": str(tls / "client.crt"), "key_file": str(tls / "client.key"),
            }  # fmt: skip
        # No rules: those that are built in.
        webhook = {"bearer_token_file": templates.TOKEN_FILE}
        # Of a second, the answer's way needs little here.
        scrape = {"timeout_offset": "100ms"}
        return write_config(self.state / "warden.yaml", [section], webhook=webhook, scrape=scrape)

    def configure(self, **changes: Any) -> None:
        """What write_config is told, in force."""
        self.write_config(**changes)
        answer = request(f"{self.warden.url}/-/reload", "POST", b"", timeout=PATIENCE)
        if answer.status != 200:
            raise LabError(f"the reload was refused: {answer.text}")

    def new_catalogue(self, **changes: Any) -> None:
        """An empty catalogue, so that no rule rests since its last backup; waits for the first."""
        self._generation += 1
        self.configure(**changes)
        self.wait_for_backup()

    def end_consistency_checks(self) -> None:
        """With the next configuration. After a start or a change of the configuration the first one
        comes within a minute, which is not scaled: EtcdHashCheckStale would be quicker."""
        self._hashkv = {}

    def wait_for_backup(self) -> None:
        """Until there is one, here and on the shelf, and no job waits."""

        def taken() -> bool:
            jobs = self.warden.jobs()
            if any(job["state"] == "failed" for job in jobs):
                raise LabError(f"a backup failed: {jobs}")
            return bool(jobs) and all(job["state"] in JOB_ENDED for job in jobs)

        wait_until(taken, PATIENCE, "there is a first backup", watch=[self.warden])
        wait_until(
            lambda: self.warden.page().value("backup_copy_pending") == 0
            and (self.warden.page().value("backup_copy_stored") or 0) > 0,
            PATIENCE,
            "the backup is copied",
            watch=[self.warden],
        )

    def scrape_wardens(self, *addresses: str) -> None:
        """Tells Prometheus of these daemons, and of no others."""
        new = self.state / "wardens.json.new"
        new.write_text(json.dumps([{"targets": list(addresses)}]))
        new.rename(self.state / "wardens.json")

    def alertmanager_states(self) -> dict[str, set[str]]:
        """What Alertmanager does about each alert: "active" is told to people, "suppressed" is
        not since a stronger alert silences it."""
        states: dict[str, set[str]] = {}
        for alert in get_json(f"{self.alertmanager.url}/api/v2/alerts"):
            states.setdefault(alert["labels"]["alertname"], set()).add(alert["status"]["state"])
        return states
