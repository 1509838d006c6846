"""Stands before everything: who asks is known, or is let in nowhere; every answer carries what keeps it safe.

Its rules:

- a peer that has not proven who it is gets health, the login page, and nothing that tells which other paths there are;
- a token beats a cookie: where both come, the cookie counts for nothing, and neither does a wrong token's;
- whatever goes wrong behind is told in plain words and logged, never shown.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fallbackrouter.admin.accounts import Accounts
from fallbackrouter.admin.pages.trouble import told, wants_page
from fallbackrouter.admin.problem import Problem, problem_of
from fallbackrouter.admin.threads import CrowdedError
from fallbackrouter.admin.visitor import Visitor
from fallbackrouter.log import get_log

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_HEAD_BYTES = 32_768
OPEN = frozenset({"/healthz", "/readyz"})
LOGIN = "/login"
SIGNED = "/api/v1/sync"
"""Proves itself by a signature too."""
AJAM = frozenset({"/asterisk/mxml", "/asterisk/rawman"})
"""Know by their own login who asks, and tell a stranger in AJAM's words that he may not."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
"""What an answer carries unless it says otherwise itself."""
_STRICT = ("strict-transport-security", "max-age=31536000")


def cookie_name(*, secure: bool) -> str:
    """Return the session cookie's name; the prefix makes browsers keep it to this host and to HTTPS."""
    return "__Host-fr_session" if secure else "fr_session"


class Gate:
    """The outermost of the app.

    Args:
        secure: HTTPS is spoken here.
    """

    def __init__(self, app: App, *, accounts: Accounts, secure: bool) -> None:
        self._app = app
        self._accounts = accounts
        self._secure = secure
        self._log = get_log("admin")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] != "http":
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._add_headers(MutableHeaders(raw=message["headers"]))
            await send(message)

        try:
            answer = await self._admit(scope)
            await (answer or self._app)(scope, receive, sending)
        except Exception as error:
            answer = self._told(error, scope)
            if begun:
                raise  # the connection is cut: half an answer must not look whole
            await answer(scope, receive, sending)

    def _add_headers(self, headers: MutableHeaders) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if self._secure:
            headers.setdefault(*_STRICT)

    def _told(self, error: Exception, scope: Scope) -> Response:
        if isinstance(error, CrowdedError):
            error = Problem(503, str(error), {"Retry-After": "2"})
        problem = problem_of(error)
        if problem.status == 500:  # noqa: PLR2004 - HTTP's
            self._log.exception("a request failed in our own code", path=scope["path"], method=scope["method"])
        return told(Request(scope), problem)

    async def _admit(self, scope: Scope) -> Response | None:
        """Find out who asks; return the answer to one who may not even ask, None for anybody else."""
        path = scope["path"]
        state = scope.setdefault("state", {})
        state["visitor"] = None
        if _head_bytes(scope) > MAX_HEAD_BYTES:
            raise Problem(431, f"the request's head is longer than {MAX_HEAD_BYTES:,} bytes", {"Connection": "close"})
        if path in OPEN or path in AJAM:
            return None
        visitor = state["visitor"] = await self._visitor(scope)
        if visitor is not None or path == LOGIN or (path == SIGNED and scope["method"] == "POST"):
            return None
        return _refused(Request(scope))

    async def _visitor(self, scope: Scope) -> Visitor | None:
        request = Request(scope)
        given = request.headers.get("authorization")
        if given is not None:
            kind, _, secret = given.partition(" ")
            return await self._accounts.of_token(secret.strip()) if kind.lower() == "bearer" else None
        session = request.cookies.get(cookie_name(secure=self._secure), "")
        scope["state"]["session"] = session
        return await self._accounts.of_session(session)


def _head_bytes(scope: Scope) -> int:
    """Return about how long a head was; one that comes in a single piece passes the parser's own bound."""
    lines = sum(len(name) + len(value) for name, value in scope["headers"])
    return lines + len(scope["raw_path"]) + len(scope["query_string"])


def _refused(request: Request) -> Response:
    """Send a person to the login page, and tell a program what it lacks."""
    if wants_page(request.headers) and request.method in {"GET", "HEAD"}:
        there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{LOGIN}?next={quote(there, safe='/')}", 303)
    challenge = {"WWW-Authenticate": 'Bearer realm="fallbackrouter"'}
    return Problem(401, "log in, or send an API token as Authorization: Bearer", challenge).response()
