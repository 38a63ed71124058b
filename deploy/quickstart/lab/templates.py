"""Configuration files, with the addresses of one run filled in."""

import secrets
from pathlib import Path
from string import Template

DIRECTORY = Path(__file__).resolve().parent.parent
ALERTS = DIRECTORY.parent.parent / "alerts"
RULE_FILES = ("etcd-warden.rules.yml", "etcd-native.rules.yml")
# Where the Alertmanager example expects etcd-warden, and its token beside itself.
EXAMPLE_ADDRESS = "127.0.0.1:12379"
TOKEN_FILE = "etcd-warden.token"


def render(name: str, directory: Path, **values: str) -> Path:
    """Writes the template of that name into the directory; every ${value} must be given."""
    target = directory / name
    target.write_text(Template((DIRECTORY / name).read_text()).substitute(values))
    return target


def copy_rules(directory: Path) -> None:
    """Writes the shipped rule files, as they are, into the directory."""
    for name in RULE_FILES:
        (directory / name).write_text((ALERTS / name).read_text())


def copy_alertmanager(directory: Path, warden_address: str) -> Path:
    """Writes the shipped Alertmanager example into the directory: it posts to that address."""
    target = directory / "alertmanager.yml"
    example = (ALERTS / target.name).read_text()
    target.write_text(example.replace(EXAMPLE_ADDRESS, warden_address))
    return target


def write_token(file: Path) -> str:
    """Makes up a bearer token and writes it to a file that only its owner may read."""
    token = secrets.token_urlsafe(32)
    file.touch(mode=0o600)
    file.write_text(token + "\n")
    return token
