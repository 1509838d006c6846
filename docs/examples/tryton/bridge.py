"""Lets fallbackrouter ask Tryton: an example of a CRM's three endpoints, with Python's own HTTP server.

    FALLBACKROUTER_TOKEN=... python bridge.py --config trytond.conf --database crm --listen 127.0.0.1:8069

A party's phone and mobile numbers are known callers; its SIP contact holds the extension of its manager. Three rules:
what the router may ask again is answered from Tryton alone; an event is stored before it is confirmed, once for each
`Idempotency-Key`; and what the feed has told is kept, so that changes are found by comparing, whoever made them and
however (a number deleted, a party deactivated, two merged).

Described in README.md here; the contract is docs/crm-contract.md.
"""

import argparse
import hmac
import json
import os
import signal
import sqlite3
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from trytond import config
from trytond.pool import Pool
from trytond.transaction import Transaction

PHONES = ("phone", "mobile")
EXTENSION = "sip"
RING_S = "30"
MAX_BODY_BYTES = 65536
PAGE_ROWS = 1000
TABLES = """
CREATE TABLE IF NOT EXISTS events (key TEXT PRIMARY KEY, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS routes (id TEXT PRIMARY KEY, route TEXT, version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS routes_by_version ON routes (version);
CREATE TABLE IF NOT EXISTS feed (name TEXT NOT NULL, version INTEGER NOT NULL);
"""


def route_to(extension: str) -> dict[str, str]:
    """Return the route that rings a manager, as an answer's and a row's `result`."""
    return {"app": "extension", "num": extension, "time": RING_S}


class Tryton:
    """What Tryton knows of callers.

    Args:
        database: its name, as `trytond-admin -d` was told.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        Pool.start()
        self._pool = Pool(database)
        self._pool.init()

    @contextmanager
    def _contacts(self) -> Iterator[Any]:
        with Transaction().start(self._database, 0, readonly=True):
            yield self._pool.get("party.contact_mechanism")

    def manager_of(self, caller: str) -> str | None:
        """Return the extension of a caller's manager; None where Tryton knows no such number, or no manager.

        Args:
            caller: in E.164.
        """
        with self._contacts() as contacts:
            known = [("type", "in", PHONES), ("value_compact", "=", caller), ("party.active", "=", True)]
            for contact in contacts.search(known, order=[("id", "ASC")]):
                managers = [one for one in contact.party.contact_mechanisms if one.type == EXTENSION]
                if managers:
                    return str(min(managers, key=lambda one: one.id).value)
        return None

    def routes(self) -> dict[str, str]:
        """Return id -> row of the feed, as JSON, for every number that Tryton knows now."""
        with self._contacts() as contacts:
            known = [("type", "in", (*PHONES, EXTENSION)), ("party.active", "=", True)]
            rows = contacts.search_read(known, order=[("id", "DESC")], fields_names=["party", "type", "value_compact"])
        managers = {row["party"]: row["value_compact"] for row in rows if row["type"] == EXTENSION}
        return {
            f"contact-{row['id']:09}": json.dumps(
                {
                    "id": f"contact-{row['id']:09}",
                    "caller": row["value_compact"].removeprefix("+"),
                    "result": route_to(managers[row["party"]]),
                },
                sort_keys=True,
            )
            for row in rows
            if row["type"] in PHONES and row["party"] in managers
        }


class Kept:
    """What the bridge itself keeps: events, and what the feed has told so far.

    A number once told stays on record, with no route when it is gone: so the next delta can name it. The feed has a
    name of its own: where the file is lost, a cursor from before is not taken for one of today.

    Args:
        path: an SQLite file, made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.executescript(TABLES)
        with self._file:
            self._file.execute(
                "INSERT INTO feed SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM feed)", (uuid.uuid4().hex,)
            )

    def store(self, key: str, event: object) -> None:
        """Store an event on disk; one whose key is known changes nothing."""
        with self._lock, self._file:
            self._file.execute("INSERT OR IGNORE INTO events VALUES (?, ?)", (key, json.dumps(event)))

    def compare(self, tryton: Tryton) -> str:
        """Take note of what has changed in Tryton and return the cursor for it."""
        with self._lock, self._file:
            now = tryton.routes()
            told = dict(self._file.execute("SELECT id, route FROM routes").fetchall())
            changed = [one for one in told.keys() | now.keys() if told.get(one) != now.get(one)]
            name, version = self._file.execute("SELECT name, version FROM feed").fetchone()
            if changed:
                version += 1
                rows = [(one, now.get(one), version) for one in changed]
                self._file.executemany("INSERT OR REPLACE INTO routes VALUES (?, ?, ?)", rows)
                self._file.execute("UPDATE feed SET version = ?", (version,))
        return f"{name}.{version}"

    def since(self, cursor: str, current: str) -> int | None:
        """Return the version that a cursor stands for; None where it is none of ours, and all has to be told."""
        name, _, version = cursor.partition(".")
        ours, _, newest = current.partition(".")
        known = name == ours and version.isdecimal() and int(version) <= int(newest)
        return int(version) if known else None

    def page(self, since: int | None, after: str) -> tuple[list[str], list[str], str]:
        """Return a page's rows (as JSON), the ids that are gone, and the last id where more may follow, else ""."""
        asked = "version > ?" if since is not None else "route IS NOT NULL AND version > ?"
        select = f"SELECT id, route FROM routes WHERE {asked} AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - no input
        with self._lock:
            rows = self._file.execute(select, (since or 0, after, PAGE_ROWS)).fetchall()
        present = [route for _, route in rows if route is not None]
        gone = [one for one, route in rows if route is None]
        return present, gone, rows[-1][0] if len(rows) == PAGE_ROWS else ""


class Bridge(BaseHTTPRequestHandler):
    """One connection of the router, kept open between its requests."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1  # an answer leaves in one piece
    disable_nagle_algorithm = True
    tryton: Tryton
    kept: Kept
    token: bytes

    def do_HEAD(self) -> None:
        """Answer the router's look whether the connection lives."""
        self._answer(HTTPStatus.OK)

    def do_POST(self) -> None:
        """Answer a question, or take an event: what has an `event_id`."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        if not self._is_let_in():
            return
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            self._answer(HTTPStatus.BAD_REQUEST)
        elif "event_id" in asked:
            self._take_event(asked)
        else:
            self._answer_question(asked)

    def do_GET(self) -> None:
        """Feed the routes."""
        url = urlsplit(self.path)
        if not self._is_let_in():
            return
        if url.path != "/routes":
            self._answer(HTTPStatus.NOT_FOUND)
            return
        self._feed({name: values[0] for name, values in parse_qs(url.query).items()})

    def _is_let_in(self) -> bool:
        given = self.headers.get("Authorization", "").encode("latin-1")
        if hmac.compare_digest(given, b"Bearer " + self.token):
            return True
        self._answer(HTTPStatus.UNAUTHORIZED)
        return False

    def _answer_question(self, asked: dict[str, Any]) -> None:
        caller = asked.get("callerid_e164")
        extension = self.tryton.manager_of(caller) if isinstance(caller, str) and caller else None
        if extension is None:
            self._answer(HTTPStatus.OK, {"status": False})
        else:
            self._answer(HTTPStatus.OK, {"status": True, "result": route_to(extension)})

    def _take_event(self, event: dict[str, Any]) -> None:
        if not event.get("test"):
            self.kept.store(str(event["event_id"]), event)
        self._answer(HTTPStatus.OK, {"status": True})

    def _feed(self, query: dict[str, str]) -> None:
        # Later pages keep to the cursor of the first: what changes meanwhile comes with the next delta.
        current = query.get("upto") or self.kept.compare(self.tryton)
        asked = query.get("cursor", "")
        since = self.kept.since(asked, current)
        tag = f'"{current}"'
        if "upto" not in query and self.headers.get("If-None-Match") == tag:
            self._answer(HTTPStatus.NOT_MODIFIED, tag=tag)
            return
        rows, gone, last = self.kept.page(since, query.get("after", ""))
        following = {"after": last, "upto": current} | ({"cursor": asked} if since is not None else {})
        facts = {
            "deleted": gone,
            "next": f"/routes?{urlencode(following)}" if last else None,
            "cursor": current,
            "full": since is None,
        }
        text = f'{{"routes": [{", ".join(rows)}], {json.dumps(facts)[1:]}'
        self._send(HTTPStatus.OK, text.encode(), tag)

    def _answer(self, status: HTTPStatus, body: object = None, tag: str = "") -> None:
        self._send(status, b"" if body is None else json.dumps(body).encode(), tag)

    def _send(self, status: HTTPStatus, body: bytes, tag: str) -> None:
        self.send_response(status)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing of requests: they hold telephone numbers."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Lets fallbackrouter ask Tryton.")
    parser.add_argument("--config", required=True, help="trytond's configuration file")
    parser.add_argument("--database", required=True, help="the database, as trytond-admin -d was told")
    parser.add_argument("--listen", default="127.0.0.1:8069", help="ip:port; behind a proxy that speaks TLS")
    parser.add_argument("--keep", type=Path, default=Path("bridge.db"), help="the bridge's own SQLite file")
    options = parser.parse_args()
    token = os.environ.get("FALLBACKROUTER_TOKEN", "")
    if not token:
        sys.exit("Set FALLBACKROUTER_TOKEN to the token that the router sends (crm.token_file).")
    config.update_etc(options.config)
    Bridge.tryton, Bridge.kept, Bridge.token = Tryton(options.database), Kept(options.keep), token.encode()
    address, _, port = options.listen.rpartition(":")
    server = ThreadingHTTPServer((address, int(port)), Bridge)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"serving on {address}:{server.server_address[1]}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
