"""Pages: templates, with what each of them needs."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from fallbackrouter import __version__
from fallbackrouter.admin.pages.acted import forget_told, told_before
from fallbackrouter.admin.pages.files import static_url
from fallbackrouter.admin.pages.words import Words, language_of
from fallbackrouter.admin.visitor import SCOPES, Visitor

TEMPLATES = Path(__file__).parents[1] / "templates"


@cache
def templates() -> Environment:
    """Return the templates; a name that a page does not give is an error, and everything is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": static_url, "version": __version__}
    return environment


def page(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page made of a template.

    Every template has, beside the given values: `visitor` (None on the login page), `may(scope)`, `csrf`, `path`,
    `static(name)`, `version`, and what `drawn` gives.
    """
    visitor = request.scope["state"].get("visitor")
    given = {
        "visitor": visitor,
        "may": _may(visitor),
        "csrf": visitor.csrf if visitor else "",
        "path": request.url.path,
        "told_before": told_before(request),
    }
    answer = HTMLResponse(drawn(name, words_of(request), zone_of(request), **{**given, **values}), status)
    answer.headers["Vary"] = "Accept-Language, Cookie"
    if given["told_before"]:
        forget_told(request, answer)
    return answer


def drawn(name: str, words: Words, zone: tzinfo, **values: Any) -> str:
    """Return a template's text, for pages and for what is sent to them later.

    It has `t`, `n`, `term`, `told`, `number`, `ms` and `length` as `Words` does, `lang`, and `timed(at, form)`: a
    moment (a datetime, or ISO 8601) in the router's time zone, for the macros of `pieces.html`.
    """
    said = {
        "words": words,
        "lang": words.language,
        "t": words.t,
        "n": words.n,
        "term": words.term,
        "told": words.told,
        "number": words.number,
        "ms": words.ms,
        "length": words.length,
        "timed": partial(_timed, zone),
    }
    return templates().get_template(name).render({**said, **values})


def words_of(request: Request) -> Words:
    """Return the language that the browser wants."""
    return Words(language_of(request.headers.get("accept-language", "")))


def zone_of(request: Request) -> tzinfo:
    """Return the router's time zone."""
    zone: tzinfo = request.app.state.zone
    return zone


def _timed(zone: tzinfo, at: str | datetime, form: str) -> str:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(zone).strftime(form)


def _may(visitor: Visitor | None) -> Callable[[str], bool]:
    def may(scope: str) -> bool:
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope}")
        return visitor is not None and visitor.may(scope)

    return may
