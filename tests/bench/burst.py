"""Many scrapes at the same moment cost one or two questions to etcd, not many."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from laboratory import PER_CLUSTER, Laboratory
from measure import Row, Times, get_page

from lab.exposition import Page

SCRAPES = 32
LATENCY_MS = 100
FAN_OUTS_MAX = 2


def run(lab: Laboratory) -> list[Row]:
    fleet, clusters = lab.fleet(PER_CLUSTER, latency_ms=LATENCY_MS)
    warden = lab.warden(clusters)
    barrier = Barrier(SCRAPES)

    def scrape() -> float:
        barrier.wait()
        return warden.time_scrape()

    def status_calls() -> int:
        return int(fleet.ask().split()[0])

    def coalesced() -> float:
        page = Page(get_page(warden.port, "/metrics").body)
        return page.value("exporter_scrapes_coalesced_total") or 0

    worst, seconds = 0.0, []
    with ThreadPoolExecutor(SCRAPES) as pool:
        for _ in range(2 if lab.short else 10):
            joined, asked = coalesced(), status_calls()
            seconds += list(pool.map(lambda _: scrape(), range(SCRAPES)))
            asked = status_calls() - asked
            joined = coalesced() - joined
            by_counter, by_fleet = SCRAPES - joined, asked / PER_CLUSTER
            worst = max(worst, by_counter, by_fleet)
    times = Times(seconds)
    return [
        Row("burst", f"fan-outs for {SCRAPES} scrapes at once, worst case", f"{worst:g}",
            f"a call takes {LATENCY_MS} ms", "", f"<= {FAN_OUTS_MAX}", worst <= FAN_OUTS_MAX),
        Row("burst", "each of them", str(times), "",
            f"{times.p50 * 1e3 / LATENCY_MS:.2f} calls in a row"),
    ]  # fmt: skip
