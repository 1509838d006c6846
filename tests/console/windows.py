"""Windows of a browser, each logged in as somebody, that notice what a page does wrong."""

import re
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.console.served import PASSWORD

WITHIN_MS = 120_000
"""A safety net for a busy machine, never a measurement."""
NARROW, WIDE = (360, 740), (1440, 900)
Scheme = Literal["light", "dark"]
MAX_TABS = 120
_AXE = Path(__file__).parent / "axe/axe.min.js"
_REFUSALS = re.compile(
    r"Failed to load resource: the server responded with a status of|Response Status Error Code 4\d\d from"
)
"""A browser and htmx tell of every refusal so, of those too that a test is after."""


class Windows:
    """Opens windows, and closes them all; what their pages did wrong fails the test.

    Args:
        url: the console's.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []
        self.faults: list[str] = []

    def open(
        self,
        user: str = "",
        *,
        size: tuple[int, int] = WIDE,
        scheme: Scheme = "light",
        scripts: bool = True,
        language: str = "en",
    ) -> Page:
        """Open one, and log in as the user where one is named."""
        context = self._browser.new_context(
            base_url=self._url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=scripts,
            locale=language,
        )
        context.set_default_timeout(WITHIN_MS)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        self._contexts.append(context)
        page = context.new_page()
        if user:
            page.goto("/login")
            log_in(page, user)
            expect(page.locator(".who .name")).to_have_text(user)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _REFUSALS.match(message.text):
            self.faults.append(f"{message.type}: {message.text}")

    def close(self) -> None:
        """Close all, and tell of what went wrong."""
        for context in self._contexts:
            context.close()
        assert not self.faults, "\n".join(self.faults)


def log_in(page: Page, user: str, password: str = PASSWORD) -> None:
    """Fill in the form that stands there."""
    page.locator("input[name=user]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.locator("button").click()


def wait_until_drawn(page: Page) -> None:
    """Wait until a reader would see the page: before that a browser drops keys that are pressed."""
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(MAX_TABS):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


def serious_faults(page: Page) -> list[str]:
    """Return what axe-core finds to be serious or critical, each with the first place."""
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}: {one['nodes'][0].get('failureSummary', '')}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
