"""A CRM that feeds routes: pages, deltas, ETags, and every way to be wrong."""

import asyncio
import gzip
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http import Asked, read_request

Row = dict[str, Any]
GOOD: Row = {"result": {"app": "group", "num": "62", "time": "100"}}


def feed_row(row_id: str, did: str = "", **other: Any) -> Row:
    """Return a row that passes."""
    return {"id": row_id, "did": did or f"7495{int(row_id):07d}" if row_id.isdigit() else did or None, **GOOD, **other}


@dataclass
class FakeFeed:
    """What the CRM knows, and how it tells it.

    Attributes:
        rows: id -> row, as they are now.
        changes: one entry a version: ids that changed in it.
        page_rows: how many rows a page holds.
        deltas: it knows cursors.
        etags: it knows ETags.
        lines: it speaks NDJSON.
        zipped: it compresses.
        twist: changes an answer's (status, headers, body) before it goes out; None ends the connection instead.
        holds: it says nothing further once it has answered, until the client goes.
        asked: every request's path with its query.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    changes: list[set[str]] = field(default_factory=list)
    page_rows: int = 1000
    deltas: bool = True
    etags: bool = False
    lines: bool = False
    zipped: bool = False
    twist: Callable[[str, int, dict[str, str], bytes], tuple[int, dict[str, str], bytes] | None] | None = None
    holds: bool = False
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """`crm.routes_url`."""
        return f"http://127.0.0.1:{self.port}/routes"

    def set(self, *rows: Row) -> None:
        """Add or change rows, as one version."""
        self.rows |= {row["id"]: row for row in rows}
        self.changes.append({row["id"] for row in rows})

    def remove(self, *ids: str) -> None:
        """Remove rows, as one version."""
        for one in ids:
            self.rows.pop(one, None)
        self.changes.append(set(ids))

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeFeed"]:
        """Listen on loopback."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            server.close_clients() if hasattr(server, "close_clients") else None
            await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await read_request(reader)
                if not await self._answer(asked, writer):
                    break
                if self.holds:
                    await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        self.asked.append(asked.path)
        self.headers.append(dict(asked.headers))
        status, headers, body = self.page(asked)
        twisted = self.twist(asked.path, status, headers, body) if self.twist else (status, headers, body)
        if twisted is None:
            return False
        status, headers, body = twisted
        cut = int(headers.pop("x-cut", "0"))
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, f"Content-Length: {len(body) + cut}", "", ""]).encode() + body)
        await writer.drain()
        return self.holds or not cut

    def page(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Return the honest answer."""
        query = parse_qs(urlsplit(asked.path).query)
        cursor = query.get("cursor", [""])[0] if self.deltas else ""
        start = int(query.get("page", ["0"])[0])
        version = len(self.changes)
        ids = sorted(self.rows) if not cursor else sorted(set().union(*self.changes[int(cursor) :]))
        shown = ids[start : start + self.page_rows]
        more = start + self.page_rows < len(ids)
        told: dict[str, Any] = {
            "deleted": [one for one in shown if one not in self.rows],
            "next": f"?{f'cursor={cursor}&' if cursor else ''}page={start + self.page_rows}" if more else None,
            "full": not cursor,
        }
        if self.deltas and not more:
            told["cursor"] = str(version)
        rows = [self.rows[one] for one in shown if one in self.rows]
        headers = {"Content-Type": "application/x-ndjson" if self.lines else "application/json"}
        if self.etags:
            headers["ETag"] = f'"{version}"'
            if asked.headers.get("if-none-match") == headers["ETag"]:
                return 304, headers, b""
        text = "\n".join(map(json.dumps, [*rows, told])) + "\n" if self.lines else json.dumps({"routes": rows, **told})
        body = text.encode()
        if self.zipped:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body)
        return 200, headers, body


async def _end(running: AbstractAsyncContextManager[FakeFeed]) -> None:
    """Stop listening, and leave no talk behind: a client that was killed left one."""
    talks = asyncio.all_tasks() - {asyncio.current_task()}
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)
    await running.__aexit__(None, None, None)


@contextmanager
def in_thread(feed: FakeFeed) -> Iterator[FakeFeed]:
    """Have a feed listen from a thread of its own, for tests that start processes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = feed.running()
    asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(60)
    try:
        yield feed
    finally:
        asyncio.run_coroutine_threadsafe(_end(running), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
