"""A steady load on a cluster: writes, reads, leases and compactions; each member has a client."""

import base64
import http.client
import threading
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Self

import support  # noqa: F401  it knows where the laboratory is

from lab.etcd import EtcdCluster, EtcdMember
from lab.keys import Gateway
from lab.waiting import LabError

KEYS = 50
VALUE = b"x" * 100
LEASE_SECONDS = 30
# Of the operations of a client: each so-many-th one.
READ, LEASE, COMPACTION = 2, 40, 100


class Client(Gateway):
    """What the laboratory's gateway lacks."""

    def write(self, key: str, value: bytes, lease: str = "0") -> int:
        """The revision that the write became."""
        fields = {"key": _encoded(key.encode()), "value": _encoded(value), "lease": lease}
        answer = self._call("kv/put", **fields)
        return int(answer["header"]["revision"])

    def read(self, key: str) -> None:
        self._call("kv/range", key=_encoded(key.encode()))

    def revoke_lease(self, lease: str) -> None:
        self._call("lease/revoke", ID=lease)


class Load:
    """Runs as a context manager. Failed operations are counted and tried no second time, as by a
    client that has something newer to say."""

    def __init__(self, cluster: EtcdCluster, per_second: float, prefix: str = "load") -> None:
        self._cluster = cluster
        self._pause = len(cluster.members) / per_second
        self._prefix = prefix
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(member,), daemon=True)
            for member in cluster.members
        ]
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(1)  # one that waits for a frozen member ends with this program

    def _run(self, member: EtcdMember) -> None:
        client = Client(self._cluster, member)
        number = 0
        while not self._enough.wait(self._pause):
            number += 1
            try:
                self._count(self._act(client, number))
            except (LabError, OSError, http.client.HTTPException):
                self._count("failure")
                client.close()  # the next operation opens it again

    def _act(self, client: Client, number: int) -> str:
        key = f"{self._prefix}/{number % KEYS}"
        if number % COMPACTION == 0:
            revision = client.write(key, VALUE)
            # Another client may have been quicker.
            with suppress(LabError):
                client.compact(revision - KEYS)
            return "compaction"
        if number % LEASE == 0:
            lease = client.grant_lease(LEASE_SECONDS)
            client.write(f"{key}/leased", VALUE, lease)
            client.revoke_lease(lease)
            return "lease"
        if number % READ == 0:
            client.read(key)
            return "read"
        client.write(key, VALUE)
        return "write"

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
