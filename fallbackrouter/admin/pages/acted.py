"""What came of an action, told where it was taken: in place where htmx sent it, on the page that follows elsewhere.

Its rules:

- an action is a form with `method="post"`, `action`, the hidden field `csrf` (`csrf_field()` of `pieces.html`), and
  for those with JavaScript `hx-post` and `hx-target="#told"`; it works without. Its handler does it and returns
  `acted`; what goes wrong it raises as a Problem;
- what is told on the page that follows travels in a cookie of one use; it is text, and is shown as text.
"""

from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

GOOD, BAD = "good", "bad"
ACTED = "acted"
"""The event that a page hears after an action: `hx-trigger="acted from:body"` loads again what has changed."""
COOKIE = "fr_told"
MAX_CHARS = 600
_WITHIN_S = 60


def acted(request: Request, sentence: str, back: str, *, mood: str = GOOD) -> Response:
    """Return the answer to an action.

    Args:
        sentence: what came of it, in the reader's language.
        back: the page that follows, where there is no JavaScript.
    """
    if is_partial(request):
        from fallbackrouter.admin.pages.page import drawn, words_of, zone_of  # noqa: PLC0415 - pages tell too

        text = drawn("told.html", words_of(request), zone_of(request), mood=mood, sentence=sentence)
        return HTMLResponse(text, headers={"HX-Trigger": ACTED})
    answer = RedirectResponse(back, 303)
    _set(request, answer, f"{mood}:{quote(sentence[:MAX_CHARS])}", _WITHIN_S)
    return answer


def is_partial(request: Request) -> bool:
    """Tell whether it is htmx that asks, for a part of the page that stands already."""
    return "hx-request" in request.headers


def told_before(request: Request) -> tuple[str, str] | None:
    """Return mood and sentence of the action before this page, None where there was none."""
    mood, colon, quoted = request.cookies.get(COOKIE, "").partition(":")
    if not colon or mood not in {GOOD, BAD}:
        return None
    return mood, unquote(quoted, errors="replace")[:MAX_CHARS]


def forget_told(request: Request, answer: Response) -> None:
    """Have a page tell it once."""
    _set(request, answer, "", 0)


def _set(request: Request, answer: Response, value: str, max_age_s: int) -> None:
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, value, max_age_s, path="/", secure=secure, httponly=True, samesite="strict")
