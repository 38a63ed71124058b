"""HTTP to a server on loopback: no proxies, no redirects, no exceptions for error codes."""

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lab.waiting import LabError


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise LabError(f"no JSON in the answer ({self.status}): {self.text[:200]}") from error


def request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    trust: ssl.SSLContext | None = None,
) -> Response:
    """Raises OSError when there is no whole answer, whatever its status. `trust` is for https."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=trust)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=timeout)
    )
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target or "/", body, dict(headers or {}))
        answer = connection.getresponse()
        return Response(answer.status, dict(answer.getheaders()), answer.read())
    except http.client.HTTPException as error:
        raise OSError(f"{method} {url}: {error!r}") from error
    finally:
        connection.close()


def basic_auth(user: str, password: str) -> dict[str, str]:
    """The header by which a client names itself."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def get_json(url: str) -> Any:
    """The decoded body of a 200; anything else is a LabError."""
    answer = request(url)
    if answer.status != 200:
        raise LabError(f"GET {url}: {answer.status} {answer.text[:200]}")
    return answer.json()
