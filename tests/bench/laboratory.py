"""What the benchmarks start: real clusters, simulated ones, and the daemon."""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from measure import Tool, endpoints_up, get_page
from support import BINARY, write_config

from lab import ports
from lab.certificates import Certificates
from lab.etcd import EtcdCluster, Ports
from lab.state import StateDirectory
from lab.waiting import wait_until
from lab.warden import Warden

TOOLS = BINARY.parent / "tests" / "bench"
PER_CLUSTER = 5


class Laboratory(ExitStack):
    """Ends what it started, the newest first."""

    def __init__(self, state: StateDirectory, short: bool) -> None:
        super().__init__()
        self.state = state
        self.short = short
        self._daemons = 0

    def certificates(self) -> Certificates:
        directory = self.state / "pki"
        return Certificates(directory) if directory.exists() else Certificates.create(directory)

    def tls_cluster(self, name: str, snapshot: Path | None = None) -> EtcdCluster:
        """Three members, healthy; with a snapshot they start from that."""
        cluster = EtcdCluster(self.state / name, Ports.pairs(ports.claim(6)), self.certificates())
        # Hundreds of megabytes; the logs beside them are worth keeping.
        for member in cluster.members:
            self.callback(shutil.rmtree, member.data, ignore_errors=True)
        if snapshot:
            cluster.restore(snapshot)
        return self.enter_context(cluster)

    def status_calls(self, cluster: EtcdCluster) -> Tool:
        assert cluster.certificates
        pki = cluster.certificates
        target = cluster.endpoints[0].removeprefix("https://")
        return self.tool("status_calls", target, pki.ca, pki.client_cert, pki.client_key)

    def fleet(
        self, size: int, tls: bool = False, latency_ms: int = 0
    ) -> tuple[Tool, list[dict[str, Any]]]:
        """That many simulated members, and the configuration of their clusters."""
        numbers = ports.claim(size)
        arguments = [f"--per-cluster={PER_CLUSTER}", f"--latency-ms={latency_ms}"]
        section: dict[str, Any] = {}
        if tls:
            pki = self.certificates()
            arguments.append(f"--pki={pki.directory}")
            section["tls"] = {
                "ca_file": str(pki.ca),
                "cert_file": str(pki.client_cert),
                "key_file": str(pki.client_key),
            }
        tool = self.tool("fleet", *arguments, *map(str, numbers))
        scheme = "https" if tls else "http"
        clusters = [
            {
                "name": f"sim-{first // PER_CLUSTER:03}",
                "endpoints": [
                    f"{scheme}://127.0.0.1:{port}" for port in numbers[first : first + PER_CLUSTER]
                ],
            }
            | section
            for first in range(0, size, PER_CLUSTER)
        ]
        return tool, clusters

    def tool(self, name: str, *arguments: str | Path) -> Tool:
        return self.enter_context(Tool(TOOLS / name, *arguments))

    def warden(self, clusters: list[dict[str, Any]], **sections: Any) -> "WarmWarden":
        """A daemon that reaches every endpoint."""
        self._daemons += 1
        directory = self.state / f"warden-{self._daemons}"
        directory.mkdir()
        config = write_config(directory / "warden.yaml", clusters, **sections)
        warden = self.enter_context(WarmWarden(config, directory / "warden.log"))
        warden.wait_warm(sum(len(cluster["endpoints"]) for cluster in clusters))
        return warden


class WarmWarden(Warden):
    def __init__(self, config: Path, log: Path) -> None:
        self.port = ports.claim(1)[0]
        super().__init__(BINARY, config, log, self.port)

    def wait_warm(self, endpoints: int) -> None:
        """Until a page shows so many endpoints up."""
        self.wait_ready()
        wait_until(
            lambda: endpoints_up(get_page(self.port)) == endpoints,
            60,
            f"{endpoints} endpoints are up",
            watch=[self],
        )

    def time_scrape(self, target: str = "/metrics") -> float:
        """The seconds that one GET took."""
        return get_page(self.port, target).seconds

    def processor_seconds(self) -> float:
        """What it used since its start, in the kernel too."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024
