"""Many clusters in one daemon: time and memory by the number of endpoints."""

from collections.abc import Sequence
from statistics import mean

from laboratory import PER_CLUSTER, Laboratory
from measure import Row, Times, interleave, milliseconds

SIZES = (10, 50, 100, 500, 1000)
TLS_SIZES = (100, 1000)
SHORT_SIZES = (10, 50, 100)
P50_MAX = 0.300
RESIDENT_MAX = 160e6
# Cost per endpoint may grow by so much over a tenfold size and still be called linear.
LINEAR_MAX = 1.25


def run(lab: Laboratory) -> list[Row]:
    return _run(lab, "fleet", SHORT_SIZES if lab.short else SIZES, tls=False)


def run_tls(lab: Laboratory) -> list[Row]:
    return _run(lab, "fleet-tls", SHORT_SIZES[:1] if lab.short else TLS_SIZES, tls=True)


def _run(lab: Laboratory, name: str, sizes: Sequence[int], tls: bool) -> list[Row]:
    """A daemon and a simulated fleet for each size; the daemons are scraped in turn."""
    wardens = []
    for size in sizes:
        _, clusters = lab.fleet(size, tls)
        wardens.append(lab.warden(clusters))
    scrapes = 5 if lab.short else 60
    used_before = [warden.processor_seconds() for warden in wardens]
    times = interleave(scrapes, *(warden.time_scrape for warden in wardens))
    by_size = dict(zip(sizes, times, strict=True))
    rows = []
    for size, warden, used in zip(sizes, wardens, used_before, strict=True):
        resident = warden.resident_bytes()
        processor = (warden.processor_seconds() - used) / scrapes
        judged = size == 1000 and not tls  # the bounds are for plain text
        rows.append(
            Row(name, f"{size} endpoints in {size // PER_CLUSTER} clusters", str(by_size[size]),
                "", f"{by_size[size].p50 / size * 1e6:.0f} us per endpoint",
                f"< {milliseconds(P50_MAX)}" if judged else "",
                by_size[size].p50 < P50_MAX if judged else None)
        )  # fmt: skip
        rows.append(
            Row(name, f"{size} endpoints: resident memory", f"{resident / 1e6:.1f} MB",
                f"{milliseconds(processor)} of CPU per page",
                f"{resident / size / 1e3:.0f} kB per endpoint",
                f"< {RESIDENT_MAX / 1e6:.0f} MB" if judged else "",
                resident < RESIDENT_MAX if judged else None)
        )  # fmt: skip
    if len(sizes) > 1:
        rows.append(_linearity(name, by_size))
    return rows


def _linearity(name: str, by_size: dict[int, Times]) -> Row:
    """A line through the medians, and how the cost grows over the last tenfold step."""
    xs, ys = list(by_size), [times.p50 for times in by_size.values()]
    slope = sum((x - mean(xs)) * (y - mean(ys)) for x, y in zip(xs, ys, strict=True)) / sum(
        (x - mean(xs)) ** 2 for x in xs
    )
    start = mean(ys) - slope * mean(xs)
    large, small = max(xs), max(xs) // 10
    growth = by_size[large].p50 / by_size[small].p50
    return Row(
        name, f"{large} against {small} endpoints",
        f"{milliseconds(start)} + {slope * 1e6:.0f} us each", "",
        f"{growth:.1f} times the time", f"<= {10 * LINEAR_MAX:g}", growth <= 10 * LINEAR_MAX,
    )  # fmt: skip
