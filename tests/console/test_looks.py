"""How pages look: no serious fault for people who see, hear or type otherwise, at any width, by day and by night."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.served import EDITOR, Served
from tests.console.windows import NARROW, WIDE, Scheme, Windows, serious_faults
from tests.fakes.service import wait_until
from tests.proof.size import FULL

IMAGES = Path(__file__).parents[2] / "docs/img"
DRAW = "CONSOLE_IMAGES"
"""Environment variable: 1 draws docs/img anew."""
MAX_IMAGE_BYTES = 200_000
PAGES = {
    "now": "/",
    "calls": "/calls",
    "call": "",
    "ask": "/ask?did=74951111111&caller=79500000001",
    "rules": "/rules",
    "rule-file": "/rules/files/rules.yaml",
    "rules-compare": "/rules/compare?backtest=1",
    "events": "/events",
    "event": "",
    "made": "/made",
    "drill": "/drill",
}
LOOKS: list[tuple[tuple[int, int], Scheme]] = [(NARROW, "light"), (WIDE, "dark")]
if FULL:
    LOOKS += [(NARROW, "dark"), (WIDE, "light")]


@pytest.fixture(scope="module")
def lived(served: Served) -> Served:
    """A service that has something to show on every page."""
    for _ in range(12):
        served.ask()
    served.crm.set_mode("422")
    for number in range(3):
        served.report(f"1700000000.{number}")
    wait_until(lambda: served.event_states().count("refused") == 3, "events are refused")
    served.crm.set_mode("503")
    for _ in range(4):
        served.ask()
    file = served.whole.rules_dir / "rules.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace('"62"', '"63"'), encoding="utf-8")
    return served


def addresses(lived: Served) -> dict[str, str]:
    (decision,) = lived.whole.query("SELECT id FROM decisions ORDER BY id DESC LIMIT 1")[0]
    (event,) = lived.whole.query("SELECT event_id FROM events LIMIT 1")[0]
    return {**PAGES, "call": f"/calls/{decision}", "event": f"/events/{event}"}


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=lambda one: str(one[0]) if isinstance(one, tuple) else one)
def test_no_page_has_a_serious_fault(windows: Windows, lived: Served, size: tuple[int, int], scheme: Scheme) -> None:
    page = windows.open(size=size, scheme=scheme)
    page.goto("/login")
    faults = {"login": serious_faults(page)}
    page = windows.open(EDITOR, size=size, scheme=scheme)
    for name, address in addresses(lived).items():
        page.goto(address)
        expect(page.locator("h1")).to_be_attached()
        faults[name] = serious_faults(page)
        if name == "rule-file":
            page.locator("#text").fill("- {name: x}\n")
            page.get_by_role("button", name="Check").click()
            expect(page.locator(".problems")).to_be_visible()
            faults["rule-file checked"] = serious_faults(page)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is wider than the window by {wide} px"
    assert {name: found for name, found in faults.items() if found} == {}


def draw(page: Page, file: Path) -> None:
    page.wait_for_timeout(1_000)  # charts are drawn, live data has come
    page.screenshot(path=file, animations="disabled", caret="hide")
    assert file.stat().st_size < MAX_IMAGE_BYTES, file.name


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_the_documentation_s_pictures(windows: Windows, lived: Served, size: tuple[int, int]) -> None:
    drawing = FULL or os.environ.get(DRAW) == "1"
    if drawing:
        page = windows.open(EDITOR, size=size)
        IMAGES.mkdir(exist_ok=True)
        for name, address in addresses(lived).items():
            page.goto(address)
            draw(page, IMAGES / f"{name}-{size[0]}.png")
    kept = {file.name for file in IMAGES.glob(f"*-{size[0]}.png")}
    assert kept == {f"{name}-{size[0]}.png" for name in PAGES}
    assert all((IMAGES / name).stat().st_size < MAX_IMAGE_BYTES for name in kept)
