"""`/login` and `/logout`."""

import math
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fallbackrouter.admin.accounts import LoginError
from fallbackrouter.admin.body import read_form
from fallbackrouter.admin.gate import cookie_name
from fallbackrouter.admin.guard import Handler, check_origin
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.page import page
from fallbackrouter.admin.secret import csrf_of, is_session, new_session, same
from fallbackrouter.admin.visitor import NAME

MAX_BYTES = 65_536
_STYLE = "style-src 'nonce-{nonce}'; default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def login(house: House) -> Handler:
    """Answer `/login`: the form, and what comes of it."""
    cookie = cookie_name(secure=house.secure)
    before = f"{cookie}_login"

    async def handle(request: Request) -> Response:
        if request.method != "POST":
            return await _form(request, request.query_params.get("next", ""), "", 200)
        check_origin(request)
        form = await read_form(request, MAX_BYTES)
        there = form.get("next", "")
        if not same(form.get("csrf", ""), csrf_of(request.cookies.get(before, "?"))):
            return await _form(request, there, "expired", 403)
        try:
            secret = await _enter(form, request)
        except LoginError as error:
            wait_s = math.ceil(error.wait_s)
            answer = await _form(request, there, "wait" if wait_s else "wrong", 429 if wait_s else 401, wait_s)
            if wait_s:
                answer.headers["retry-after"] = str(wait_s)
            return answer
        answer = RedirectResponse(_inside(there), 303)
        _set(answer, cookie, secret)
        answer.delete_cookie(before, path="/", secure=house.secure, httponly=True, samesite="strict")
        return answer

    async def _enter(form: dict[str, str], request: Request) -> str:
        name = form.get("user", "")
        address = request.client.host if request.client else ""
        if not NAME.fullmatch(name):
            name = "-"
        return await house.accounts.login(name, form.get("password", ""), address)

    async def _form(request: Request, there: str, why: str, status: int, wait_s: int = 0) -> Response:
        # A browser's windows share one secret: a form that was opened later makes none of the others too old.
        kept, nonce = request.cookies.get(before, ""), new_session()
        secret = kept if is_session(kept) else new_session()
        some = await house.accounts.has_users()
        words = {
            "why": why,
            "wait_s": wait_s,
            "next": _inside(there),
            "nonce": nonce,
            "has_users": some,
            "csrf": csrf_of(secret),
        }
        answer = page(request, "login.html", status, **words)
        answer.headers["content-security-policy"] = _STYLE.format(nonce=nonce)
        _set(answer, before, secret)
        return answer

    def _set(answer: Response, name: str, secret: str) -> None:
        answer.set_cookie(name, secret, path="/", secure=house.secure, httponly=True, samesite="strict")

    return handle


def logout(house: House) -> Handler:
    """Answer `POST /logout`."""
    cookie = cookie_name(secure=house.secure)

    async def handle(request: Request) -> Response:
        await house.accounts.logout(request.cookies.get(cookie, ""))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(cookie, path="/", secure=house.secure, httponly=True, samesite="strict")
        return answer

    return handle


def _inside(there: str) -> str:
    """Return a place of this console's, whatever a link says."""
    try:
        parts = urlsplit(there)
    except ValueError:
        return "/"
    plain = there.startswith("/") and not there.startswith("//") and there.isprintable() and "\\" not in there
    return there if plain and not parts.scheme and not parts.netloc else "/"
