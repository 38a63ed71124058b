"""The configuration files of the quickstart, with the addresses of one run filled in."""

import secrets
from pathlib import Path
from string import Template

DIRECTORY = Path(__file__).resolve().parent.parent


def render(name: str, directory: Path, **values: str) -> Path:
    """Writes the template of that name into the directory; every ${value} must be given."""
    target = directory / name
    target.write_text(Template((DIRECTORY / name).read_text()).substitute(values))
    return target


def copy(name: str, directory: Path) -> Path:
    """Writes the file of that name, which has nothing to fill in, into the directory."""
    target = directory / name
    target.write_text((DIRECTORY / name).read_text())
    return target


def write_token(file: Path) -> str:
    """Makes up a bearer token and writes it to a file that only its owner may read."""
    token = secrets.token_urlsafe(32)
    file.touch(mode=0o600)
    file.write_text(token + "\n")
    return token
