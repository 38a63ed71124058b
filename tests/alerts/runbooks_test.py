#!/usr/bin/env -S python3 -B
"""The runbooks: one page for each alert, of one form, and nothing on it that does not exist."""

import functools
import os
import re
import shlex
import subprocess
import tempfile
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
ALERTS = ROOT / "alerts"
RUNBOOKS = ALERTS / "runbooks"
GOLDEN = ROOT / "tests" / "golden"
ETCD_VERSIONS = ROOT / "build" / "etcd-versions"
WARDEN = Path(os.environ.get("WARDEN_BINARY", ROOT / "build" / "dev" / "etcd-warden"))

RULE_FILES = ("etcd-warden.rules.yml", "etcd-native.rules.yml")
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "When to restore", "See also"]
# What an administrator has or can install; their flags are not looked at.
OTHER_PROGRAMS = set(
    "amtool awk cat cp crictl curl cut date df dmesg du echo export grep head iostat journalctl jq"
    " kill kubeadm kubectl ls lsof mkdir mtr mv nc openssl pgrep pidstat ping prlimit promtool"
    " ps rclone sed sha256sum sort ss systemctl tail timedatectl uniq vmstat wc".split()
)
LABELS = {"etcd_cluster", "etcd_endpoint"}  # look like metrics

# What etcdutl (3.5 to 3.7) and the newer etcdctl know beyond the installed one, for machines
# without those binaries; a test holds it against them where they are.
STORED: dict[str, dict[str, str]] = {
    "etcdutl": {
        "defrag": "--data-dir",
        "hashkv": "--rev",
        "migrate": "--data-dir --force --target-version",
        "snapshot restore": "--bump-revision --data-dir --initial-advertise-peer-urls"
        " --initial-cluster --initial-cluster-token --mark-compacted --name --skip-hash-check"
        " --wal-dir",
        "snapshot status": "",
    },
    "etcdctl": {"downgrade cancel": "", "downgrade enable": "", "downgrade validate": ""},
}
STORED_GLOBALS = {
    "etcdutl": "--help --write-out",
    "etcdctl": "--cacert --cert --command-timeout --endpoints --help --key --user --write-out",
}


@dataclass
class Page:
    name: str
    text: str

    def blocks(self, *languages: str) -> Iterator[tuple[int, str]]:
        """Line and content of the fenced code of these languages; of all if none is named."""
        language, begin, lines = None, 0, list[str]()
        for number, line in enumerate(self.text.splitlines(), 1):
            fence = line.strip()
            if not fence.startswith("```"):
                lines.append(line)
            elif language is None:
                language, begin, lines = fence[3:], number + 1, []
            else:
                if not languages or language in languages:
                    yield begin, "\n".join(lines)
                language = None

    @property
    def prose(self) -> str:
        """The page without its code."""
        return re.sub(r"^ *```.*?^ *```", "", self.text, flags=re.DOTALL | re.MULTILINE)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Both outputs are in stdout. What the shell says of an etcd does not get to etcdctl."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCDCTL_")}
    return subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
        env=environment | {"ETCDCTL_API": "3"},
    )


class Help:
    """What a program's own --help says of its subcommands and flags."""

    def __init__(self, program: str | Path) -> None:
        self.program = str(program)

    @functools.cache
    def text(self, *words: str) -> str:
        return run(self.program, *words).stdout

    def children(self, path: tuple[str, ...]) -> set[str]:
        """The subcommands that the help of this one lists."""
        children = set()
        in_commands = False
        for line in self.text(*path, "--help").splitlines():
            if line and not line[0].isspace():
                in_commands = re.search("commands", line, re.IGNORECASE) is not None
            # etcdctl's first page lists two words at once.
            found = re.match(r"\s+([a-z][\w-]*)(?: [a-z][\w-]*)?(?:\s{2,}|\t| [A-Z])", line)
            if in_commands and found:
                children.add(found[1])
        return children

    def flags(self, path: tuple[str, ...]) -> set[str]:
        text = self.text(*path, "--help")
        if "options" in self.children(()):  # where etcdctl 3.7 keeps the global ones
            text += self.text("options")
        return set(re.findall(r"^\s*(?:-\w, ?)?(--[a-z][\w.-]*)", text, flags=re.MULTILINE))


class StoredHelp:
    def __init__(self, program: str) -> None:
        self.commands = {tuple(name.split()): flags for name, flags in STORED[program].items()}
        self.globals = set(STORED_GLOBALS[program].split())

    def children(self, path: tuple[str, ...]) -> set[str]:
        depth = len(path)
        return {words[depth] for words in self.commands if words[:depth] == path and words[depth:]}

    def flags(self, path: tuple[str, ...]) -> set[str]:
        return set(self.commands.get(path, "").split()) | self.globals


@functools.cache
def helps(program: str) -> list[Help | StoredHelp]:
    """Where the commands of the program are looked up: one of them must know a command."""
    if program == "etcd-warden":
        return [Help(WARDEN)]
    installed: list[Help | StoredHelp] = [Help("etcdctl")] if program == "etcdctl" else []
    others = [Help(path) for path in sorted(ETCD_VERSIONS.glob(f"*/{program}"))]
    return installed + others + [StoredHelp(program)]


PROGRAMS = ("etcd-warden", "etcdctl", "etcdutl")


def complaint_about(arguments: list[str], source: Help | StoredHelp) -> str:
    """What is wrong with the arguments of a known program; empty if nothing is."""
    path: tuple[str, ...] = ()
    before = ""
    for argument in arguments:
        children = source.children(path)
        is_value = before.startswith("--") and "=" not in before
        before = argument
        if argument.startswith("-"):
            continue
        if argument in children:
            path += (argument,)
        elif children and not is_value:
            return f"no subcommand {' '.join((*path, argument))!r}"
        elif not children:
            break
    if source.children(path):
        return f"{' '.join(path) or 'the command'!r} needs a subcommand"
    flags = {each.partition("=")[0] for each in arguments if re.match("--[a-z]", each)}
    unknown = sorted(flags - source.flags(path))
    return f"{' '.join(path)!r} has no flag {', '.join(unknown)}" if unknown else ""


# Shell, as far as the pages use it.


def without_substitutions(line: str) -> tuple[str, list[str]]:
    """The line with $(...) taken out, and what stood in them."""
    inner = []
    while (begin := line.find("$(")) >= 0:
        depth, end = 1, begin + 2
        while depth and end < len(line):
            depth += {"(": 1, ")": -1}.get(line[end], 0)
            end += 1
        inner.append(line[begin + 2 : end - 1])
        line = line[:begin] + "SUBSTITUTED" + line[end:]
    return line, inner


def simple_commands(block: str) -> Iterator[list[str]]:
    """The words of every command in a block: those of pipes and substitutions are commands too."""
    for line in block.replace("\\\n", " ").splitlines():
        outer, inner = without_substitutions(line)
        for substituted in inner:
            yield from simple_commands(substituted)
        lexer = shlex.shlex(outer, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words = list[str]()
        for word in [*lexer, ";"]:
            if word not in ("|", "||", "&", "&&", ";"):
                words.append(word)
                continue
            while words and re.match(r"\w+=", words[0]):
                words.pop(0)
            if words:
                yield words
            words = []


def check_command(words: list[str]) -> str:
    program = words[0]
    if program in ("crictl", "kubectl") and "exec" in words:
        # What runs in the container is looked at as well.
        inside = [i for i, word in enumerate(words) if word in PROGRAMS]
        return check_command(words[inside[0] :]) if inside else ""
    if program in PROGRAMS:
        complaints = [complaint_about(words[1:], source) for source in helps(program)]
        return "" if "" in complaints else f"{program}: {complaints[0]}"
    return "" if program in OTHER_PROGRAMS else f"{program}: not a program that pages may use"


# What is checked of a page; each yields what is wrong.


def check_form(page: Page) -> Iterator[str]:
    severity = severities().get(page.name)
    if severity is None:  # the index
        return
    headings = re.findall(r"^##? (.+)$", page.prose, flags=re.MULTILINE)
    if headings[:1] != [page.name]:
        yield f"the title is not {page.name}"
    if headings[1:] != SECTIONS:
        yield f"the sections are {headings[1:]}, not {SECTIONS}"
    for section in re.split(r"^## ", page.text, flags=re.MULTILINE)[1:]:
        if "\n" not in section.strip():
            yield f"the section {section.strip()} is empty"
    if severity != "none" and f"({severity}" not in page.text.split("\n## ")[0]:
        yield f"the first sentence does not say ({severity}, ...)"


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def check_links(page: Page) -> Iterator[str]:
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", page.prose):
        if target.startswith("https://"):
            continue
        name, _, fragment = target.partition("#")
        file = RUNBOOKS / (name or f"{page.name}.md")
        if not file.exists():
            yield f"{target}: no such file"
        elif fragment:
            prose = Page(file.stem, file.read_text()).prose
            if fragment not in map(anchor, re.findall(r"^#+ (.+)$", prose, re.MULTILINE)):
                yield f"{target}: no such heading"


def check_placeholders(page: Page) -> Iterator[str]:
    for line, block in page.blocks():
        for found in re.findall(r"<[A-Za-z][\w.-]*(?: [\w.-]+)*>", block):
            yield f"{line}: placeholder {found}; write a shell variable"


@functools.cache
def known_metrics() -> set[str]:
    names = set()
    for file in [*GOLDEN.glob("*.txt"), *GOLDEN.glob("native/*.txt")]:
        for line in file.read_text().splitlines():
            # Pages of etcd-warden declare a type, the lists of etcd's metrics consist of them.
            found = re.match(r"(?:# TYPE )?(\w+) (counter|gauge|histogram|summary|untyped)$", line)
            if found:
                names.add(found[1])
            if found and found[2] == "histogram":
                names |= {f"{found[1]}_{part}" for part in ("bucket", "sum", "count")}
    return names


def check_metrics(page: Page) -> Iterator[str]:
    records = {rule["record"] for rule in rules() if "record" in rule}
    pattern = r"(?<![\w./:-])((?:etcdwarden|etcd|grpc_server|os_fd|process)_[a-z\d_]+(?::[\w:]+)?)"
    for name in sorted(set(re.findall(pattern, page.text))):
        if name not in known_metrics() | records | LABELS:
            yield f"{name}: no such metric"


def check_commands(page: Page) -> Iterator[str]:
    for line, block in page.blocks("sh"):
        for words in simple_commands(block):
            if complaint := check_command(words):
                yield f"{line}: {complaint}"


def check_promql(pages: list[Page]) -> str:
    """What promtool says of all expressions at once; empty if it accepts them."""
    groups = [
        {"name": f"{page.name}.md:{line}", "rules": [{"alert": "Query", "expr": block}]}
        for page in pages
        for line, block in page.blocks("promql")
    ]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "queries.yml"
        file.write_text(yaml.safe_dump({"groups": groups}))
        done = run("promtool", "check", "rules", file)
    return "" if done.returncode == 0 else done.stdout


@functools.cache
def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load((ALERTS / name).read_text()) for name in RULE_FILES]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


@functools.cache
def severities() -> dict[str, str]:
    return {rule["alert"]: rule["labels"]["severity"] for rule in rules() if "alert" in rule}


@functools.cache
def pages() -> dict[str, Page]:
    return {file.stem: Page(file.stem, file.read_text()) for file in sorted(RUNBOOKS.glob("*.md"))}


class Runbooks(unittest.TestCase):
    def assert_clean(self, check: Callable[[Page], Iterator[str]]) -> None:
        found = [f"{page.name}.md: {what}" for page in pages().values() for what in check(page)]
        self.assertEqual([], found, "\n" + "\n".join(found))

    def test_every_alert_has_a_page_and_every_page_an_alert(self) -> None:
        self.assertEqual(sorted(severities()), sorted(set(pages()) - {"README"}))
        for rule in rules():
            if "alert" in rule:
                self.assertIn(f"/runbooks/{rule['alert']}.md", rule["annotations"]["runbook_url"])

    def test_the_index_links_every_page(self) -> None:
        linked = re.findall(r"\]\((\w+)\.md\)", pages()["README"].prose)
        self.assertEqual([], sorted(set(pages()) - set(linked) - {"README"}))

    def test_pages_have_the_form_and_name_what_exists(self) -> None:
        self.assertTrue(WARDEN.exists(), f"{WARDEN}: build it, or set WARDEN_BINARY")
        for check in (check_form, check_links, check_placeholders, check_metrics, check_commands):
            with self.subTest(check.__name__):
                self.assert_clean(check)

    def test_queries_parse(self) -> None:
        self.assertEqual("", check_promql(list(pages().values())))


class Checker(unittest.TestCase):
    """That a page with a slip does not pass, or the tests above would prove nothing."""

    def test_finds_each_slip(self) -> None:
        good = pages()["EtcdWardenDown"].text
        slips = [
            (check_form, good.replace("## Impact", "## Effect"), "the sections are"),
            (check_form, good.replace("## Impact\n", "", 1), "the sections are"),
            (check_form, good.replace("# Etcd", "# etcd", 1), "the title is not"),
            (check_form, good.replace("(critical", "(warning"), "does not say (critical"),
            (check_form, good.partition("## See also")[0] + "## See also\n", "is empty"),
            (check_links, good + "[there](EtcdNobody.md)", "no such file"),
            (check_links, good + "[there](README.md#nowhere)", "no such heading"),
            (check_placeholders, good + "```sh\nls <the file>\n```", "placeholder <the file>"),
            (check_metrics, good + "`etcdwarden_member_upp`", "etcdwarden_member_upp: no such"),
            (check_metrics, good + "`etcd_server_id:sum`", "etcd_server_id:sum: no such"),
        ]
        for check, text, expected in slips:
            with self.subTest(expected):
                self.assertIn(expected, "\n".join(check(Page("EtcdWardenDown", text))))

    def test_finds_each_wrong_command(self) -> None:
        for line, expected in (
            ("etcd-warden backup restore x", "no subcommand 'backup restore'"),
            ("etcd-warden backup", "'backup' needs a subcommand"),
            ("etcd-warden status --colour", "'status' has no flag --colour"),
            ("etcd-warden backup take \\\n  --holds=3d", "has no flag --holds"),
            ("etcdctl member expel 1", "no subcommand 'member expel'"),
            ("sleep 1 & ETCDCTL_ENDPOINTS=$E etcdctl get k --prefixes", "no flag --prefixes"),
            ("etcdutl snapshot restore f --outdir d", "has no flag --outdir"),
            ('REVISION="$(etcdctl revision | jq .x)"', "no subcommand 'revision'"),
            ("kubectl exec etcd-0 -- etcdctl nonsense", "no subcommand 'nonsense'"),
            ("cat x | rm y", "rm: not a program"),
        ):
            with self.subTest(line):
                page = Page("EtcdWardenDown", f"```sh\n{line}\n```")
                self.assertIn(expected, "\n".join(check_commands(page)))

    def test_finds_a_wrong_query(self) -> None:
        self.assertIn("md:2", check_promql([Page("X", "```promql\nsum by (up\n```")]))

    @unittest.skipUnless(list(ETCD_VERSIONS.glob("*/etcdutl")), "no etcd versions are here")
    def test_what_is_stored_is_so(self) -> None:
        for program, commands in STORED.items():
            for command, flags in commands.items():
                sources = [source for source in helps(program) if isinstance(source, Help)]
                words = [*command.split(), *flags.split(), *STORED_GLOBALS[program].split()]
                said = [complaint_about(words, source) for source in sources]
                self.assertIn("", said, f"{program} {command}")


if __name__ == "__main__":
    unittest.main()
