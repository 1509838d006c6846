"""AGI peers that are no good: one that answers late, one that never does, one that takes no connection."""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

PATIENCE_S = 60.0


class LateAgi:
    """Answers every question with the same commands: the last one so many seconds after the header, the others at once.

    Attributes:
        after_s: from here on; None: never.
        asked: how many headers have come.
    """

    def __init__(self, commands: Sequence[str], after_s: float | None = None) -> None:
        self._commands = [command.encode() + b"\n" for command in commands]
        self.after_s = after_s
        self.asked = threading.Semaphore(0)
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, name="late-agi", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in (self._accepting, *self._threads):
            thread.join(PATIENCE_S)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._answer, args=(connection, self.after_s), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection: socket.socket, after_s: float | None) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE_S)
            header = b""
            while not header.endswith(b"\n\n"):
                header += connection.recv(65536)
            due_s = time.perf_counter() + (after_s or 0)  # noqa: TID251 - the lateness is what is tested
            self.asked.release()
            if after_s is None:
                self._over.wait(PATIENCE_S)
                return
            for command in self._commands[:-1]:
                connection.sendall(command)
                connection.recv(4096)
            while (left_s := due_s - time.perf_counter()) > 0:  # noqa: TID251 - the same
                time.sleep(left_s)
            connection.sendall(self._commands[-1])
            connection.recv(4096)


class FullBacklog:
    """A port whose backlog is full: connections to it neither succeed nor fail."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._waiting: list[socket.socket] = []

    @property
    def port(self) -> int:
        """Where nobody gets in."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        with selectors.DefaultSelector() as selector:
            while True:
                one = socket.socket()
                one.settimeout(0)
                self._waiting.append(one)
                one.connect_ex(("127.0.0.1", self.port))
                selector.register(one, selectors.EVENT_WRITE)
                ready = selector.select(1.0)
                selector.unregister(one)
                if not ready:
                    return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (*self._waiting, self._listener):
            one.close()
