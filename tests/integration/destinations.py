"""Places for copies: real servers, a network that can be cut, and what goes wrong on purpose."""

import os
import secrets
import shutil
import socket
import subprocess
import threading
import unittest
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from support import BINARY, ROOT

from lab import ports
from lab.process import Process, environment
from lab.waiting import LabError, wait_until

S3_SERVER = ROOT / "build" / "s3-server" / "versitygw"
BUCKET = "backups"

Section = dict[str, str]  # of rclone's configuration


def run(*command: str | Path, stdin: str | None = None) -> str:
    """What a stock program printed; LabError with its last words if it failed."""
    # The S3 library inside rclone 1.60 refuses to work where AWS_CA_BUNDLE is set.
    kept = {name: value for name, value in environment().items() if name != "AWS_CA_BUNDLE"}
    done = subprocess.run(
        [*map(str, command)], input=stdin, capture_output=True, text=True, env=kept, check=False
    )
    if done.returncode != 0:
        raise LabError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout


def obscure(password: str) -> str:
    """As rclone's configuration wants its passwords."""
    return run("rclone", "obscure", "-", stdin=password).strip()


def write_sections(file: Path, sections: Mapping[str, Section]) -> Path:
    """A configuration of rclone's."""
    file.touch(mode=0o600)
    lines = []
    for name, section in sections.items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in section.items()), ""]
    file.write_text("\n".join(lines))
    return file


class Server(Process):
    """A server of files: `directory` is what it serves, `root` the part of remotes after the colon.

    `secrets` must never be seen.
    """

    port: int
    directory: Path
    root: str
    secrets: Sequence[str]

    def section(self, port: int | None = None) -> Section:
        """The remote; behind a proxy on that port if one is given."""
        raise NotImplementedError

    def start(self) -> None:
        super().start()
        wait_until(lambda: _listens(self.port), 15, f"{self.name} listens", [self], 0.05)


class S3(Server):
    """An object store: versitygw in front of a directory, in which each object is a file."""

    def __init__(self, directory: Path) -> None:
        self.port = ports.claim(1)[0]
        self.directory = directory / "objects" / BUCKET
        self.root = BUCKET
        self._key, secret = secrets.token_hex(8), secrets.token_hex(16)
        self.secrets = [secret]
        sidecar = directory / "metadata"
        sidecar.mkdir(parents=True)
        self.directory.parent.mkdir()
        argv = [S3_SERVER, f"--port=127.0.0.1:{self.port}", "--quiet", "posix"]
        argv += [f"--sidecar={sidecar}", self.directory.parent]
        keys = {"ROOT_ACCESS_KEY": self._key, "ROOT_SECRET_KEY": secret}
        super().__init__("versitygw", argv, directory / "s3.log", keys)
        self._config = directory / "s3.conf"

    @classmethod
    def or_skip(cls, directory: Path) -> "S3":
        """One in that directory; skips what needs it if the program is not on this machine."""
        if not S3_SERVER.exists():
            raise unittest.SkipTest("no S3 server is here: tests/s3-server/build made none")
        return cls(directory)

    def start(self) -> None:
        super().start()
        if not self.directory.exists():
            config = write_sections(self._config, {"s3": self.section()})
            run("rclone", f"--config={config}", "mkdir", f"s3:{BUCKET}")

    def section(self, port: int | None = None) -> Section:
        return {
            "type": "s3",
            "provider": "Other",
            "region": "us-east-1",
            "access_key_id": self._key,
            "secret_access_key": self.secrets[0],
            "endpoint": f"http://127.0.0.1:{port or self.port}",
        }


class RcloneServe(Server):
    """A directory served by rclone itself, with user and password: `webdav` or `sftp`."""

    root = ""

    def __init__(self, protocol: str, directory: Path) -> None:
        self.port = ports.claim(1)[0]
        self.protocol = protocol
        self.directory = directory / protocol
        self.directory.mkdir(parents=True)
        password = secrets.token_hex(16)
        self._obscured = obscure(password)
        self.secrets = [password, self._obscured]
        argv: list[str | Path] = ["rclone", "serve", protocol, self.directory]
        argv += [f"--addr=127.0.0.1:{self.port}", "--config=/dev/null", "--vfs-cache-mode=off"]
        argv += [f"--cache-dir={directory / 'cache'}", "--dir-cache-time=0s"]
        login = {"RCLONE_USER": "warden", "RCLONE_PASS": password}
        super().__init__(f"rclone serve {protocol}", argv, directory / f"{protocol}.log", login)

    def section(self, port: int | None = None) -> Section:
        address = {
            "webdav": {"url": f"http://127.0.0.1:{port or self.port}", "vendor": "other"},
            "sftp": {"host": "127.0.0.1", "port": str(port or self.port)},
        }
        login = {"user": "warden", "pass": self._obscured}
        return {"type": self.protocol} | address[self.protocol] | login


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


class Network:
    """The way to a server, as one TCP port: it can be cut, or hold what passes.

    Counted is what goes to the server, over all connections.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", ports.claim(1)[0]))
        self.port: int = self._listener.getsockname()[1]
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._passed = 0
        self._cut_at: int | None = None
        self._hold_at: int | None = None
        self._held: set[socket.socket] = set()
        self._ended = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Ends every connection and lets no new one through."""
        self.cut_after(0)
        with self._changed:
            self._close_all()

    def cut_after(self, count: int) -> None:
        """The same once so many bytes have passed from now on."""
        with self._changed:
            self._cut_at = self._passed + count

    def hold_after(self, count: int) -> None:
        """The connection on which so many bytes have passed stalls; those made later do not."""
        with self._changed:
            self._hold_at = self._passed + count

    @property
    def is_cut(self) -> bool:
        with self._changed:
            return self._cut_at is not None and self._passed >= self._cut_at

    @property
    def holds(self) -> bool:
        with self._changed:
            return bool(self._held)

    def restore(self) -> None:
        """As in the beginning; what is held goes on."""
        with self._changed:
            self._cut_at = self._hold_at = None
            self._held.clear()
            self._changed.notify_all()

    def _close_all(self) -> None:
        for each in self._open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other side was faster
        self._held.clear()
        self._changed.notify_all()

    def _accept(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
                if self.is_cut:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                continue
            with self._changed:
                self._open |= {client, server}
            for each in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=each, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        try:
            while piece := source.recv(16_384):
                if counts and not self._may_pass(source, len(piece)):
                    break
                sink.sendall(piece)
        except OSError:
            pass  # cut, or ended by either side
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _may_pass(self, client: socket.socket, count: int) -> bool:
        with self._changed:
            self._passed += count
            if self._hold_at is not None and self._passed >= self._hold_at:
                self._hold_at = None
                self._held.add(client)
            while client in self._held:
                self._changed.wait()
            if self._cut_at is not None and self._passed >= self._cut_at:
                self._close_all()
                return False
            return True


class PutOnlyStore(ThreadingHTTPServer):
    """An object store whose credentials may put objects and nothing else."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", ports.claim(1)[0]), _PutOnlyHandler)
        self.objects: dict[str, bytes] = {}  # by path
        self.refused: list[str] = []  # methods

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def section(self) -> Section:
        return {
            "type": "s3",
            "provider": "Other",
            "region": "us-east-1",
            "access_key_id": "writer",
            "secret_access_key": "writes",
            "endpoint": f"http://127.0.0.1:{self.server_port}",
        }


class _PutOnlyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PutOnlyStore

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.objects[self.path.partition("?")[0]] = body
        self._answer(200)

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.refused.append(self.command)
        self._answer(403)

    do_GET = do_HEAD = do_POST = do_DELETE = _refuse

    def _answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class AgeKey:
    """A pair of keys: `recipient` is for the configuration, `identity` the file of the owner."""

    def __init__(self, file: Path) -> None:
        run("age-keygen", "-o", file)
        self.identity = file
        self.recipient = run("age-keygen", "-y", file).strip()
        self.secret = next(
            line for line in file.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-")
        )


def open_copy(file: Path, key: AgeKey, scratch: Path) -> Path:
    """The snapshot in a copy, opened by the stock programs as its name says."""
    if file.suffix == ".age":
        opened = scratch / file.stem
        run("age", "-d", "-i", key.identity, "-o", opened, file)
        return open_copy(opened, key, scratch)
    if file.suffix == ".zst":
        opened = scratch / file.stem
        run("zstd", "-q", "-d", "-f", file, "-o", opened)
        return opened
    return file


def binary_without(directory: Path, *programs: str) -> Path:
    """etcd-warden on a machine where these programs are not installed."""
    tools = directory / "tools"
    tools.mkdir()
    for program in {"rclone", "age"} - set(programs):
        (tools / program).symlink_to(shutil.which(program) or "")
    return _binary_with_path(directory / "etcd-warden", str(tools))


def binary_with_rclone(directory: Path, script: str) -> Path:
    """etcd-warden on a machine whose rclone does more: in the script, "$rclone" is the real one."""
    tools = directory / "tools"
    tools.mkdir()
    text = f"#!/usr/bin/env bash\nrclone={shutil.which('rclone')}\n{script}\n"
    _write_program(tools / "rclone", text)
    return _binary_with_path(directory / "etcd-warden", f"{tools}:{os.environ['PATH']}")


def _binary_with_path(file: Path, path: str) -> Path:
    return _write_program(file, f'#!/bin/sh\nPATH="{path}" exec "{BINARY}" "$@"\n')


def _write_program(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o755)
    return file
