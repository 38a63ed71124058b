"""etcd-warden itself: the daemon, and its command line."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.exposition import Page
from lab.process import Process, environment
from lab.waiting import LabError, wait_until
from lab.web import Response, get_json, request

START_TIMEOUT = 30.0
JOB_ENDED = ("succeeded", "failed", "skipped")


class Command:
    """The program on disk."""

    def __init__(self, binary: Path) -> None:
        self.binary = binary

    def run(
        self, *arguments: str | Path, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, whatever its exit code."""
        command = [str(self.binary), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=environment(), check=False
        )

    def run_binary(
        self, *arguments: str | bytes | Path, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[bytes]:
        """The same for arguments, or output, that are no text."""
        command = [str(self.binary), *arguments]
        return subprocess.run(
            command, capture_output=True, timeout=timeout, env=environment(), check=False
        )

    def output(self, *arguments: str | Path, timeout: float = 60.0) -> str:
        """What it printed; LabError with its last words if it failed."""
        done = self.run(*arguments, timeout=timeout)
        if done.returncode != 0:
            raise LabError(f"etcd-warden {arguments[0]}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def json(self, *arguments: str | Path, timeout: float = 60.0) -> Any:
        return json.loads(self.output(*arguments, "-w", "json", timeout=timeout))

    def backups(self, config: Path) -> list[dict[str, Any]]:
        """The manifests of the catalogue."""
        manifests: list[dict[str, Any]] = self.json("backup", "list", f"--config.file={config}")
        return manifests


class Warden(Process):
    """`etcd-warden serve`."""

    def __init__(
        self, binary: Path, config: Path, log: Path, port: int, flags: Sequence[str] = ()
    ) -> None:
        self.command = Command(binary)
        self.config = config
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        argv = [
            str(binary),
            "serve",
            f"--config.file={config}",
            f"--web.listen-address={self.address}",
            *flags,
        ]
        super().__init__("etcd-warden", argv, log)

    def wait_ready(self) -> None:
        wait_until(
            lambda: request(f"{self.url}/-/ready").status == 200,
            START_TIMEOUT,
            "etcd-warden is ready",
            watch=[self],
            interval=0.05,
        )

    def scrape(self, timeout: float | None = None) -> Response:
        """GET /metrics, with the header by which Prometheus tells its patience."""
        headers = {} if timeout is None else {"X-Prometheus-Scrape-Timeout-Seconds": f"{timeout:g}"}
        return request(f"{self.url}/metrics", headers=headers, timeout=30)

    def page(self, timeout: float | None = None) -> Page:
        answer = self.scrape(timeout)
        if answer.status != 200:
            raise LabError(f"GET /metrics: {answer.status} {answer.text[:200]}")
        return Page(answer.text)

    def post_webhook(
        self, body: bytes | Mapping[str, Any], token: str | None = None, timeout: float = 30
    ) -> Response:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request(f"{self.url}/api/v1/alerts/webhook", "POST", data, headers, timeout)

    def jobs(self) -> list[dict[str, Any]]:
        """Every job it knows, newest first."""
        jobs: list[dict[str, Any]] = get_json(f"{self.url}/api/v1/jobs")["jobs"]
        return jobs

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = get_json(f"{self.url}/api/v1/jobs/{job_id}")
        return job

    def wait_for_job(self, job_id: str, timeout: float = 60.0) -> dict[str, Any]:
        """The job once it has ended, well or not."""

        def ended() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["state"] in JOB_ENDED else None

        return wait_until(ended, timeout, f"job {job_id} ends", watch=[self])

    def backups(self) -> list[dict[str, Any]]:
        return self.command.backups(self.config)
