"""What the tests of requested backups share: jobs that end, and what the log says of alerts."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import support  # noqa: F401  it knows where the laboratory is

from lab.waiting import wait_until
from lab.warden import Warden

JOB_ENDED = ("succeeded", "failed", "skipped")

Job = dict[str, Any]
Manifest = dict[str, Any]


def jobs_of(warden: Warden, alertname: str) -> list[Job]:
    """The jobs that alerts of that name asked for, newest first."""
    return [job for job in warden.jobs() if job["trigger"].get("alertname") == alertname]


def wait_for_end(warden: Warden, job_id: str, timeout: float = 60.0) -> Job:
    """The job once it has ended, skipped ones as well."""

    def ended() -> Job | None:
        job = warden.job(job_id)
        return job if job["state"] in JOB_ENDED else None

    return wait_until(ended, timeout, f"job {job_id} ends", watch=[warden])


def wait_for_rest(warden: Warden, timeout: float = 60.0) -> None:
    """Until no job waits or runs."""
    wait_until(
        lambda: all(job["state"] in JOB_ENDED for job in warden.jobs()),
        timeout,
        "no job waits",
        watch=[warden],
    )


def said_of(warden: Warden, alertname: str) -> list[dict[str, str]]:
    """The lines of the log about alerts of that name, as mappings; the oldest first."""
    lines = []
    for line in warden.log_text().splitlines():
        if 'msg="alert received"' in line and re.search(rf"\balertname={alertname}\b", line):
            fields = (field.partition("=") for field in shlex.split(line))
            lines.append({name: value for name, _, value in fields})
    return lines


def decisions(warden: Warden, alertname: str, fingerprint: str | None = None) -> list[str]:
    """What was decided about alerts of that name, the oldest first."""
    return [
        line["decision"]
        for line in said_of(warden, alertname)
        if fingerprint in (None, line["fingerprint"])
    ]


def wait_for_decisions(
    warden: Warden, alertname: str, decision: str, count: int = 1, timeout: float = 60.0
) -> None:
    wait_until(
        lambda: decisions(warden, alertname).count(decision) >= count,
        timeout,
        f"{alertname} is {decision} {count} times; so far {decisions(warden, alertname)}",
        watch=[warden],
    )


def ids(manifests: Sequence[Manifest]) -> list[str]:
    return [manifest["id"] for manifest in manifests]


def files_in(directory: Path) -> set[str]:
    """The names of the snapshots and manifests in a catalogue."""
    return {file.name for file in directory.glob("*Z-*")}
