"""Reading the text format of Prometheus: as much of it as etcd-warden writes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


class Page:
    """One answer of /metrics. Names are given without the prefix `etcdwarden_`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = list(_samples(text))

    def select(self, name: str, **labels: str) -> list[Sample]:
        """The samples of that name that carry these labels, whatever others they carry."""
        return [
            sample
            for sample in self.samples
            if sample.name == f"etcdwarden_{name}" and labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float | None:
        """The value of the only such sample; None if there is none."""
        found = self.select(name, **labels)
        if len(found) > 1:
            raise ValueError(f"{len(found)} samples of {name} carry {labels}")
        return found[0].value if found else None

    def by_label(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """The values of the selected samples by one of their labels."""
        return {sample.labels[label]: sample.value for sample in self.select(name, **labels)}


def _samples(text: str) -> Iterator[Sample]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            if not (match := _SAMPLE.match(line)):
                raise ValueError(f"not a sample: {line}")
            name, labels, value = match.groups()
            yield Sample(name, dict(_labels(labels or "")), float(value))


def _labels(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _LABEL.findall(text):
        yield name, re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), value)
