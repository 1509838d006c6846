"""The web interface in the test's own process, on a loopback port, with a control socket that says what it is told."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

from fallbackrouter.admin.accounts import Accounts
from fallbackrouter.admin.app import build_app
from fallbackrouter.admin.house import House
from fallbackrouter.admin.passwords import hashed
from fallbackrouter.admin.secret import digest_of, new_token
from fallbackrouter.admin.server import make_server, serve
from fallbackrouter.admin.snapshot import Json, Snapshot
from fallbackrouter.admin.threads import Threads
from fallbackrouter.clock import Clock, SystemClock
from fallbackrouter.config.calls import call_desk
from fallbackrouter.config.load import load_settings
from fallbackrouter.config.office import office_of
from fallbackrouter.store.admin_file import prepare
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.sessions import Token, add_token
from fallbackrouter.store.users import add_user

PASSWORD = "correct horse battery"  # noqa: S105 - a test's
STATUS: Json = {
    "version": "0.0.0",
    "pid": 1,
    "ready": True,
    "healthy": True,
    "listen": [],
    "http_listen": [],
    "rules": 1,
    "routes": 0,
    "crm": "",
    "breaker": {"state": "closed"},
    "drill": None,
    "workers": [],
    "background": None,
    "admin": None,
    "admin_listen": [],
    "log_lines_dropped": 0,
}
RULE = '- {name: night, tier: fallback, did: "74951111111", route: {app: group, num: "62"}}\n'


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Browser:
    """Keeps cookies, and follows nothing."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def send(
        self, method: str, path: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and take the cookies of its answer."""
        given = {"Accept": "text/html", **(headers or {})}
        if self.cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = send(self.port, method, path, body, given)
        for line in answer.headers.get("set-cookie", "").split("\n"):
            name, _, value = line.partition(";")[0].partition("=")
            if name and ("Max-Age=0" in line or not value.strip('"')):
                self.cookies.pop(name, None)
            elif name:
                self.cookies[name] = value
        return answer

    def get(self, path: str) -> Answer:
        """Fetch a page."""
        return self.send("GET", path)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        return self.send("POST", path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})

    def login(self, user: str, password: str = PASSWORD, there: str = "/") -> Answer:
        """Log in by the form."""
        form = self.get(f"/login?next={quote(there)}").text
        return self.post("/login", user=user, password=password, csrf=csrf_in(form), next=there)


def csrf_in(page: str) -> str:
    """Return the token that a page carries."""
    return page.partition('name="csrf"')[2].partition('="')[2].partition('"')[0]


def send(
    port: int, method: str, path: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        names = {name.lower() for name, _ in response.getheaders()}
        got = {name: "\n".join(response.headers.get_all(name) or ()) for name in names}
        return Answer(response.status, got, response.read())
    finally:
        connection.close()


def send_raw(port: int, request: bytes) -> str:
    """Send bytes on a connection of their own, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


@cache
def kept(password: str) -> str:
    """Return what is kept of a password; made once, as that takes long."""
    return hashed(password)


class AdminServer:
    """Serves a house in a folder of its own.

    Args:
        folder: holds configuration, rules and data.
        command: what the control socket answers; told of the message.
    """

    def __init__(
        self,
        folder: Path,
        *,
        command: Callable[[Json], Json] = lambda _: dict(STATUS),
        clock: Clock | None = None,
        allow: Callable[[str], bool] = lambda _: True,
        config: str = "",
        sync_secret: str = "",
        cert: str = "",
        key: str = "",
    ) -> None:
        self.folder = folder
        self.asked: list[Json] = []
        self._command = command
        self._allow = allow
        (folder / "rules").mkdir(exist_ok=True)
        (folder / "rules/rules.yaml").write_text(RULE, encoding="utf-8")
        file = folder / "fallbackrouter.toml"
        file.write_text(f'[last_resort]\napp = "group"\nnum = "100"\n{config}', encoding="utf-8")
        self._loaded = load_settings(file, {})
        self.office = office_of(self._loaded)
        self.office.data_dir.mkdir(exist_ok=True)
        upgrade(self.office.journal)
        self.file = self.office.data_dir / "admin.db"
        prepare(self.file)
        self._clock = clock or SystemClock()
        self._sync_secret = sync_secret
        self._cert, self._key = cert, key
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.port = 0

    def user(self, name: str, role: str = "editor", password: str = PASSWORD) -> None:
        """Add one who may log in."""
        add_user(self.file, name, kept(password), role, SystemClock().now_at())

    def token(self, *scopes: str, name: str = "robot") -> dict[str, str]:
        """Add a token and return the header that carries it."""
        secret = new_token()
        add_token(self.file, Token(SystemClock().new_id(), name, scopes), digest_of(secret), SystemClock().now_at())
        return {"Authorization": f"Bearer {secret}"}

    def browser(self, user: str = "") -> Browser:
        """Return a browser, logged in as a user where one is named."""
        browser = Browser(self.port)
        if user:
            assert browser.login(user).status == 303
        return browser

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request as a program does; what is no text is sent as JSON."""
        given = dict(headers or {})
        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
            given.setdefault("Content-Type", "application/json")
        return send(self.port, method, path, body, given)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._leaving.set)
        self._thread.join()

    def _ask(self, message: Json, _within_s: float) -> Json:
        self.asked.append(message)
        return self._command(message)

    def house(self) -> House:
        """Return what the app is made of."""
        quick = Threads("quick", 4, 100)
        return House(
            office=self.office,
            accounts=Accounts(self.file, session_s=3600, threads=quick, clock=self._clock),
            snapshot=Snapshot(self._ask, threads=quick, clock=self._clock),
            quick=quick,
            slow=Threads("slow", 1, 3),
            clock=self._clock,
            secure=bool(self._cert),
            sync_secret=self._sync_secret,
            calls=call_desk(self._loaded, self._clock),
            calling=Threads("calls", 1, 200),
        )

    async def _serve(self) -> None:
        house = self.house()
        server = make_server(build_app(house), admits=self._allow, cert=self._cert, key=self._key)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._loop, self._leaving = asyncio.get_running_loop(), asyncio.Event()
        self._started.set()
        await serve(server, [listener], self._leaving, house.streams.close)
        house.close()
