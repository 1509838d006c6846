"""What came of an action: told in place, or once on the page that follows; always as text."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.pages.acted import BAD, COOKIE, GOOD, acted, forget_told, told_before

APP = Starlette()
APP.state.zone = UTC


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "app": APP, "headers": raw, "scheme": "http", "path": "/", "method": "POST"})


def test_htmx_is_told_in_place_and_the_page_hears_of_it() -> None:
    answer = acted(request(hx_request="true"), "2 events <b>", "/events")
    assert answer.status_code == 200
    assert answer.headers["hx-trigger"] == "acted"
    assert bytes(answer.body).decode().strip() == '<p class="told good">2 events &lt;b&gt;</p>'


@pytest.mark.parametrize(("mood", "sentence"), [(GOOD, "2 события; ещё «раз»"), (BAD, "x" * 5000)])
def test_without_javascript_the_next_page_tells_it_once(mood: str, sentence: str) -> None:
    answer = acted(request(), sentence, "/events", mood=mood)
    assert (answer.status_code, answer.headers["location"]) == (303, "/events")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert len(cookie) < 4000
    told = told_before(request(cookie=cookie))
    assert told == (mood, sentence[:600])
    page = Response()
    forget_told(request(cookie=cookie), page)
    assert "Max-Age=0" in page.headers["set-cookie"]


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"\\ ')))
def test_whatever_the_cookie_holds_is_a_mood_and_a_text_or_nothing(value: str) -> None:
    told = told_before(request(cookie=f"{COOKIE}={value}"))
    assert told is None or (told[0] in {GOOD, BAD} and len(told[1]) <= 600)
