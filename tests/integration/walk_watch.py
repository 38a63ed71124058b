"""What Prometheus said of the alerts during some time."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import support  # noqa: F401  it knows where the laboratory is

from lab.monitoring import Prometheus
from lab.waiting import LabError
from lab.web import request

HEARTBEAT = "Watchdog"
STEP = 0.5  # half of the time between two evaluations


@dataclass(frozen=True)
class Fired:
    most: int  # so many alerts of the name at once
    after: float  # seconds until the first


def api(prometheus: Prometheus, path: str, **parameters: Any) -> Any:
    """The data of an answer; LabError with Prometheus' own words if it is an error."""
    answer = request(f"{prometheus.url}/api/v1/{path}?{urlencode(parameters)}", timeout=60)
    decoded = answer.json()
    if decoded["status"] != "success":
        raise LabError(f"{path} {parameters}: {decoded['error']}")
    return decoded["data"]


def alerts_now(prometheus: Prometheus) -> Mapping[str, Counter[str]]:
    """The names of the alerts and how many there are, by "firing" and "pending"; no heartbeat."""
    found: dict[str, Counter[str]] = {"firing": Counter(), "pending": Counter()}
    for alert in api(prometheus, "alerts")["alerts"]:
        if alert["labels"]["alertname"] != HEARTBEAT:
            found[alert["state"]][alert["labels"]["alertname"]] += 1
    return found


def fired_between(prometheus: Prometheus, begin: float, end: float) -> dict[str, Fired]:
    """Every name that fired in any evaluation of that time, be it for a second."""
    most = 'count by (alertname) (ALERTS{alertstate="firing"})'
    data = api(prometheus, "query_range", query=most, start=begin, end=end, step=STEP)
    fired = {}
    for series in data["result"]:
        name = series["metric"]["alertname"]
        if name != HEARTBEAT:
            values = [(at, int(value)) for at, value in series["values"]]
            fired[name] = Fired(max(value for _, value in values), values[0][0] - begin)
    return fired


def wait_for(probe: Callable[[], bool], patience: float) -> bool:
    """Whether it came true in time; a walk goes on when it did not."""
    deadline = time.monotonic() + patience
    while not probe():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True
