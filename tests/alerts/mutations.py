"""Small changes to the alert rules, and whether a promtool test notices them.

The tests are sharp if every change of a threshold, an operator, a window or a wait makes one fail.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RULE_FILES = ("etcd-warden.rules.yml", "etcd-native.rules.yml")
STEP = 0.02  # by which a number that is no small integer is changed
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

STRINGS_AND_MATCHERS = re.compile(r"\{[^}]*\}|\"[^\"]*\"")
COMPARISON = re.compile(r"==|!=|>=|<=|>|<")
NUMBER = re.compile(r"(?<![\w.:$])\d+(?:\.\d+)?(?![\w.:])")
DURATION = re.compile(r"(?<=\[)\d+[smhd](?=\])|(?<=offset )\d+[smhd]")
EXTREME = re.compile(r"\b(?:max|min)(?= by)")
SET_OPERATOR = re.compile(r"\b(?:and|unless|or)\b")
MATCHER = re.compile(r"(=~|!~|!=|=)(?=\")")
ALTERNATIVES = re.compile(r'(?<=~")[^"]*\|[^"]*(?=")')

# The other side of the boundary, and the opposite.
COMPARISONS = {
    ">": (">=", "<"),
    ">=": (">", "<"),
    "<": ("<=", ">"),
    "<=": ("<", ">"),
    "==": ("!=",),
    "!=": ("==",),
}
MATCHERS = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}


@dataclass(frozen=True)
class Mutant:
    name: str  # of the rule
    change: str
    rule: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name}: {self.change}"


def load(file: Path) -> Any:
    """YAML, by the parser in C where there is one: it is ten times as fast."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(file.read_text(), Loader=loader)


def seconds(duration: str) -> int:
    return int(duration[:-1]) * SECONDS[duration[-1]]


def near(number: str) -> tuple[str, str]:
    """A little more, and a little less."""
    value = float(number)
    if value == int(value) and value < 50:
        return f"{value + 1:g}", f"{value - 1:g}"
    return f"{value * (1 + STEP):.10g}", f"{value * (1 - STEP):.10g}"


def outside_of_strings(pattern: re.Pattern[str], expression: str) -> Iterator[re.Match[str]]:
    """The matches that are no part of a label matcher or a string."""
    blank = STRINGS_AND_MATCHERS.sub(lambda found: " " * len(found[0]), expression)
    return pattern.finditer(blank)


def end_of_clause(expression: str, start: int) -> int:
    """Where the operand that begins there ends: at the next operator of its level, or outside."""
    depth = 0
    blank = STRINGS_AND_MATCHERS.sub(lambda found: " " * len(found[0]), expression)
    for at in range(start, len(blank)):
        depth += {"(": 1, ")": -1}.get(blank[at], 0)
        if depth < 0:
            return at
        if depth == 0 and at > start and SET_OPERATOR.match(blank, at):
            return at
    return len(expression)


def without_clauses(expression: str) -> Iterator[tuple[str, str]]:
    for found in outside_of_strings(SET_OPERATOR, expression):
        end = end_of_clause(expression, found.end())
        clause = " ".join(expression[found.start() : end].split())
        yield f"without `{clause}`", expression[: found.start()] + expression[end:]


def replaced(expression: str, found: re.Match[str], text: str) -> tuple[str, str]:
    before = expression[: found.start()]
    column, line = found.start() - before.rfind("\n"), before.count("\n") + 1
    change = f"{found[0]} -> {text} at column {column} of line {line}"
    return change, before + text + expression[found.end() :]


def changed_expressions(expression: str) -> Iterator[tuple[str, str]]:
    """What was changed, and the expression that comes of it."""
    for found in outside_of_strings(COMPARISON, expression):
        for text in COMPARISONS[found[0]]:
            yield replaced(expression, found, text)
    for found in outside_of_strings(NUMBER, expression):
        for text in near(found[0]):
            yield replaced(expression, found, text)
    for found in outside_of_strings(DURATION, expression):
        for factor in (2, 0.5):
            yield replaced(expression, found, f"{int(seconds(found[0]) * factor)}s")
    for found in outside_of_strings(EXTREME, expression):
        yield replaced(expression, found, "min" if found[0] == "max" else "max")
    for found in outside_of_strings(SET_OPERATOR, expression):
        if found[0] != "or":
            yield replaced(expression, found, "unless" if found[0] == "and" else "and")
    yield from without_clauses(expression)
    for found in MATCHER.finditer(expression):
        yield replaced(expression, found, MATCHERS[found[0]])
    for found in ALTERNATIVES.finditer(expression):
        names = found[0].split("|")
        for name in names:
            yield replaced(expression, found, "|".join(each for each in names if each != name))


def mutants_of(rule: dict[str, Any]) -> Iterator[Mutant]:
    name = rule.get("alert") or rule["record"]
    for change, expression in changed_expressions(rule["expr"]):
        yield Mutant(name, change, rule | {"expr": expression})
    if wait := rule.get("for"):
        yield Mutant(name, f"for {wait} -> none", {k: v for k, v in rule.items() if k != "for"})
        for factor in (2, 0.5):
            other = f"{int(seconds(wait) * factor)}s"
            yield Mutant(name, f"for {wait} -> {other}", rule | {"for": other})


class Suite:
    """The rule files and their tests, and copies of them in which a rule is another."""

    def __init__(self, alerts: Path) -> None:
        self._rules: dict[str, Any] = {
            name: load(alerts / name) for name in RULE_FILES
        }
        self._tests: dict[str, Any] = {
            file.name: load(file)
            for file in sorted((alerts / "tests").glob("*.test.yml"))
        }

    def rules(self) -> list[dict[str, Any]]:
        return [
            rule
            for document in self._rules.values()
            for group in document["groups"]
            for rule in group["rules"]
        ]

    def mutants(self) -> list[Mutant]:
        return [mutant for rule in self.rules() for mutant in mutants_of(rule)]

    def pass_unchanged(self, scratch: Path) -> bool:
        """Without this nothing that the tests notice would say anything."""
        rule = self.rules()[0]
        unchanged = Mutant(rule.get("alert") or rule["record"], "nothing", rule)
        return self._write_rules(unchanged, scratch, None) and self._pass(scratch, self._tests)

    def notices(self, mutant: Mutant, scratch: Path) -> bool:
        """Whether a test fails: first those that name the rule, then those of whole situations."""
        concerned = {mutant.name}
        if "record" in mutant.rule:
            users = (rule for rule in self.rules() if mutant.name in rule["expr"])
            concerned |= {rule["alert"] for rule in users}
        if not self._write_rules(mutant, scratch, concerned):
            return True  # promtool takes it for no rule at all
        if not self._pass(scratch, self._naming(concerned)):
            return True
        self._write_rules(mutant, scratch, None)
        return not self._pass(scratch, self._situations())

    def _write_rules(self, mutant: Mutant, scratch: Path, only: set[str] | None) -> bool:
        for file, document in self._rules.items():
            groups = []
            for group in document["groups"]:
                rules = [
                    mutant.rule if rule.get("alert", rule.get("record")) == mutant.name else rule
                    for rule in group["rules"]
                    if only is None or "record" in rule or rule["alert"] in only
                ]
                groups.append(group | {"rules": rules})
            (scratch / file).write_text(json.dumps({"groups": groups}))
        done = subprocess.run(
            ["promtool", "check", "rules", *(scratch / file for file in self._rules)],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def _naming(self, rules: set[str]) -> dict[str, Any]:
        """The tests of these rules, and nothing else of theirs."""

        def is_about(query: dict[str, Any]) -> bool:
            return any(name in query["expr"] for name in rules) and "ALERTS" not in query["expr"]

        chosen = {}
        for file, document in self._tests.items():
            cases = []
            for case in document["tests"]:
                alerts = [t for t in case.get("alert_rule_test", []) if t["alertname"] in rules]
                queries = [q for q in case.get("promql_expr_test", []) if is_about(q)]
                if alerts or queries:
                    cases.append(case | {"alert_rule_test": alerts, "promql_expr_test": queries})
            if cases:
                chosen[file] = document | {"tests": cases}
        return chosen

    def _situations(self) -> dict[str, Any]:
        """The tests that ask which alerts fire at all."""
        chosen = {}
        for file, document in self._tests.items():
            cases = [
                {k: v for k, v in case.items() if k != "alert_rule_test"}
                for case in document["tests"]
                if "ALERTS" in str(case.get("promql_expr_test"))
            ]
            if cases:
                chosen[file] = document | {"tests": cases}
        return chosen

    def _pass(self, scratch: Path, documents: dict[str, Any]) -> bool:
        tests = scratch / "tests"
        tests.mkdir(exist_ok=True)
        for file, document in documents.items():
            (tests / file).write_text(json.dumps(document))
            done = subprocess.run(
                ["promtool", "test", "rules", tests / file], capture_output=True, check=False
            )
            if done.returncode != 0:
                return False
        return True
