"""Ports on loopback: is one free, and which ones may a test have.

Only ports below the kernel's ephemeral range are given out: a port of that range may be taken by an
outgoing connection between the moment it was found free and the moment a server binds it.
"""

import random
import socket
from collections.abc import Iterable

FIRST, LAST = 23_000, 28_999

# A port is claimed by binding a name in Linux's abstract socket namespace: another process sees the
# claim, and it ends with this process, however that ends.
_claims: dict[int, socket.socket] = {}


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def busy(wanted: Iterable[int]) -> list[int]:
    return [port for port in wanted if not is_free(port)]


def claim(count: int) -> list[int]:
    """That many free ports, which no other process gets from here while this one lives."""
    candidates = random.sample(range(FIRST, LAST + 1), LAST + 1 - FIRST)
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            return found
        if port not in _claims and is_free(port) and _claim(port):
            found.append(port)
    raise OSError(f"no {count} free ports between {FIRST} and {LAST}")


def _claim(port: int) -> bool:
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0etcd-warden-lab-port-{port}")
    except OSError:
        name.close()
        return False
    _claims[port] = name
    return True
