"""The fake CRM's memory of events: what it was told, once each, and on file for longer than its process lives."""

import json
from collections import deque
from pathlib import Path
from typing import Any

from tests.fakes.http import Asked


class Events:
    """Takes events, and knows one again by its key.

    Args:
        file: JSON lines are added to it, and those that are there are known; "" without.

    Attributes:
        keys: of all that were taken.
        again: how many came that were known already.
        latest: the bodies, in the order taken, each once; the last 20,000.
    """

    def __init__(self, file: str) -> None:
        self.keys: set[str] = set()
        self.again = 0
        self.latest: deque[dict[str, Any]] = deque(maxlen=20_000)
        self._file = None
        if file:
            path = Path(file)
            self.keys.update(told["key"] for told in read_events(path))
            self._file = path.open("a", encoding="utf-8", buffering=1)

    def take(self, asked: Asked) -> None:
        """Take one."""
        key = asked.headers["idempotency-key"]
        again = key in self.keys
        if again:
            self.again += 1
        else:
            self.keys.add(key)
            self.latest.append(asked.body or {})
        if self._file:
            line = {"key": key, "again": again, "path": asked.path, "body": asked.body}
            self._file.write(json.dumps(line) + "\n")


def read_events(file: Path) -> list[dict[str, Any]]:
    """Return what was written; a last line that a kill cut short is left out."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]
