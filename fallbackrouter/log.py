"""Log lines leave through a bounded queue and a thread of their own, so that no stalled pipe reaches the loop.

A line that finds the queue full is dropped and counted; the next line that gets through tells how many were.
Until `configure` was called (in tests, in short commands) nothing is written below a warning.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

import structlog

from fallbackrouter.clock import SystemClock

QUEUE_LINES = 10_000
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
FORMATS = ("auto", "console", "json")

Log = Any
"""structlog's bound logger: debug, info, warning, error, exception (event, **fields)."""

_Fields = MutableMapping[str, Any]


class LogThread:
    """The one writer of log lines.

    Args:
        descriptor: where lines go; written from the thread only.
        console: for people; else one JSON object a line.
    """

    def __init__(self, descriptor: int, *, console: bool) -> None:
        self._descriptor = descriptor
        self._renderer = structlog.dev.ConsoleRenderer(colors=os.isatty(descriptor)) if console else None
        self._lines: queue.Queue[_Fields | None] = queue.Queue(QUEUE_LINES)
        self._clock = SystemClock()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self.dropped = 0
        self._told = 0

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def put(self, fields: _Fields) -> None:
        """Take a line; never waits."""
        fields["at"] = self._clock.now_at().isoformat(timespec="milliseconds")
        try:
            self._lines.put_nowait(fields)
        except queue.Full:
            self.dropped += 1

    def close(self, within_s: float) -> None:
        """Write what is there, for at most so long."""
        try:
            self._lines.put(None, timeout=within_s)
        except queue.Full:
            return
        self._thread.join(within_s)

    def _run(self) -> None:
        while (fields := self._lines.get()) is not None:
            dropped = self.dropped
            if dropped > self._told:
                fields["lines_dropped"] = dropped - self._told
                self._told = dropped
            self._write(self._render(fields) + "\n")

    def _render(self, fields: _Fields) -> str:
        if self._renderer is None:
            return json.dumps(fields, ensure_ascii=False, default=str)
        fields["timestamp"] = fields.pop("at")
        return str(self._renderer(None, "", fields))

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:
                return  # stderr is gone; there is nobody left to tell


_state: dict[str, LogThread] = {}


def configure(*, level: str, form: str, process: str, descriptor: int | None = None) -> None:
    """Send this process's log lines to stderr.

    Args:
        level: one of LEVELS.
        form: one of FORMATS; auto is console on a terminal, json elsewhere.
        process: the process's name, part of every line.
        descriptor: another file descriptor than stderr's, for tests.
    """
    target = sys.stderr.fileno() if descriptor is None else descriptor
    thread = LogThread(target, console=form == "console" or (form == "auto" and os.isatty(target)))
    thread.start()
    _state["thread"] = thread

    def enqueue(_logger: object, _method: str, fields: _Fields) -> _Fields:
        fields["process"] = process
        thread.put(fields)
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.format_exc_info, enqueue],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=False,
    )


def close(within_s: float = 1.0) -> None:
    """Write the lines that wait, for at most so long."""
    thread = _state.pop("thread", None)
    if thread is not None:
        thread.close(within_s)


def dropped_lines() -> int:
    """Return how many lines this process has dropped."""
    thread = _state.get("thread")
    return thread.dropped if thread else 0


def get_log(room: str) -> Log:
    """Return the logger of a room; it may be asked for before `configure`."""
    return structlog.get_logger(room=room)


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(LEVELS["warning"]))
