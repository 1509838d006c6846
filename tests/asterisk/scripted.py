"""An AGI peer that says what a test has written down, one command and one reply after the other."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

PATIENCE_S = 60.0


class ScriptedAgi:
    """Serves `agi://127.0.0.1:PORT/any,KEY`: sends the commands that the test wrote down for that key.

    Attributes:
        scripts: key -> commands.
        replies: key -> what Asterisk replied, line by line.
    """

    def __init__(self) -> None:
        self.scripts: dict[str, list[str]] = {}
        self.replies: dict[str, list[str]] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._thread = threading.Thread(target=self._serve, name="scripted-agi", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self._listener.close()

    def _serve(self) -> None:
        """Serve one call at a time: scripts are short, and the others wait in the backlog."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(PATIENCE_S)
                self._play(connection)

    def _play(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            header = [line.strip().decode() for line in iter(lines.readline, b"\n") if line]
            facts = dict(line.split(": ", 1) for line in header if ": " in line)
            key = facts.get("agi_arg_1", "")
            replies = self.replies.setdefault(key, [])
            for command in self.scripts[key]:
                connection.sendall(command.encode() + b"\n")
                replies.append(lines.readline().decode().strip())
