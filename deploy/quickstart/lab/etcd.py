"""etcd clusters on loopback, and etcdctl."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lab.certificates import Certificates
from lab.process import Process, environment
from lab.waiting import LabError, wait_until

START_TIMEOUT = 60.0


def etcdctl(*arguments: str | Path, timeout: float = 60.0) -> str:
    """What etcdctl printed; LabError with its last words if it failed."""
    command = ["etcdctl", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=environment(), check=False
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise LabError(f"etcdctl {arguments[0]}: {words[-1] if words else 'failed'}")
    return done.stdout


@dataclass(frozen=True)
class SnapshotStatus:
    """What `etcdctl snapshot status` says of a file."""

    hash: int
    revision: int
    total_keys: int
    total_size: int

    @classmethod
    def of(cls, file: Path) -> "SnapshotStatus":
        read = json.loads(etcdctl("snapshot", "status", file, "-w", "json"))
        return cls(read["hash"], read["revision"], read["totalKey"], read["totalSize"])


@dataclass(frozen=True)
class Ports:
    client: int
    peer: int

    @classmethod
    def pairs(cls, numbers: Sequence[int]) -> list["Ports"]:
        return [cls(client, peer) for client, peer in zip(numbers[::2], numbers[1::2], strict=True)]


class EtcdMember(Process):
    """One etcd server: `client_url`, `peer_url`, and its `data` directory."""

    def __init__(
        self, cluster: "EtcdCluster", name: str, ports: Ports, flags: Sequence[str]
    ) -> None:
        scheme = "https" if cluster.certificates else "http"
        self.client_port = ports.client
        self.client_url = f"{scheme}://127.0.0.1:{ports.client}"
        self.peer_url = f"{scheme}://127.0.0.1:{ports.peer}"
        self.data = cluster.directory / name
        super().__init__(name, ["etcd"], cluster.directory / f"{name}.log")
        self.argv += [
            f"--name={name}",
            f"--data-dir={self.data}",
            f"--listen-client-urls={self.client_url}",
            f"--advertise-client-urls={self.client_url}",
            f"--listen-peer-urls={self.peer_url}",
            f"--initial-advertise-peer-urls={self.peer_url}",
            "--logger=zap",
            "--log-outputs=stderr",
            *(_tls_flags(cluster.certificates) if cluster.certificates else []),
            *flags,
        ]


def _tls_flags(certificates: Certificates) -> list[str]:
    return [
        f"--{role}{name}={value}"
        for role in ("", "peer-")
        for name, value in (
            ("cert-file", certificates.server_cert),
            ("key-file", certificates.server_key),
            ("trusted-ca-file", certificates.ca),
            ("client-cert-auth", "true"),
        )
    ]


class EtcdCluster:
    """Members `etcd-1`, `etcd-2`, ...; with certificates every URL is TLS with client certificates.

    As a context manager it is started, and stopped at the end.
    """

    def __init__(
        self,
        directory: Path,
        ports: Sequence[Ports],
        certificates: Certificates | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.certificates = certificates
        self.user: str | None = None  # "name:password", once etcd asks for it
        self.members = [
            EtcdMember(self, f"etcd-{number}", pair, flags) for number, pair in enumerate(ports, 1)
        ]
        self._topology = ",".join(f"{member.name}={member.peer_url}" for member in self.members)
        self._token = f"lab-{ports[0].peer}"
        for member in self.members:
            member.argv += [
                f"--initial-cluster={self._topology}",
                f"--initial-cluster-token={self._token}",
            ]

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoints(self) -> list[str]:
        return [member.client_url for member in self.members]

    def start(self) -> None:
        for member in self.members:
            member.start()

    def stop(self) -> None:
        # Killed: a leader that is asked politely spends seconds on handing over what nobody needs.
        for member in self.members:
            member.kill()

    def wait_healthy(self, timeout: float = START_TIMEOUT) -> None:
        """Until every member answers a linearizable read."""
        wait_until(
            lambda: self.etcdctl("endpoint", "health", "--command-timeout=2s") or True,
            timeout,
            "every member of etcd is healthy",
            watch=self.members,
            interval=0.2,
        )

    def etcdctl(self, *arguments: str, endpoints: Sequence[str] | None = None) -> str:
        return etcdctl(*arguments, *self.client_flags(endpoints))

    def client_flags(self, endpoints: Sequence[str] | None = None) -> list[str]:
        """The flags with which etcdctl, and etcd-warden, reach this cluster."""
        flags = [f"--endpoints={','.join(endpoints or self.endpoints)}"]
        if self.certificates:
            flags += [
                f"--cacert={self.certificates.ca}",
                f"--cert={self.certificates.client_cert}",
                f"--key={self.certificates.client_key}",
            ]
        if self.user:
            flags.append(f"--user={self.user}")
        return flags

    def status(self, members: Sequence[EtcdMember] | None = None) -> dict[str, dict[str, Any]]:
        """etcdctl's `endpoint status` of these members, or of all that run, by their names."""
        asked = members or [member for member in self.members if member.running]
        names = {member.client_url: member.name for member in asked}
        answer = self.etcdctl("endpoint", "status", "-w", "json", endpoints=list(names))
        return {names[entry["Endpoint"]]: entry["Status"] for entry in json.loads(answer)}

    def leader(self) -> EtcdMember:
        for name, status in self.status().items():
            if status["leader"] == status["header"]["member_id"]:
                return next(member for member in self.members if member.name == name)
        raise LabError("no member says that it is the leader")

    def follower(self) -> EtcdMember:
        leader = self.leader()
        return next(member for member in self.members if member.running and member is not leader)

    def restore(self, snapshot: Path) -> None:
        """Gives every member the data of a snapshot, before the first start."""
        for member in self.members:
            etcdctl(
                "snapshot", "restore", snapshot,
                f"--name={member.name}",
                f"--data-dir={member.data}",
                f"--initial-cluster={self._topology}",
                f"--initial-cluster-token={self._token}",
                f"--initial-advertise-peer-urls={member.peer_url}",
                timeout=300,
            )  # fmt: skip
