"""Ids ordered by time whatever the clock does, and zones."""

import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter import clock
from fallbackrouter.clock import Clock, SystemClock, load_zone
from tests.fakes.clock import FakeClock

SUMMER = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
WINTER = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ZONES = next((Path(folder) for folder in TZPATH if Path(folder, "Europe/Berlin").exists()), None)


def _ids(readings_ms: list[int]) -> list[str]:
    """Return the ids that a clock gives with these readings of the calendar."""
    ids = SystemClock()
    with pytest.MonkeyPatch.context() as patch:
        readings = iter(readings_ms)
        patch.setattr("fallbackrouter.clock.time.time_ns", lambda: next(readings) * 1_000_000)
        return [ids.new_id() for _ in readings_ms]


def _ms(text: str) -> int:
    return uuid.UUID(text).int >> 80


@given(st.lists(st.integers(1_700_000_000_000, 1_700_000_000_020), min_size=2, max_size=60))
def test_ids_keep_their_order_whatever_the_clock_does(readings_ms: list[int]) -> None:
    ids = _ids(readings_ms)
    assert ids == sorted(set(ids))


def test_a_clock_that_jumps_back_holds_the_last_millisecond() -> None:
    ids = _ids([1_700_000_000_000, 1_600_000_000_000, 1_700_000_000_001])
    assert [_ms(text) for text in ids] == [1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_001]


def test_more_ids_than_a_millisecond_counts_go_into_the_next() -> None:
    ids = _ids([1_700_000_000_000] * 5000)
    assert ids == sorted(set(ids))
    assert _ms(ids[0xFFF]) == 1_700_000_000_000
    assert _ms(ids[0x1000]) == 1_700_000_000_001


@pytest.mark.parametrize("ids", [SystemClock(), FakeClock()])
def test_an_id_is_a_uuid_of_version_7(ids: Clock) -> None:
    one, other = uuid.UUID(ids.new_id()), uuid.UUID(ids.new_id())
    assert (one.version, one.variant, one < other) == (7, uuid.RFC_4122, True)


def test_two_clocks_never_give_one_id() -> None:
    one, other = SystemClock(), SystemClock()
    assert not {one.new_id() for _ in range(1000)} & {other.new_id() for _ in range(1000)}


@pytest.mark.parametrize("tells", [SystemClock(), FakeClock()])
def test_a_clock_tells_the_moment_in_utc(tells: Clock) -> None:
    assert tells.now_at().tzinfo is UTC
    assert tells.now_s() <= tells.now_s()


def test_the_hand_turned_clock_moves_both_its_hands() -> None:
    turned = FakeClock()
    before_s, before_at = turned.now_s(), turned.now_at()
    turned.move(1.5)
    assert turned.now_s() - before_s == 1.5
    assert (turned.now_at() - before_at).total_seconds() == 1.5


def test_a_zone_is_found_by_name() -> None:
    assert load_zone("Europe/Moscow") == ZoneInfo("Europe/Moscow")


@pytest.mark.parametrize(
    "name",
    ["Europe/Moskau", "Europe", "../../etc/passwd", "/etc/passwd", "zone.tab", "a\x00b", "\ud800", "x" * 5000, " "],
)
def test_no_such_zone_is_none(name: str) -> None:
    assert load_zone(name) is None


def _offsets_h() -> tuple[float, float]:
    """Return the machine's zone's distance from UTC in winter and in summer."""
    zone = load_zone("")
    offsets = [zone.utcoffset(at.replace(tzinfo=None)) for at in (WINTER, SUMMER)] if zone else []
    winter_h, summer_h = (offset.total_seconds() / 3600 for offset in offsets if offset is not None)
    return winter_h, summer_h


@pytest.mark.parametrize("tz", ["Europe/Berlin", ":Europe/Berlin"])
def test_the_machines_zone_is_tzs(monkeypatch: pytest.MonkeyPatch, tz: str) -> None:
    monkeypatch.setenv("TZ", tz)
    assert _offsets_h() == (1, 2)


@pytest.mark.skipif(ZONES is None, reason="this machine has no folder of zones")
@pytest.mark.parametrize("way", ["link", "copy", "TZ names the file", "TZ names a copy"])
def test_the_machines_zone_is_that_of_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str) -> None:
    assert ZONES is not None
    berlin, localtime = ZONES / "Europe/Berlin", tmp_path / "localtime"
    if way == "link":
        localtime.symlink_to(berlin)
    else:
        shutil.copy(berlin, localtime)
    monkeypatch.setattr(clock, "LOCALTIME", str(localtime if not way.startswith("TZ") else tmp_path / "none"))
    monkeypatch.setenv("TZ", {"TZ names the file": f":{berlin}", "TZ names a copy": str(localtime)}.get(way, ""))
    assert _offsets_h() == (1, 2)


@pytest.mark.parametrize("tz", ["", "Nowhere/Land", "/nowhere", "../x"])
def test_without_a_zone_the_machine_runs_on_utc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tz: str) -> None:
    monkeypatch.setattr(clock, "LOCALTIME", str(tmp_path / "none"))
    monkeypatch.setenv("TZ", tz)
    assert _offsets_h() == (0, 0)


def test_a_localtime_that_is_no_zone_is_utc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "localtime").write_text("no zone")
    monkeypatch.setattr(clock, "LOCALTIME", str(tmp_path / "localtime"))
    monkeypatch.delenv("TZ", raising=False)
    assert load_zone("") is UTC
