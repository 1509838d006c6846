"""A way between Asterisk and the router that ends after a number of bytes: the cable that somebody trips over."""

import contextlib
import selectors
import socket
import struct
import threading
from types import TracebackType
from typing import Self

PATIENCE_S = 60.0


class CuttingProxy:
    """Passes connections on, one after the other, and cuts them where it was told.

    Attributes:
        cut_after: close both sides once that many bytes of the router's have passed; None: never.
        reset: cut by a reset instead, as a router does that is killed with bytes unread.
        passed: how many bytes of the router's have passed on each connection so far.
    """

    def __init__(self, router_port: int) -> None:
        self.cut_after: int | None = None
        self.reset = False
        self.passed: list[int] = []
        self._router_port = router_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="cutting-proxy", daemon=True)

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
        while True:
            try:
                asterisk, _ = self._listener.accept()
            except OSError:
                return
            router = socket.create_connection(("127.0.0.1", self._router_port), PATIENCE_S)
            with asterisk, router, contextlib.suppress(OSError):
                self.passed.append(self._pass_on(asterisk, router, self.cut_after))
                if self.reset:
                    asterisk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @staticmethod
    def _pass_on(asterisk: socket.socket, router: socket.socket, cut_after: int | None) -> int:
        """Carry bytes both ways until one side ends or the cut is reached; return the router's bytes."""
        passed = 0
        with selectors.DefaultSelector() as selector:
            selector.register(asterisk, selectors.EVENT_READ)
            selector.register(router, selectors.EVENT_READ)
            while cut_after is None or passed < cut_after:
                ready = [key.fileobj for key, _ in selector.select(PATIENCE_S)]
                if asterisk in ready:
                    data = asterisk.recv(65536)
                    if not data:
                        break
                    router.sendall(data)
                if router in ready:
                    data = router.recv(65536 if cut_after is None else cut_after - passed)
                    if not data:
                        break
                    asterisk.sendall(data)
                    passed += len(data)
        return passed
