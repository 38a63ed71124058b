"""As much of PromQL's grammar as it takes to find the selectors of an expression.

Whether an expression is valid at all is for promtool to say.
https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
      | (?P<range>\[[^\]]*\])
      | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
      | (?P<number>\d[\w.]*)
      | (?P<operator>=~|!~|!=|[^\s\w])""",
    re.VERBOSE,
)
# Words that are followed by labels in parentheses, and words that stand for themselves.
LABEL_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "offset", "bool", "inf", "nan", "atan2"}
AGGREGATIONS = {
    "sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk",
    "topk", "quantile",
}  # fmt: skip
RATES = {"rate", "irate"}


@dataclass(frozen=True)
class Selector:
    metric: str  # empty: chosen by its matchers alone
    matchers: tuple[tuple[str, str, str], ...]  # label, operator, value
    window: str  # of a range vector, else empty
    function: str  # the one that it is the argument of, else empty


def tokens(expression: str) -> list[tuple[str, str]]:
    return [(found.lastgroup or "", found[0]) for found in TOKEN.finditer(expression)]


def selectors(expression: str) -> list[Selector]:
    return list(_selectors(tokens(expression)))


def _selectors(stream: list[tuple[str, str]]) -> Iterator[Selector]:
    calls: list[str] = []  # the functions whose parentheses are open
    at = 0
    while at < len(stream):
        kind, text = stream[at]
        following = stream[at + 1][1] if at + 1 < len(stream) else ""
        if kind == "name" and text in LABEL_LISTS and following == "(":
            at = _behind(stream, at + 1, "(", ")")
        elif kind == "name" and following == "(":
            calls.append(text)
            at += 2
        elif text == "(":
            calls.append("")
            at += 1
        elif text == ")":
            if not calls:
                raise ValueError("a ) closes nothing")
            calls.pop()
            at += 1
        elif text in AGGREGATIONS and following in LABEL_LISTS:
            at += 1
        elif text == "{" or (kind == "name" and text.lower() not in WORDS | LABEL_LISTS):
            metric = "" if text == "{" else text
            start = at if text == "{" else at + 1
            matchers: tuple[tuple[str, str, str], ...] = ()
            if start < len(stream) and stream[start][1] == "{":
                end = _behind(stream, start, "{", "}")
                matchers = tuple(_matchers(stream[start + 1 : end - 1]))
                start = end
            window = ""
            if start < len(stream) and stream[start][0] == "range":
                window = stream[start][1][1:-1]
                start += 1
            yield Selector(metric, matchers, window, calls[-1] if calls else "")
            at = start
        else:
            at += 1
    if calls:
        raise ValueError("a ( is not closed")


def _behind(stream: list[tuple[str, str]], at: int, opening: str, closing: str) -> int:
    """The place behind the bracket that closes the one at `at`."""
    depth = 0
    while at < len(stream):
        depth += (stream[at][1] == opening) - (stream[at][1] == closing)
        at += 1
        if depth == 0:
            return at
    raise ValueError(f"a {opening} is not closed")


def _matchers(stream: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for at in range(len(stream) - 2):
        label, operator, value = (stream[at + step] for step in range(3))
        if label[0] == "name" and operator[1] in ("=", "!=", "=~", "!~") and value[0] == "string":
            yield label[1], operator[1], value[1][1:-1]
