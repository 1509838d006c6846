"""Server-sent events: answers that go on as long as somebody listens, and no longer than that one may.

Its rules:

- they are few, in all and for each who logged in;
- a stream ends within seconds when its login does, and when the service leaves; it says so first (`over`);
- it says something every few seconds, so that a connection that is dead is found; a peer that takes nothing is cut off
  by the server (`server.TAKE_S`).

Source: the HTML standard, "server-sent events".
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.accounts import Accounts
from fallbackrouter.admin.feed import Feed, Viewer
from fallbackrouter.admin.guard import visitor_of
from fallbackrouter.admin.pages.page import words_of
from fallbackrouter.admin.pages.words import Words
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.threads import CrowdedError
from fallbackrouter.core.errors import FallbackrouterError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST = 100
MOST_OF_ONE = 10
LOOK_S = 1.0
"""How often it is looked whether the login still holds."""
BEAT_LOOKS = 10
"""After so many looks without anything to say, something is said all the same."""
AGAIN_MS = 2000
OVER, LOST = "over", "lost"


class Streams:
    """Counts those that are open, and ends them all when it is time to leave."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._over = False
        self._closing: list[Callable[[], None]] = []

    @property
    def over(self) -> bool:
        """Tell whether all have to end."""
        return self._over

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """Hold one open for somebody.

        Raises:
            Problem: there are too many.
        """
        if self._over or self._of.total() >= MOST or self._of[name] >= MOST_OF_ONE:
            raise Problem(503, "too many pages with live data are open; close some", {"Retry-After": "30"})
        self._of[name] += 1
        try:
            yield
        finally:
            self._of[name] -= 1
            if not self._of[name]:
                del self._of[name]

    def close(self) -> None:
        """End all; each notices within a second."""
        self._over = True
        for close in self._closing:
            close()

    def closing(self, close: Callable[[], None]) -> None:
        """Have something end with them."""
        self._closing.append(close)


class Stream(Response):
    """One open answer.

    Args:
        feed: what is told.
        behind: the place in the journal that the page goes up to.
    """

    media_type = "text/event-stream"

    def __init__(self, request: Request, streams: Streams, accounts: Accounts, feed: Feed, behind: int = 0) -> None:
        super().__init__(None, 200, {"X-Accel-Buffering": "no"})
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        self._request = request
        self._streams = streams
        self._accounts = accounts
        self._feed = feed
        self._behind = behind

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Tell until somebody ends it."""
        try:
            with self._streams.one(visitor_of(self._request).name):
                await self._tell(scope, receive, send)
        except Problem as problem:
            await problem.response()(scope, receive, send)

    async def _tell(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            viewer = self._feed.join()
            gone = asyncio.create_task(_gone(receive), name="await a listener's end")
            try:
                await self._go_on(viewer, gone, send)
            finally:
                self._feed.leave(viewer)
                gone.cancel()
        await _say(send, b"", more=False)

    async def _go_on(self, viewer: Viewer, gone: "asyncio.Task[None]", send: Send) -> None:
        words, said = words_of(self._request), dict[str, str]()
        await _say(send, f"retry: {AGAIN_MS}\n\n".encode())
        quiet = 0
        while not gone.done():
            if self._streams.over or not await self._may_listen():
                await _say(send, spelled(OVER, "login"))
                return
            text = _news(viewer, words, said, self._behind)
            quiet = 0 if text else quiet + 1
            if text or quiet >= BEAT_LOOKS:
                await _say(send, text or b": here\n\n")
                quiet = 0
            await _either(viewer, gone)

    async def _may_listen(self) -> bool:
        state = self._request.scope["state"]
        try:
            if state["visitor"].csrf:
                return await self._accounts.holds(state["session"])
            secret = self._request.headers.get("authorization", "").partition(" ")[2]
            return await self._accounts.of_token(secret.strip()) is not None
        except CrowdedError:
            return True  # it is looked again in a second
        except FallbackrouterError:
            return False


def spelled(name: str, data: str) -> bytes:
    """Return an event as it goes over the wire."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()


def lost_words(words: Words, count: int) -> str:
    """Say that somebody was not told of everything."""
    return words.n(
        "{count} call was left out here: too many at once.",
        "{count} calls were left out here: too many at once.",
        count,
    )


def _news(viewer: Viewer, words: Words, said: dict[str, str], behind: int) -> bytes:
    """Return what is new for somebody; what was said last of a name is not said again."""
    held, lost = viewer.take()
    parts = [spelled(LOST, lost_words(words, lost))] if lost else []
    for told in held:
        for name, data in told.events(words, behind):
            if said.get(name) != data:
                said[name] = data
                parts.append(spelled(name, data))
    return b"".join(parts)


async def _say(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _either(viewer: Viewer, gone: "asyncio.Task[None]") -> None:
    """Wait for news, for the listener's end, or until it is time to look."""
    news = asyncio.create_task(viewer.some(), name="await news")
    try:
        await asyncio.wait({news, gone}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        news.cancel()
