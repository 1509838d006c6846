"""The parent with doubles for children, and the peer that asks them."""

import json
import socket
from pathlib import Path
from typing import Any

from tests.fakes.service import ROOT, Service

DOUBLE = ROOT / "tests/fakes/double_parent.py"


class Doubled:
    """Starts services whose children are doubles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.json"
        self.services: list[Service] = []
        (folder / "rules.txt").write_text("one two three", encoding="utf-8")

    def configure(self, **fields: Any) -> None:
        """Write the configuration."""
        self.config.write_text(json.dumps(fields), encoding="utf-8")

    def start(self, environ: dict[str, str] | None = None, **fields: Any) -> Service:
        """Start a service, without waiting for it."""
        self.configure(**fields)
        return self.again(environ)

    def again(self, environ: dict[str, str] | None = None, listener: socket.socket | None = None) -> Service:
        """Start a service by the configuration that is there."""
        arguments = ["-P", str(DOUBLE), str(self.config)]
        service = Service(arguments, self.folder, self.folder / "var", environ, listener=listener)
        self.services.append(service)
        return service

    @property
    def incidents(self) -> str:
        """What the background double was given to keep."""
        file = self.folder / "incidents.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""


class Peer:
    """One connection to a double worker."""

    def __init__(self, port: int, words: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 120)
        if words:
            self.socket.sendall(words.encode() + b"\n")

    def answer(self) -> tuple[int, int, str]:
        """Return pid, rules and mark of the worker that answered."""
        with self.socket, self.socket.makefile() as lines:
            pid, rules, mark = lines.readline().rstrip("\n").split(" ")
            return int(pid), int(rules), mark

    def ends(self) -> bool:
        """Tell whether the connection ended without an answer."""
        with self.socket:
            try:
                return self.socket.recv(1) == b""
            except ConnectionError:
                return True


def ask(port: int) -> tuple[int, int, str]:
    """Ask a double worker something that it answers at once."""
    return Peer(port, "who").answer()
