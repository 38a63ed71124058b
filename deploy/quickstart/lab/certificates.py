"""A throw-away certificate authority, made with the openssl command."""

import ssl
import subprocess
from pathlib import Path

from lab.waiting import LabError

CA_DAYS, SERVER_DAYS, CLIENT_DAYS = 90, 60, 30
LOOPBACK_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"


class Certificates:
    """The files of one authority: `ca`, a server's and a client's pair (PEM, keys of mode 0600).

    The server's certificate is good for a client too: etcd's peers and its gateway dial with it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca = directory / "ca.crt"
        self.ca_key = directory / "ca.key"
        self.server_cert = directory / "server.crt"
        self.server_key = directory / "server.key"
        self.client_cert = directory / "client.crt"
        self.client_key = directory / "client.key"

    @classmethod
    def create(cls, directory: Path) -> "Certificates":
        made = cls(directory)
        directory.mkdir(parents=True)
        made._create_authority()
        made._issue("etcd", made.server_cert, made.server_key, SERVER_DAYS, "serverAuth,clientAuth")
        made._issue("etcd-warden", made.client_cert, made.client_key, CLIENT_DAYS, "clientAuth")
        return made

    def client_context(self) -> ssl.SSLContext:
        """For a client of this authority's servers that shows the client's certificate."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.client_cert, self.client_key)
        return context

    def _create_authority(self) -> None:
        self._openssl(
            "-days", str(CA_DAYS),
            "-subj", "/CN=etcd-warden lab CA", "-keyout", self.ca_key, "-out", self.ca,
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def _issue(self, name: str, cert: Path, key: Path, days: int, usage: str) -> None:
        self._openssl(
            "-days", str(days),
            "-CA", self.ca, "-CAkey", self.ca_key,
            "-subj", f"/CN={name}", "-keyout", key, "-out", cert,
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", f"extendedKeyUsage={usage}",
            "-addext", LOOPBACK_NAMES,
        )  # fmt: skip

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        command = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-noenc", *map(str, arguments),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"openssl could not make a certificate: {done.stderr.strip()}")
