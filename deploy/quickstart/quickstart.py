"""What deploy/quickstart/run starts once etcd-warden is built; see its usage text."""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

from lab import keys, ports, templates
from lab.certificates import Certificates
from lab.etcd import EtcdCluster, Ports
from lab.exposition import Sample
from lab.monitoring import Alertmanager, Prometheus
from lab.release import SnapshotStatus
from lab.state import StateDirectory
from lab.waiting import LabError, wait_until
from lab.warden import Warden

ALERT = "EtcdMemberUnreachable"
KEYS, VALUE_BYTES = 500, 1000
# The alert waits two minutes before it fires, so that a restart alarms nobody.
ALERT_TIMEOUT, JOB_TIMEOUT, DRILL_TIMEOUT, RETURN_TIMEOUT = 240.0, 60.0, 60.0, 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """Every port of a run."""

    etcd: list[int]  # client and peer, member by member
    prometheus: int
    alertmanager: int
    warden: int

    @classmethod
    def shifted(cls, shift: int) -> "Layout":
        return cls(list(range(22379 + shift, 22385 + shift)), 29090 + shift, 29093 + shift,
                   12379 + shift)  # fmt: skip

    def all(self) -> list[int]:
        return [*self.etcd, self.prometheus, self.alertmanager, self.warden]

    def check(self) -> None:
        if not all(1024 <= port <= 65535 for port in self.all()):
            raise LabError("--port-shift leads to ports outside 1024-65535")
        if taken := ports.busy(self.all()):
            listed = ", ".join(map(str, taken))
            raise LabError(f"in use on 127.0.0.1: port {listed}; free it, or choose --port-shift N")


class Stack:
    """Everything the quickstart starts, in the order in which it is started."""

    def __init__(self, binary: Path, state: Path, layout: Layout) -> None:
        self.state = state
        certificates = Certificates.create(state / "pki")
        self.etcd = EtcdCluster(state / "etcd", Ports.pairs(layout.etcd), certificates)
        templates.write_token(state / templates.TOKEN_FILE)
        warden_address = f"127.0.0.1:{layout.warden}"
        config = templates.render("warden.yaml", state, endpoints=", ".join(self.etcd.endpoints))
        self.warden = Warden(binary, config, state / "warden.log", layout.warden)
        templates.copy_rules(state)
        config = templates.render(
            "prometheus.yml",
            state,
            warden=warden_address,
            alertmanager=f"127.0.0.1:{layout.alertmanager}",
        )
        self.prometheus = Prometheus(state / "prometheus", config, layout.prometheus)
        config = templates.copy_alertmanager(state, warden_address)
        self.alertmanager = Alertmanager(state / "alertmanager", config, layout.alertmanager)

    def start(self, running: ExitStack) -> None:
        say("starting three etcd members with TLS and client certificates")
        running.enter_context(self.etcd)
        say(f"writing {KEYS} keys")
        keys.fill(self.etcd, KEYS, VALUE_BYTES, prefix="quickstart")
        say("starting etcd-warden, Prometheus and Alertmanager")
        servers = (self.warden, self.prometheus, self.alertmanager)
        # In this order: Prometheus asks etcd-warden for the members' own metrics.
        for server in servers:
            running.enter_context(server)
            server.wait_ready()
        wait_until(
            lambda: self.members_up() == 3 and self.prometheus.scrape_health() == ["up"] * 4,
            60,
            "Prometheus scrapes etcd-warden, which sees three members up, and the members",
            watch=servers,
        )

    def members_up(self) -> int:
        return len([up for up in self.warden.page().select("member_up") if up.value == 1])


class Timeline:
    """What happened and when, in seconds since the first entry."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, str]] = []

    def add(self, what: str) -> None:
        self._entries.append((time.monotonic(), what))
        say(what)

    def wait(self, what: str, probe: Callable[[], T | None], timeout: float, stack: Stack) -> T:
        """Waits, with a line that says so; the logs of those who take part explain a failure."""
        say(f"waiting until {what} (at most {timeout:g} s)")
        watch = (stack.warden, stack.prometheus, stack.alertmanager)
        return wait_until(probe, timeout, what, watch=watch)

    def __str__(self) -> str:
        start = previous = self._entries[0][0]
        lines = ["    at      took"]
        for moment, what in self._entries:
            lines.append(f"{moment - start:6.1f} s  {moment - previous:6.1f} s  {what}")
            previous = moment
        return "\n".join(lines)


def journey(stack: Stack) -> None:
    """A member stops, and in the end there is a good snapshot and the member is back."""
    timeline = Timeline()
    member = stack.etcd.follower()
    member.stop()
    timeline.add(f"member {member.name} was stopped")

    timeline.wait(f"{ALERT} fires", lambda: stack.prometheus.alerts(ALERT), ALERT_TIMEOUT, stack)
    timeline.add(f"Prometheus fires {ALERT}")

    job = timeline.wait(
        "the alert reaches the webhook", lambda: alerted_job(stack.warden), ALERT_TIMEOUT, stack
    )
    timeline.add(f"Alertmanager told etcd-warden, which accepted job {job['id']}")

    job = stack.warden.wait_for_job(job["id"], JOB_TIMEOUT)
    if job["state"] != "succeeded":
        raise LabError(f"job {job['id']} failed: {job['error']}\n{stack.warden.log_tail()}")
    manifest = find_backup(stack.warden, job["backup_id"])
    timeline.add(f"the catalogue has backup {manifest['id']}")

    file = stack.state / "backups" / manifest["file"]
    status = SnapshotStatus.of(file)
    timeline.add(
        f"etcdctl snapshot status: hash {status.hash:x}, revision {status.revision}, "
        f"{status.total_keys} keys, {status.total_size} bytes"
    )

    # It began with the first backup, long before the alert.
    drill = timeline.wait(
        "a restore was rehearsed", lambda: last_drill(stack.prometheus), DRILL_TIMEOUT, stack
    )
    timeline.add(f"Prometheus has etcdwarden_drill_last_result {drill.value:g}")
    if drill.value != 1:
        raise LabError(f"the drill failed\n{stack.warden.log_tail()}")

    member.start()
    timeline.add(f"member {member.name} was started")
    timeline.wait("three members are up", lambda: stack.members_up() == 3, RETURN_TIMEOUT, stack)
    timeline.add("etcd-warden sees three members up")

    if code := stack.warden.stop():
        raise LabError(f"etcd-warden ended with exit code {code}\n{stack.warden.log_tail()}")
    print(f"\n{timeline}\n\nThe snapshot: {file}")


def alerted_job(warden: Warden) -> dict[str, Any] | None:
    """The job that the alert asked for."""
    return next((job for job in warden.jobs() if job["trigger"].get("alertname") == ALERT), None)


def last_drill(prometheus: Prometheus) -> Sample | None:
    """How the last rehearsed restore went, once there was one."""
    return next(iter(prometheus.query("etcdwarden_drill_last_result")), None)


def find_backup(warden: Warden, backup_id: str) -> dict[str, Any]:
    for manifest in warden.backups():
        if manifest["id"] == backup_id:
            return manifest
    raise LabError(f"`etcd-warden backup list` does not name backup {backup_id}")


def stay(stack: Stack) -> NoReturn:
    """Until a signal comes, or a server ends that nobody was invited to end."""
    print(guide(stack), flush=True)
    while True:
        for server in (stack.warden, stack.prometheus, stack.alertmanager):
            server.check_running()
        time.sleep(1)


def guide(stack: Stack) -> str:
    warden, member = stack.warden, stack.etcd.follower()
    program, flag = warden.command.binary, f"--config.file={warden.config}"
    return f"""
etcd-warden    {warden.url}/metrics
Prometheus     {stack.prometheus.url}/alerts
Alertmanager   {stack.alertmanager.url}
etcd           {", ".join(stack.etcd.endpoints)}
all of it in   {stack.state}

{warden.command.output("status", flag).rstrip()}

To try:
  curl -s {warden.url}/metrics | promtool check metrics
  {program} members {flag}
  kill -STOP {member.pid}      # freeze {member.name}: two minutes later the alert fires, and then
  {program} backup list {flag}
  curl -s {warden.url}/api/v1/jobs
  {program} drill {flag}      # restore the newest backup, and try it
  kill -CONT {member.pid}      # and let it go on
  tail -f {warden.log}

Ctrl-C ends all of it."""


def say(what: str) -> None:
    print(f"quickstart: {what}", flush=True)


def end_on_signals() -> None:
    """The first signal ends the run as Ctrl-C does; later ones cannot disturb the cleaning up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: int | FrameType | None) -> NoReturn:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


def run(options: argparse.Namespace) -> None:
    layout = Layout.shifted(options.port_shift)
    layout.check()
    with StateDirectory(options.state_dir) as state, ExitStack() as running:
        stack = Stack(options.binary, state.path, layout)
        stack.start(running)
        if options.once:
            journey(stack)
        else:
            stay(stack)


def main() -> int:
    parser = argparse.ArgumentParser(prog="quickstart", add_help=False, allow_abbrev=False)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--port-shift", type=int, default=0)
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    end_on_signals()
    try:
        run(options)
    except LabError as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("stopped; nothing is left running")
        return 130 if options.once else 0
    say("all of it happened; nothing is left running")
    return 0


if __name__ == "__main__":
    sys.exit(main())
