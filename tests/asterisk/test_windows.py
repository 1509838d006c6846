"""A window holds at the moments at which a real Asterisk's GotoIfTime says so."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.errors import ScheduleError
from fallbackrouter.core.schedule import parse_window
from tests.asterisk.harness import Exchange
from tests.asterisk.settings import INSIDE
from tests.asterisk.windows import Case, make_window, moments, spoil, zone_file
from tests.proof.figures import Record
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

WINDOWS = full_or(100, full=700)
SEED = 20260302
LEAST_SHARE = 0.15
"""At least so many of the cases are inside, and at least so many outside."""
INTO_THE_MINUTE = timedelta(seconds=15)
"""The moments that Asterisk sees go on while it is asked; so they begin well inside their minute."""


def _accepted(text: str) -> bool:
    try:
        parse_window(text)
    except ScheduleError:
        return False
    return True


def _cases(rng: random.Random) -> list[Case]:
    """Return cases of WINDOWS accepted windows, one in five of them spoilt ones that are accepted all the same."""
    windows: list[str] = []
    while len(windows) < WINDOWS:
        spoilt = len(windows) % 5 == 0
        window = spoil(rng, make_window(rng)) if spoilt else make_window(rng)
        if _accepted(window):
            windows.append(window)
    return [Case(window, local) for window in windows for local in moments(rng, window)]


def _clocks(exchange: Exchange, zones: list[str]) -> list[datetime]:
    """Return what Asterisk's clock shows in each zone, to the minute."""
    said = exchange.ami.read_many([f"STRFTIME(,{zone},%Y-%m-%dT%H:%M)" for zone in zones])
    return [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in said]


def _zones(exchange: Exchange, cases: list[Case]) -> list[str]:
    """Make a zone for each case in which it is that moment now."""
    folder = exchange.folder / "zones"
    folder.mkdir(exist_ok=True)
    now_at = SystemClock().now_at()
    for place, case in enumerate(cases):
        offset = case.local + INTO_THE_MINUTE - now_at
        (folder / f"{place}").write_bytes(zone_file(round(offset.total_seconds())))
    return [f"{INSIDE}/zones/{place}" for place in range(len(cases))]


def test_a_window_holds_when_gotoiftime_says_so(exchange: Exchange, record_figure: Record) -> None:
    cases = _cases(random.Random(SEED))
    zones = _zones(exchange, cases)
    before = _clocks(exchange, zones)
    fields = [case.window.split(",") for case in cases]
    texts = [",".join(some + ["*"] * (4 - len(some))) for some in fields]
    said = exchange.ami.read_many([f"IFTIME({text},{zone}?1:0)" for text, zone in zip(texts, zones, strict=True)])
    after = _clocks(exchange, zones)
    assert set(said) == {"0", "1"}
    answers = list(zip(cases, before, after, said, strict=True))
    sure = [(case, local, answer == "1") for case, local, later, answer in answers if local == later]
    assert len(sure) > len(cases) / 2, "Asterisk was too slow: the minutes went by"
    wrong = [
        f"{case.window} at {local:%F %H:%M %a}: Asterisk says {theirs}"
        for case, local, theirs in sure
        if parse_window(case.window).contains(local) is not theirs
    ]
    assert not wrong, "\n".join(wrong[:20])
    inside = sum(theirs for _, _, theirs in sure) / len(sure)
    record_figure("windows compared with GotoIfTime", WINDOWS)
    record_figure("pairs of window and moment, all judged as Asterisk does", len(sure))
    record_figure("share of pairs that are inside", round(inside, 3))
    assert LEAST_SHARE <= inside <= 1 - LEAST_SHARE
