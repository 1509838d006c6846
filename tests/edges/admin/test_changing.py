"""The pages that change something, as forms send it: rules, events, drills; a browser tries them in tests/console."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.config.load import load_settings
from fallbackrouter.config.rules import apply_configured_rules
from tests.edges.admin.test_api import OTHER, Api
from tests.fakes.admin import RULE, Answer, Browser, csrf_in
from tests.fakes.outbox import Events

FILE = "/rules/files/rules.yaml"
ACTIONS = (
    FILE,
    "/rules/apply",
    "/rules/rollback",
    "/rules/pin",
    "/rules/unpin",
    "/events/retry",
    "/events/drop",
    "/made/cancel",
    "/drill/begin",
    "/drill/end",
)
PAGES = ("/rules", "/rules/compare", "/events", "/made", "/drill")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(tmp_path) as api:
        api.user("anna")
        api.user("vera", "viewer")
        yield api


def field(page: str, name: str) -> str:
    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])  # type: ignore[index]


def typed_in(page: str) -> str:
    return html.unescape(re.search(r"<textarea[^>]*>\n(.*)</textarea>", page, re.DOTALL)[1])  # type: ignore[index]


def told_by(browser: Browser, there: str) -> str:
    """Return what the page that follows an action tells of it."""
    return html.unescape(re.search(r'<p class="told \w+">(.*?)</p>', browser.get(there).text)[1])  # type: ignore[index]


def act(browser: Browser, path: str, **fields: str) -> str:
    """Send a form and return what came of it."""
    answer = browser.post(path, csrf=csrf_in(browser.get("/drill").text), **fields)
    assert answer.status == 303, answer.text
    return told_by(browser, answer.headers["location"])


def test_a_viewer_sees_every_page_and_no_form_that_acts(api: Api) -> None:
    browser = api.browser("vera")
    for path in PAGES:
        page = browser.get(path)
        assert page.status == 200
        assert re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page.text) == ["/logout"], path
    editor = browser.get(FILE).text
    assert ">Check<" in editor
    assert ">Save<" not in editor


def test_nobody_acts_who_may_not_and_nothing_acts_without_its_token(api: Api) -> None:
    viewer, editor = api.browser("vera"), api.browser("anna")
    token = csrf_in(viewer.get("/drill").text)
    for path in ACTIONS:
        assert viewer.post(path, csrf=token, text=OTHER, state="x").status == 403, path
        assert editor.post(path, csrf=token, text=OTHER, state="x").status == 403, path
    assert api.audit() == []


def test_a_stale_edit_is_refused_with_the_difference_and_keeps_what_was_typed(api: Api) -> None:
    browser = api.browser("anna")
    page = browser.get(FILE).text
    assert typed_in(page) == RULE
    (api.folder / "rules/rules.yaml").write_text(OTHER, encoding="utf-8")
    ours = RULE + "# <ours>\n"
    token = csrf_in(page)
    refused = browser.post(FILE, csrf=token, state=field(page, "state"), text=ours.replace("\n", "\r\n"))
    assert refused.status == 412
    assert typed_in(refused.text) == ours
    assert "# &lt;ours&gt;" in refused.text
    assert (api.folder / "rules/rules.yaml").read_text(encoding="utf-8") == OTHER
    meant = browser.post(FILE, csrf=token, state=field(refused.text, "state"), text=ours)
    assert meant.status == 303
    assert (api.folder / "rules/rules.yaml").read_text(encoding="utf-8") == ours
    saved = api.audit()[0]
    assert (saved["who"], saved["action"], saved["before"], saved["after"]) == ("anna", "rules save", OTHER, ours)


def test_what_does_not_check_is_not_saved_and_says_where(api: Api) -> None:
    browser = api.browser("anna")
    page = browser.get(FILE).text
    broken = RULE + "- {name: x}\n"
    answer = browser.post(FILE, csrf=csrf_in(page), state=field(page, "state"), text=broken)
    assert answer.status == 422
    assert typed_in(answer.text) == broken
    assert re.search(r'data-line="2" data-column="\d+">rules.yaml:2:', answer.text)
    assert (api.folder / "rules/rules.yaml").read_text(encoding="utf-8") == RULE


def test_trying_a_draft_saves_nothing(api: Api) -> None:
    browser = api.browser("vera")
    page = browser.get(FILE).text
    for do, shown in (("check", "check"), ("diff", "difference"), ("backtest", "backtest")):
        answer = browser.post(f"{FILE}/try", csrf=csrf_in(page), state=field(page, "state"), text=OTHER, do=do)
        assert answer.status == 200
        assert f'id="{shown}"' in answer.text
        assert typed_in(answer.text) == OTHER
    assert (api.folder / "rules/rules.yaml").read_text(encoding="utf-8") == RULE


def test_files_that_do_not_check_are_told_of_and_not_applied(api: Api) -> None:
    (api.folder / "rules/rules.yaml").write_text("- {name: x}\n", encoding="utf-8")
    page = api.browser("anna").get("/rules/compare").text
    assert "rules.yaml:1:" in page
    assert str(api.folder) not in page
    assert ">Apply<" not in page


def test_applying_pinning_and_unpinning(api: Api) -> None:
    browser = api.browser("anna")
    assert act(browser, "/rules/apply") == "Applied: 1 rule serves."
    until = "2099-01-01T10:00"
    token = csrf_in(browser.get("/rules").text)
    far = browser.post("/rules/pin", csrf=token, did="632", to="group:62", until=until)
    assert (far.status, "366 days" in far.text) == (422, True)
    proposed = field(browser.get("/rules").text.replace('type="datetime-local" required ', ""), "until")
    told = act(browser, "/rules/pin", did="632", to="group:62", next="", until=proposed, why="a party")
    assert told.startswith("632 goes to group:62 until ")
    page = browser.get("/rules").text
    assert "End pin 632" in page
    assert act(browser, "/rules/unpin", pinned="pin 632") == "Ended: pin 632."
    assert [entry["action"] for entry in api.audit()] == ["rules unpin", "rules pin", "rules apply"]


def apply(api: Api) -> None:
    """Have the files serve, as the running service does where it is asked to."""
    loaded = load_settings(api.folder / "fallbackrouter.toml", {})
    assert apply_configured_rules(loaded, api.office.journal, "test", SystemClock().now_at()).ok


def tries_in(page: str) -> int:
    return page.partition('<ol class="tries">')[2].partition("</ol>")[0].count("<li>")


def back_to(browser: Browser, number: str, **sure: str) -> Answer:
    return browser.post("/rules/rollback", csrf=csrf_in(browser.get("/drill").text), number=number, **sure)


def test_former_rules_are_gone_back_to_once_what_that_changes_was_seen(api: Api) -> None:
    browser = api.browser("anna")
    for text in (RULE, OTHER):
        (api.folder / "rules/rules.yaml").write_text(text, encoding="utf-8")
        apply(api)
    asked = back_to(browser, "1")
    assert (asked.status, field(asked.text, "sure")) == (200, "2")
    assert "<del>" in asked.text
    act(browser, "/rules/pin", did="632", to="group:62", next="", until="2026-12-01T10:00")
    stale = back_to(browser, "1", sure="2")
    assert (stale.status, field(stale.text, "sure")) == (200, "3")
    assert "Others have applied rules meanwhile" in stale.text
    assert [one["action"] for one in api.audit()] == ["rules pin"]
    assert act(browser, "/rules/rollback", number="1", sure="3") == "The rules of number 1 serve again."
    assert (api.folder / "rules/rules.yaml").read_text(encoding="utf-8") == RULE
    refused = browser.send("GET", "/events/none", headers={"Accept-Language": "ru"})
    assert (refused.status, "события none нет" in refused.text) == (404, True)
    assert back_to(browser, "99").status == 422


def test_events_are_tried_again_and_dropped_once_confirmed(api: Api) -> None:
    events = Events(api.office.journal)
    events.add(3, ("start",))
    events.run("UPDATE events SET state = 'refused'")
    first, second, third = (row[0] for row in events.run("SELECT event_id FROM events ORDER BY event_id"))
    browser = api.browser("anna")
    assert act(browser, "/events/retry") == "Tick the events that are meant first."
    assert act(browser, "/events/retry", event=first) == "1 event is tried again."
    asked = browser.post("/events/drop", csrf=csrf_in(browser.get("/drill").text), event=second, seen_state="refused")
    assert (asked.status, second in asked.text, third in asked.text) == (200, True, False)
    assert events.run("SELECT state FROM events WHERE event_id = ?", second) == [("refused",)]
    assert act(browser, "/events/drop", event=second, sure="yes") == "1 event is given up."
    assert act(browser, "/events/retry", all="refused") == "1 event is tried again."
    states = [row[0] for row in events.run("SELECT state FROM events ORDER BY event_id")]
    assert states == ["pending", "dropped", "pending"]
    events.run("""UPDATE events SET tries = '[[1772445600000, 5000, "no answer <within> 5 s"]]'""")
    page = browser.get(f"/events/{first}").text
    assert "no answer &lt;within&gt; 5 s" in page
    assert "5,000 ms" in page
    events.run("""UPDATE events SET state = 'dropped', ended_at = at, tried_at = 1772445600000, answer = '503'""")
    assert tries_in(browser.get(f"/events/{first}").text) == 1, "the try that was dropped is told once"
    events.run("UPDATE events SET tried_at = tried_at + 1000")
    assert tries_in(browser.get(f"/events/{first}").text) == 2


def test_a_drill_is_begun_and_ended(api: Api) -> None:
    browser = api.browser("anna")
    assert act(browser, "/drill/end") == "No drill is on."
    told = act(browser, "/drill/begin", fault="slow", percent="12,5", minutes="5")
    assert told == "The drill has begun; it ends by itself."
    order = next(message for message in api.asked if message["do"] == "drill")
    assert (order["for_s"], order["share"]) == (300, 0.125)
    token = csrf_in(browser.get("/drill").text)
    for wrong in ({"fault": "flood"}, {"percent": "0"}, {"percent": "101"}, {"minutes": "61"}, {"minutes": "nan"}):
        fields = {"fault": "dns", "percent": "100", "minutes": "5", **wrong}
        assert browser.post("/drill/begin", csrf=token, **fields).status == 422, wrong
    assert act(browser, "/drill/end") == "The drill is over."


def test_what_is_not_there_is_told(api: Api) -> None:
    browser = api.browser("anna")
    for path in ("/events/none", "/events?state=x", "/rules/files/x.txt", "/rules/new?name=../x"):
        answer = browser.get(path)
        if answer.status == 303:
            answer = browser.get(answer.headers["location"])
        assert answer.status in {404, 422}, path


def test_russian(api: Api) -> None:
    browser = api.browser("anna")
    for path, word in (("/rules", "Закрепления"), ("/events", "Событий нет."), ("/drill", "Учения не идут.")):
        page = browser.send("GET", path, headers={"Accept-Language": "ru"})
        assert word in page.text
