"""etcd clusters on loopback."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lab.certificates import Certificates
from lab.process import Process
from lab.release import INSTALLED, Release
from lab.waiting import LabError, wait_until

START_TIMEOUT = 60.0


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
        super().__init__(name, [cluster.release.server], cluster.directory / f"{name}.log")
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

    def change_release(self, release: Release) -> None:
        """Restarts the member with that version's server."""
        self.kill()
        self.argv[0] = release.server
        self.start()


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

    As a context manager it is started, and stopped at the end. `added` are the members that joined
    later, or were only announced so far.
    """

    def __init__(
        self,
        directory: Path,
        ports: Sequence[Ports],
        certificates: Certificates | None = None,
        flags: Sequence[str] = (),
        release: Release = INSTALLED,
    ) -> None:
        self.directory = directory
        self.certificates = certificates
        self.release = release
        self.user: str | None = None  # "name:password", once etcd asks for it
        self.members = [
            EtcdMember(self, f"etcd-{number}", pair, flags) for number, pair in enumerate(ports, 1)
        ]
        self.added: list[EtcdMember] = []
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
        for member in [*self.members, *self.added]:
            member.kill()

    def add_member(self, name: str, ports: Ports, learner: bool = False) -> EtcdMember:
        """Announces one more member, which joins when it is started; start it before the next."""
        member = EtcdMember(self, name, ports, ["--initial-cluster-state=existing"])
        role = ["--learner"] if learner else []
        arguments = ["member", "add", name, f"--peer-urls={member.peer_url}", *role]
        # etcd refuses until all members have been connected for five seconds.
        wait_until(
            lambda: self.etcdctl(*arguments), START_TIMEOUT, f"{name} is added", self.members, 0.5
        )
        known = [*self.members, *self.added, member]
        topology = ",".join(f"{each.name}={each.peer_url}" for each in known)
        member.argv.append(f"--initial-cluster={topology}")
        self.added.append(member)
        return member

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
        return self.release.etcdctl(*arguments, *self.client_flags(endpoints))

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
        every = [*self.members, *self.added]
        asked = members or [member for member in every if member.running]
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

    def restore(self, snapshot: Path, members: Sequence[EtcdMember] | None = None) -> None:
        """Gives these members, or all, the data of a snapshot, before the first start."""
        for member in members or self.members:
            self.release.snapshot(
                "restore", snapshot,
                f"--name={member.name}",
                f"--data-dir={member.data}",
                f"--initial-cluster={self._topology}",
                f"--initial-cluster-token={self._token}",
                f"--initial-advertise-peer-urls={member.peer_url}",
                timeout=300,
            )  # fmt: skip
