"""Certificates made for a test by the openssl command, in a folder of the test's own."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_EXPIRED = ("-not_before", "20200101000000Z", "-not_after", "20200102000000Z")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, PEM."""

    cert: Path
    key: Path

    def server(self, *, clients_from: Path | None = None) -> ssl.SSLContext:
        """Return a server's context; with `clients_from`, clients need a certificate of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if clients_from:
            context.load_verify_locations(clients_from)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    """A private certificate authority."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self.own = self_signed(folder, name, "DNS:ca.example")
        self.ca_file = self.own.cert

    def issue(self, name: str, names: str, *, expired: bool = False) -> Certificate:
        """Issue a certificate for `DNS:…` and `IP:…` names, joined by commas."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n", encoding="utf-8")
        _openssl("req", *_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        signing = ("-CA", self.own.cert, "-CAkey", self.own.key, "-CAcreateserial", "-extfile", extensions)
        lasting = _expired() if expired else ("-days", "2")
        _openssl("x509", "-req", "-in", request, "-out", made.cert, *signing, *lasting)
        return made


def self_signed(folder: Path, name: str, names: str) -> Certificate:
    """Make a certificate that nobody vouches for."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    extension = ("-addext", f"subjectAltName={names}")
    _openssl("req", "-x509", *_KEY, "-keyout", made.key, "-out", made.cert, "-subj", f"/CN={name}", *extension)
    return made


def _expired() -> tuple[str, ...]:
    """Return how this openssl is told of a validity that is over: newer ones take dates, older ones a negative day."""
    return _EXPIRED if "-not_after" in _openssl("x509", "-help") else ("-days", "-1")


def _openssl(*arguments: str | Path) -> str:
    command = [shutil.which("openssl") or "openssl", *map(str, arguments)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return ended.stdout + ended.stderr
