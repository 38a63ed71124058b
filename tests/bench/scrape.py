"""One page of a real cluster against what an operator or another program would pay for less."""

import subprocess
import time

from laboratory import Laboratory
from measure import CLUSTERS_ONLY, Row, get_page, interleave, ratio
from support import cluster_section

from lab.process import environment
from lab.waiting import LabError

SEQUENTIAL = 2
LATENCY_MS = 20


def run(lab: Laboratory) -> list[Row]:
    """Three members with TLS: a page, one etcdctl process, and two Status calls in a row."""
    cluster = lab.tls_cluster("etcd")
    calls = lab.status_calls(cluster)
    warden = lab.warden([cluster_section(cluster)])

    command = ["etcdctl", "endpoint", "status", "--cluster", *cluster.client_flags()]
    def page_of_cluster() -> float:
        return warden.time_scrape(CLUSTERS_ONLY)

    def two_calls() -> float:
        return int(calls.ask(str(SEQUENTIAL))) / 1e9

    def bare_answer() -> float:
        return get_page(warden.port, "/-/healthy").seconds

    page, etcdctl = interleave(
        10 if lab.short else 60, page_of_cluster, lambda: _seconds_of(command)
    )
    again, status, bare = interleave(
        20 if lab.short else 400, page_of_cluster, two_calls, bare_answer
    )
    faster = ratio(etcdctl, page)
    share = ratio(again, status)
    return [
        Row("scrape", "page against etcdctl endpoint status --cluster", str(page), str(etcdctl),
            f"{faster:.1f} times faster", ">= 10", faster >= 10),
        Row("scrape", "page against 2 Status calls, no latency", str(again), str(status),
            f"{share:.2f} of their time"),
        Row("scrape", "of that, HTTP alone (/-/healthy)", str(bare)),
    ]  # fmt: skip


def run_rounds(lab: Laboratory) -> list[Row]:
    """Five members that take 20 ms for each call: how many calls are waited for in a row?"""
    _, clusters = lab.fleet(5, latency_ms=LATENCY_MS)
    port = int(clusters[0]["endpoints"][0].rpartition(":")[2])
    calls = lab.tool("status_calls", f"127.0.0.1:{port}")
    warden = lab.warden(clusters)
    page, status = interleave(
        10 if lab.short else 50,
        warden.time_scrape,
        lambda: int(calls.ask(str(SEQUENTIAL))) / 1e9,
    )
    share = ratio(page, status)
    return [
        Row("rounds", f"page against 2 Status calls of {LATENCY_MS} ms", str(page), str(status),
            f"{share:.2f} of their time", "< 1", share < 1),
    ]  # fmt: skip


def _seconds_of(command: list[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, env=environment(), close_fds=False, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise LabError(f"{command[0]} failed with exit code {done.returncode}")
    return seconds
