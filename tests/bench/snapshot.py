"""What a scrape costs while a large snapshot streams through the same daemon."""

import shutil
import time

from laboratory import Laboratory, WarmWarden
from measure import Answer, Row, Times, get_page
from payload import alert, notification
from support import cluster_section

from lab import keys, ports, templates
from lab.etcd import EtcdCluster, Ports
from lab.release import INSTALLED
from lab.waiting import LabError
from lab.warden import JOB_ENDED

VALUE_BYTES = 1024 * 1024
PAUSE = 0.02  # between two scrapes: fifty a second


def run(lab: Laboratory) -> list[Row]:
    megabytes = 256 if lab.short else 1100
    cluster = _filled_cluster(lab, megabytes)
    directory = lab.state / "backups"
    token = templates.write_token(lab.state / "token")
    warden = lab.warden(
        [cluster_section(cluster, backup={"directory": str(directory)})],
        webhook={
            "bearer_token_file": str(lab.state / "token"),
            "rules": [{"match": ['alertname=~"Etcd.*"'], "cooldown": "0s"}],
        },
    )
    idle: list[float] = []
    streaming: list[float] = []
    size = 0
    for _ in range(2 if lab.short else 6):
        idle += _idle(warden, 1.0 if lab.short else 5.0)
        streaming += _during_snapshot(warden, token)
        manifest = warden.backups()[0]
        size = manifest["size_bytes"]
        for file in (file for file in directory.iterdir() if file.is_file()):
            file.unlink()
    if not streaming:
        raise LabError("no scrape met the snapshot")
    quiet, busy = Times(idle), Times(streaming)
    return [
        Row("snapshot", f"p50 while {size / 1e9:.2f} GB stream ({len(streaming)} scrapes)",
            f"{busy.p50 * 1e3:.3g} ms", f"idle {quiet.p50 * 1e3:.3g} ms ({len(idle)})",
            f"{busy.p50 / quiet.p50:.1f} times"),
        Row("snapshot", "p99", f"{busy.p99 * 1e3:.3g} ms", f"idle {quiet.p99 * 1e3:.3g} ms",
            f"{busy.p99 / quiet.p99:.1f} times"),
    ]  # fmt: skip


def _filled_cluster(lab: Laboratory, megabytes: int) -> EtcdCluster:
    """Three members restored from the snapshot of one, which is faster than writing to three."""
    quota = "--quota-backend-bytes=4294967296"
    with EtcdCluster(lab.state / "filled", Ports.pairs(ports.claim(2)), flags=[quota]) as single:
        keys.fill(single, megabytes * 1_000_000 // VALUE_BYTES, VALUE_BYTES)
        file = lab.state / "filled.db"
        INSTALLED.etcdctl("snapshot", "save", file, *single.client_flags(), timeout=300)
    shutil.rmtree(single.directory)
    cluster = lab.tls_cluster("large", file)
    file.unlink()
    return cluster


def _idle(warden: WarmWarden, seconds: float) -> list[float]:
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        times.append(get_page(warden.port).seconds)
        time.sleep(PAUSE)
    return times


def _during_snapshot(warden: WarmWarden, token: str) -> list[float]:
    """The scrapes whose own page says that a snapshot streamed."""
    answer = warden.post_webhook(notification(alert()), token)
    if answer.status != 202:
        raise LabError(f"the webhook said {answer.status}: {answer.text}")
    job_id = answer.json()["jobs"][0]
    times = []
    while warden.job(job_id)["state"] not in JOB_ENDED:
        page = get_page(warden.port)
        if _streams(page):
            times.append(page.seconds)
        time.sleep(PAUSE)
    if warden.job(job_id)["state"] != "succeeded":
        raise LabError(f"the snapshot failed: {warden.job(job_id)}")
    return times


def _streams(page: Answer) -> bool:
    return any(
        line.startswith("etcdwarden_backup_in_progress{") and line.endswith(" 1")
        for line in page.body.splitlines()
    )
