"""The parent's own log lines and its one line on stdout, through bounded queues and threads.

Standard library only, in the shape of `fallbackrouter.log`: a stalled stderr or stdout never reaches the parent's loop.
"""

import json
import os
import queue
import sys
import threading
from contextlib import suppress
from typing import Any

from fallbackrouter.clock import SystemClock

QUEUE_LINES = 1_000
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_STDOUT, _STDERR = 1, 2


class _Lines:
    """Writes lines to one descriptor, from a thread of its own: a stalled stderr does not hold up stdout."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUE_LINES)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self.dropped = 0

    def put(self, text: str) -> None:
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self.dropped += 1

    def close(self, within_s: float) -> None:
        with suppress(queue.Full):
            self._lines.put(None, timeout=within_s)
            self._thread.join(within_s)

    def _run(self) -> None:
        while (text := self._lines.get()) is not None:
            data = (text + "\n").encode("utf-8", "replace")
            with suppress(OSError):  # nobody reads it; there is nobody left to tell
                while data:
                    data = data[os.write(self._descriptor, data) :]


class ParentLog:
    """Writes what the parent has to say.

    Args:
        process: the name that stands in every line.
    """

    def __init__(self, process: str = "parent") -> None:
        self._process = process
        self._clock = SystemClock()
        self._out = _Lines(_STDOUT, "stdout")
        self._err = _Lines(_STDERR, "log")
        self.configure("info", "auto")

    def configure(self, level: str, form: str) -> None:
        """Take the configured level and format ("auto": console on a terminal, json elsewhere)."""
        self._from = _LEVELS[level]
        self._console = form == "console" or (form == "auto" and sys.stderr is not None and os.isatty(_STDERR))

    def info(self, event: str, **fields: Any) -> None:
        """Tell of something that went as it should."""
        self._log("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Tell of something that someone should look at."""
        self._log("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Tell of something that keeps calls from being answered well."""
        self._log("error", event, fields)

    def print(self, text: str) -> None:
        """Write a line to stdout."""
        self._out.put(text)

    def complain(self, text: str) -> None:
        """Write a plain sentence to stderr."""
        self._err.put(text)

    @property
    def dropped(self) -> int:
        """How many lines found their queue full."""
        return self._out.dropped + self._err.dropped

    def close(self, within_s: float = 1.0) -> None:
        """Write what waits, for at most so long each."""
        self._out.close(within_s)
        self._err.close(within_s)

    def _log(self, level: str, event: str, fields: dict[str, Any]) -> None:
        if _LEVELS[level] < self._from:
            return
        at = self._clock.now_at().isoformat(timespec="milliseconds")
        if self._console:
            facts = " ".join(f"{name}={value}" for name, value in fields.items())
            self._err.put(f"{at} [{level:<7}] {event} {facts}".rstrip())
        else:
            line = {"room": "daemon", **fields, "event": event, "level": level, "process": self._process, "at": at}
            self._err.put(json.dumps(line, ensure_ascii=False, default=str))
