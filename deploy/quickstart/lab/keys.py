"""Filling a cluster with keys, and reading them back, through etcd's JSON gateway.

https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
"""

import base64
import hashlib
import http.client
import json
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.etcd import EtcdCluster, EtcdMember
from lab.waiting import LabError

WRITERS = 4


class Gateway:
    """One kept-open connection to one member; for one thread."""

    def __init__(self, cluster: EtcdCluster, member: EtcdMember) -> None:
        if cluster.certificates:
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1",
                member.client_port,
                context=cluster.certificates.client_context(),
                timeout=30,
            )
        else:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", member.client_port, timeout=30
            )

    def put(self, key: str, value: bytes) -> None:
        self._call("kv/put", key=_encode(key.encode()), value=_encode(value))

    def get(self, key: str) -> bytes:
        answer = self._call("kv/range", key=_encode(key.encode()))
        if "kvs" not in answer:
            raise LabError(f"etcd has no key {key}")
        return base64.b64decode(answer["kvs"][0].get("value", ""))

    def count(self) -> int:
        """How many keys there are."""
        answer = self._call("kv/range", key=_encode(b"\0"), range_end=_encode(b"\0"), count_only=True)
        return int(answer.get("count", 0))

    def txn(self, operations: Sequence[Mapping[str, Any]]) -> int:
        """Does all of them, or none; the revision that they became."""
        return int(self._call("kv/txn", success=operations)["header"]["revision"])

    def compact(self, revision: int) -> None:
        """Forgets what was overwritten up to there; returns when it is gone from the disk."""
        self._call("kv/compaction", revision=revision, physical=True)

    def grant_lease(self, seconds: int) -> str:
        """A new lease, by the name under which a put wants it."""
        return str(self._call("lease/grant", TTL=seconds)["ID"])

    def close(self) -> None:
        self._connection.close()

    def _call(self, path: str, **fields: Any) -> dict[str, Any]:
        self._connection.request("POST", f"/v3/{path}", json.dumps(fields))
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise LabError(f"etcd refused {path}: {answer.status} {body[:200]!r}")
        decoded: dict[str, Any] = json.loads(body)
        return decoded


def fill(cluster: EtcdCluster, count: int, value_bytes: int, prefix: str = "lab") -> dict[str, str]:
    """Writes keys with random values and returns the SHA-256 of each key's value."""

    def write(gateway: Gateway, key: str) -> str:
        value = random.randbytes(value_bytes)
        gateway.put(key, value)
        return hashlib.sha256(value).hexdigest()

    return _for_each_key(cluster, [f"{prefix}/{number:06}" for number in range(count)], write)


def read_hashes(cluster: EtcdCluster, keys: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each key's value, as `fill` returned it."""
    return _for_each_key(
        cluster, keys, lambda gateway, key: hashlib.sha256(gateway.get(key)).hexdigest()
    )


def count_keys(cluster: EtcdCluster) -> int:
    gateway = Gateway(cluster, cluster.members[0])
    try:
        return gateway.count()
    finally:
        gateway.close()


def _for_each_key(
    cluster: EtcdCluster, keys: Sequence[str], act: Callable[[Gateway, str], str]
) -> dict[str, str]:
    """Acts on every key, some in parallel, each thread over a connection of its own."""

    def share(number: int) -> dict[str, str]:
        gateway = Gateway(cluster, cluster.members[number % len(cluster.members)])
        try:
            return {key: act(gateway, key) for key in keys[number::WRITERS]}
        finally:
            gateway.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return {
            key: value for part in pool.map(share, range(WRITERS)) for key, value in part.items()
        }


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
