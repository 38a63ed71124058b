"""The benchmarks of etcd-warden in one table; `run` beside this file builds and starts it."""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "deploy" / "quickstart")]

import burst  # noqa: E402
import fleet  # noqa: E402
import proof  # noqa: E402
import restore  # noqa: E402
import scrape  # noqa: E402
import snapshot  # noqa: E402
from laboratory import Laboratory  # noqa: E402
from measure import Row  # noqa: E402
from support import BINARY  # noqa: E402

from lab.state import StateDirectory  # noqa: E402
from lab.waiting import LabError  # noqa: E402

BENCHMARKS: dict[str, Callable[[Laboratory], list[Row]]] = {
    "scrape": scrape.run,
    "rounds": scrape.run_rounds,
    "fleet": fleet.run,
    "fleet-tls": fleet.run_tls,
    "burst": burst.run,
    "snapshot": snapshot.run,
    "proof": proof.run,
    "restore": restore.run,
}
HEADINGS = ["benchmark", "figure (p50, p99)", "measured", "peer", "ratio", "bound", ""]
# No matter how busy the machine is.
TIMELESS = "burst"


def print_table(rows: list[Row]) -> None:
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for cells in lines:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print("  ".join(padded).rstrip())


def run(names: list[str], short: bool) -> list[Row]:
    rows: list[Row] = []
    with StateDirectory(BINARY.parent / "bench") as state:
        for name in names:
            started = time.monotonic()
            directory = state / name
            with StateDirectory(directory) as own, Laboratory(own, short) as lab:
                rows += BENCHMARKS[name](lab)
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    # A thousand connections need as many descriptors, here and in what is started.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load = os.getloadavg()[0]
    try:
        rows = run(options.names or list(BENCHMARKS), options.short)
    except LabError as error:
        print(f"tests/bench/run: {error}", file=sys.stderr)
        return 1
    print_table(rows)
    print(f"{os.cpu_count()} processors; load {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    missed = [row for row in rows if row.holds is False]
    return int(any(options.check or row.name == TIMELESS for row in missed))


if __name__ == "__main__":
    sys.exit(main())
