"""Pages: templates, with what each of them needs."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from fallbackrouter import __version__
from fallbackrouter.admin.pages.files import static_url
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
    `static(name)`, `version`.
    """
    visitor = request.scope["state"].get("visitor")
    given = {
        "visitor": visitor,
        "may": _may(visitor),
        "csrf": visitor.csrf if visitor else "",
        "path": request.url.path,
    }
    return HTMLResponse(templates().get_template(name).render({**given, **values}), status)


def _may(visitor: Visitor | None) -> Callable[[str], bool]:
    def may(scope: str) -> bool:
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope}")
        return visitor is not None and visitor.may(scope)

    return may
