"""Somebody who listens to a stream of server-sent events."""

import http.client
from collections.abc import Callable, Mapping
from typing import Self

Event = tuple[str, str]


class Listener:
    """Reads one stream, event by event.

    Args:
        cookies: of a browser that is logged in.
    """

    def __init__(
        self, port: int, path: str, cookies: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        given = {"Accept": "text/event-stream", **({"Cookie": cookie} if cookie else {}), **(headers or {})}
        self._connection.request("GET", path, headers=given)
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers

    def next(self) -> Event | None:
        """Return the next event's name and data, ("", "") for a sign of life, None at the end."""
        name, data = "", list[str]()
        while line := self._response.readline().decode():
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif not field and not value and line == "\n" and name:
                return name, "\n".join(data)
            elif line.startswith(":"):
                return "", ""
        return None

    def until(self, wanted: Callable[[Event], bool]) -> Event:
        """Return the first event that is so."""
        while event := self.next():
            if wanted(event):
                return event
        raise AssertionError("the stream ended before")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
