"""AJAM, as far as a CRM that makes calls speaks it: login, logoff, ping and originate, and no other action.

Its rules:

- the secret of a login is an API token with the scope `call`, the user's name is that token's;
- who logs in is known by the cookie `mansession_id`, or sends the token with each request as Authorization;
- an originate passes the same gate as any other call; what AJAM has beyond that is refused in AJAM's words;
- the answers are Asterisk's own, letter by letter (tests hold them against a real one).
"""

import secrets
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fallbackrouter.admin.api.ajam_words import Words, originate_fields, raw_text, xml_text
from fallbackrouter.admin.body import is_form, read_body
from fallbackrouter.admin.call_door import MAKE, ask_for_call, keep_refusal
from fallbackrouter.admin.house import House
from fallbackrouter.admin.problem import Problem, problem_of
from fallbackrouter.admin.visitor import CALL, Visitor
from fallbackrouter.core.call_fields import RefusalError
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.route import printable
from fallbackrouter.log import get_log

PREFIX = "/asterisk/"
COOKIE = "mansession_id"
SESSION_S = 60.0
"""How long a login lives without a request, as Asterisk's `httptimeout`."""
MAX_SESSIONS = 1_000
MAX_BODY_BYTES = 20_480
MAX_FIELDS = 128
DENIED: Words = (("Response", "Error"), ("Message", "Permission denied"))

Pairs = Sequence[tuple[str, str]]


@dataclass(slots=True)
class _Session:
    secret: str
    until_s: float


class Ajam:
    """Answers `mxml` and `rawman`."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._accounts = house.accounts
        self._clock = house.clock
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    async def answer(self, request: Request) -> Response:
        """Answer a request of either form."""
        asked = await _asked(request)
        fields = {name.lower(): value for name, value in reversed(asked)}
        action, headers = fields.get("action", "").lower(), dict[str, str]()
        if action == "login":
            words, headers = await self._login(fields)
        else:
            visitor = await self._visitor(request)
            words = await self._do(action, visitor, asked, request) if visitor else _stranger("nobody", action, DENIED)
        return _told(request, words, fields.get("actionid", ""), headers)

    async def _login(self, fields: dict[str, str]) -> tuple[Words, dict[str, str]]:
        name, secret = fields.get("username", ""), fields.get("secret", "")
        visitor = await self._known(secret, name)
        if visitor is None:
            refused = (("Response", "Error"), ("Message", "Authentication failed"))
            return _stranger(name or "nobody", "login", refused), {}
        session = secrets.token_hex(16)
        self._sessions[session] = _Session(secret, self._clock.now_s() + SESSION_S)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        cookie = f'{COOKIE}="{session}"; Version=1; Max-Age={SESSION_S:.0f}; HttpOnly'
        return (("Response", "Success"), ("Message", "Authentication accepted")), {"Set-Cookie": cookie}

    async def _known(self, secret: str, name: str) -> Visitor | None:
        """Return whose token this is, None where it is nobody's of that name, or may make no calls."""
        visitor = await self._accounts.of_token(secret)
        if visitor is None or not visitor.may(CALL) or visitor.name != f"token {name}":
            return None
        return visitor

    async def _visitor(self, request: Request) -> Visitor | None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            visitor = await self._accounts.of_token(given.strip())
            return visitor if visitor and visitor.may(CALL) else None
        if kind.lower() == "basic":
            name, _, secret = _basic(given).partition(":")
            return await self._known(secret, name)
        session = self._sessions.get(request.cookies.get(COOKIE, "").strip('"'))
        if session is None or session.until_s < self._clock.now_s():
            return None
        session.until_s = self._clock.now_s() + SESSION_S
        visitor = await self._accounts.of_token(session.secret)
        return visitor if visitor and visitor.may(CALL) else None

    async def _do(self, action: str, visitor: Visitor, asked: Pairs, request: Request) -> Words:
        if action == "ping":
            return (("Response", "Success"), ("Ping", "Pong"), ("Timestamp", f"{self._clock.now_at().timestamp():.6f}"))
        if action == "logoff":
            self._sessions.pop(request.cookies.get(COOKIE, "").strip('"'), None)
            return (("Response", "Goodbye"), ("Message", "Thanks for all the fish."))
        if action == "originate":
            return await self._originate(visitor, asked)
        name = printable(action, 60)
        message = f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands."
        if not action:
            message = "Missing action in request"
        return await self._refused(visitor, f"ajam {name}".strip(), message)

    async def _originate(self, visitor: Visitor, asked: Pairs) -> Words:
        try:
            await ask_for_call(self._house, visitor, originate_fields(asked))
        except RefusalError as refusal:
            return await self._refused(visitor, MAKE, f"the call is refused: {refusal}")
        except (Problem, FallbackrouterError) as error:
            return (("Response", "Error"), ("Message", problem_of(error).detail))
        return (("Response", "Success"), ("Message", "Originate successfully queued"))

    async def _refused(self, visitor: Visitor, action: str, message: str) -> Words:
        await keep_refusal(self._house, visitor, action, message)
        return (("Response", "Error"), ("Message", message))


def ajam_routes(ajam: Ajam) -> list[BaseRoute]:
    """Return the routes; each proves by itself who asks."""
    return [Route(f"{PREFIX}{form}", ajam.answer, methods=["GET", "POST"]) for form in ("mxml", "rawman")]


def _stranger(who: str, action: str, words: Words) -> Words:
    """Keep it in the log alone: whoever has proven nothing has nothing written for him."""
    told = {"who": printable(who, 60), "action": printable(action, 60)}
    get_log("admin").warning("a request by AJAM was refused", **told, reason=dict(words)["Message"])
    return words


def _told(request: Request, words: Words, action_id: str, headers: dict[str, str]) -> Response:
    if action_id:
        words = (words[0], ("ActionID", printable(action_id)), *words[1:])
    is_xml = request.url.path.endswith("mxml")
    text = xml_text(words) if is_xml else raw_text(words)
    return Response(text, 200, headers, "text/xml" if is_xml else "text/plain")


async def _asked(request: Request) -> list[tuple[str, str]]:
    """Return the fields of the query and of a form, in their order."""
    text = request.url.query
    if request.method == "POST" and is_form(request):
        body = (await read_body(request, MAX_BODY_BYTES)).decode("utf-8", "replace")
        text = f"{text}&{body}" if text else body
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace")
    except ValueError:
        raise Problem(400, f"a request has at most {MAX_FIELDS} fields") from None


def _basic(given: str) -> str:
    try:
        return b64decode(given.strip(), validate=True).decode()
    except ValueError:
        return ""
