"""Real Asterisks for the tests: each release that has a root, side by side."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.asterisk.harness import Exchange
from tests.asterisk.roots import RELEASES, Release, why_not_here


def _carried() -> list[Release]:
    """Return the releases to test: all, but those that could not be had and are not required."""
    return [release for release in RELEASES if release.required or release.is_made or not release.note.exists()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly which Asterisk was not there today."""
    for release in RELEASES:
        if release not in _carried():
            why = release.note.read_text(encoding="utf-8").strip()
            terminalreporter.write_line(f"!!!!!! ASTERISK {release.name} WAS NOT TESTED: {why}", red=True, bold=True)


class Exchanges:
    """Starts each release's Asterisk when it is first asked for; stops all of them in the end."""

    def __init__(self, stack: ExitStack, folders: pytest.TempPathFactory) -> None:
        self._stack = stack
        self._folders = folders
        self._running: dict[str, Exchange] = {}

    def of(self, release: Release) -> Exchange:
        """Return the running Asterisk of a release."""
        if release.name not in self._running:
            folder = self._folders.mktemp(f"asterisk-{release.name}")
            self._running[release.name] = self._stack.enter_context(Exchange(release, folder))
        return self._running[release.name]


@pytest.fixture(scope="session")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchanges]:
    """All Asterisks of this run."""
    with ExitStack() as stack:
        yield Exchanges(stack, tmp_path_factory)


@pytest.fixture(scope="session", params=_carried(), ids=lambda release: f"asterisk-{release.name}")
def release(request: pytest.FixtureRequest) -> Release:
    """A release whose root is there; the test runs once for each."""
    release: Release = request.param
    reason = why_not_here() or ("" if release.is_made else "its root has not been made: run `make asterisk-roots`")
    if reason:
        pytest.skip(f"no Asterisk {release.name}: {reason}")
    return release


@pytest.fixture(scope="session")
def exchange(release: Release, exchanges: Exchanges) -> Exchange:
    """A real Asterisk, shared by all tests."""
    return exchanges.of(release)
