"""A console in a browser: one daemon for each file of tests, one browser for all, a window for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.console.chromium import flags, program, why_not
from tests.console.served import Served
from tests.console.windows import WITHIN_MS, Windows


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if reason := why_not():
        pytest.skip(reason)
    with sync_playwright() as playwright:
        expect.set_options(timeout=WITHIN_MS)
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=program(), args=flags(), timeout=WITHIN_MS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def served(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("console")) as served:
        yield served


@pytest.fixture
def windows(chromium: Browser, served: Served, tmp_path: Path) -> Iterator[Windows]:
    windows = Windows(chromium, served.url)
    yield windows
    windows.close()
