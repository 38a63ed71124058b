"""Prometheus and Alertmanager on loopback."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lab.exposition import Sample
from lab.process import Process
from lab.waiting import wait_until
from lab.web import get_json, request

START_TIMEOUT = 60.0


class _Server(Process):
    """What the two have in common: a URL that answers `/-/ready`."""

    def __init__(self, name: str, argv: list[str], log: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(name, [*argv, f"--web.listen-address=127.0.0.1:{port}"], log)

    def wait_ready(self) -> None:
        wait_until(
            lambda: request(f"{self.url}/-/ready").status == 200,
            START_TIMEOUT,
            f"{self.name} is ready",
            watch=[self],
        )


class Prometheus(_Server):
    def __init__(self, directory: Path, config: Path, port: int) -> None:
        argv = [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'data'}",
        ]
        super().__init__("prometheus", argv, directory / "prometheus.log", port)

    def alerts(self, name: str, state: str = "firing") -> list[dict[str, Any]]:
        """The alerts of that name in that state."""
        found = get_json(f"{self.url}/api/v1/alerts")["data"]["alerts"]
        return [
            alert
            for alert in found
            if alert["labels"]["alertname"] == name and alert["state"] == state
        ]

    def targets(self) -> list[dict[str, Any]]:
        """What Prometheus thinks of each of its targets: `health` is "up", "down" or "unknown"."""
        targets: list[dict[str, Any]]
        targets = get_json(f"{self.url}/api/v1/targets")["data"]["activeTargets"]
        return targets

    def scrape_health(self) -> list[str]:
        return [target["health"] for target in self.targets()]

    def query(self, expression: str) -> list[Sample]:
        """An instant vector."""
        data = get_json(f"{self.url}/api/v1/query?{urlencode({'query': expression})}")["data"]
        return [
            Sample(metric.pop("__name__", ""), metric, float(value))
            for metric, (_, value) in ((each["metric"], each["value"]) for each in data["result"])
        ]


class Alertmanager(_Server):
    def __init__(self, directory: Path, config: Path, port: int) -> None:
        argv = [
            "prometheus-alertmanager",
            f"--config.file={config}",
            f"--storage.path={directory / 'data'}",
            "--cluster.listen-address=",
        ]
        super().__init__("alertmanager", argv, directory / "alertmanager.log", port)
