"""Alertmanager's webhook payload, version 4, made up."""

import itertools
from datetime import UTC, datetime
from typing import Any

_numbers = itertools.count(1)


def alert(
    name: str = "EtcdMemberUnreachable", status: str = "firing", **labels: str
) -> dict[str, Any]:
    """An alert as Alertmanager spells it, unlike any other."""
    return {
        "status": status,
        "labels": {"alertname": name, "etcd_cluster": "lab"} | labels,
        "annotations": {"summary": "made up by a test"},
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1/graph",
        "fingerprint": f"{next(_numbers):016x}",
    }


def notification(*alerts: dict[str, Any], version: str = "4") -> dict[str, Any]:
    return {
        "version": version,
        "groupKey": '{}:{alertname="EtcdMemberUnreachable"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "etcd-warden",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
        "alerts": list(alerts),
    }
