"""Dates: what they mean, day by day, and that rules hold by windows and dates as a plain reading says."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from fallbackrouter.core.dates import MAX_DATE_CHARS, NO_DATES, DateSet, parse_dates
from fallbackrouter.core.errors import ScheduleError
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.schedule import parse_window
from tests.fakes.calls import call

ROUTE = Route((("app", "hangup"),))


def _set(*texts: str) -> DateSet:
    return DateSet(tuple(map(parse_dates, texts)))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2026-01-01", ["2026-01-01"], ["2025-12-31", "2026-01-02", "2027-01-01"]),
        ("2026-01-01..2026-01-08", ["2026-01-01", "2026-01-05", "2026-01-08"], ["2025-12-31", "2026-01-09"]),
        ("2026-01-01 .. 2026-01-01", ["2026-01-01"], ["2026-01-02"]),
        ("2025-12-30..2026-01-02", ["2025-12-30", "2025-12-31", "2026-01-01"], ["2025-12-29", "2026-01-03"]),
        ("*-05-09", ["2026-05-09", "1999-05-09"], ["2026-05-08", "2026-05-10"]),
        ("*-12-31..*-01-08", ["2026-12-31", "2027-01-01", "2027-01-08"], ["2026-12-30", "2027-01-09", "2026-06-01"]),
        ("*-02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
        ("*-02-28..*-03-01", ["2027-02-28", "2028-02-29", "2027-03-01"], ["2027-02-27", "2027-03-02"]),
    ],
)
def test_a_range_holds_both_its_ends(text: str, inside: list[str], outside: list[str]) -> None:
    for days in (parse_dates(text), _set(text), _set("1970-01-01", text)):
        assert [day for day in inside if not days.contains(date.fromisoformat(day))] == []
        assert [day for day in outside if days.contains(date.fromisoformat(day))] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no date"),
        ("..", "no date"),
        ("x", "no date"),
        ("01.01.2026", "no date"),
        ("2026-1-1", "no date"),
        ("2026-01-01-2026-01-08", "no date"),
        ("2026-0\u0661-01", "no date"),
        ("*-*-01", "no date"),
        ("2026-02-30", "on no calendar"),
        ("2026-02-29", "on no calendar"),
        ("0000-01-01", "on no calendar"),
        ("*-13-01", "on no calendar"),
        ("*-02-30", "on no calendar"),
        ("2026-01-08..2026-01-01", "write 2026-01-01..2026-01-08"),
        ("*-01-01..2026-01-08", "a year on one side"),
        ("2026-01-01..2026-01-02..2026-01-03", "more than two ends"),
        ("2026-01-01" + " " * MAX_DATE_CHARS, "at most 64"),
    ],
)
def test_what_is_no_date_is_refused_with_reason_and_remedy(text: str, reason: str) -> None:
    with pytest.raises(ScheduleError, match="; ") as refused:
        parse_dates(text)
    assert reason in str(refused.value)


days = st.dates(date(2024, 1, 1), date(2028, 12, 31))


_pair = st.one_of(
    days.map(lambda day: (day, day)),
    st.tuples(days, st.integers(0, 40)).map(lambda some: (some[0], some[0] + timedelta(days=some[1]))),
    st.tuples(days, days),
)


@st.composite
def _ranges(draw: st.DrawFn) -> tuple[str, set[date]]:
    """Return a range, and the days of a few years that are in it, found by going from one to the next."""
    first, last = sorted(draw(_pair))
    every = [date(2023, 1, 1) + timedelta(days=n) for n in range(7 * 366)]
    if not draw(st.booleans()):
        return f"{first}..{last}" if first != last else f"{first}", {day for day in every if first <= day <= last}
    ends = [f"*-{end:%m-%d}" for end in (first, last)]
    leap_year = itertools.cycle(f"{date(2028, 1, 1) + timedelta(days=n):%m-%d}" for n in range(366))
    from_first = itertools.dropwhile(lambda day: day != f"{first:%m-%d}", leap_year)
    inside = {f"{first:%m-%d}"}
    for day in from_first:
        inside.add(day)
        if day == f"{last:%m-%d}":
            break
    return "..".join(ends) if first != last else ends[0], {day for day in every if f"{day:%m-%d}" in inside}


_some = st.lists(_ranges(), max_size=4)


def _together(ranges: list[tuple[str, set[date]]]) -> set[date]:
    return set().union(*(inside for _, inside in ranges))


@given(_some, st.data())
def test_a_set_equals_brute_force(ranges: list[tuple[str, set[date]]], data: st.DataObject) -> None:
    inside = _together(ranges)
    found = _set(*(text for text, _ in ranges))
    near = sorted(inside)[:1] + sorted(inside)[-1:]
    around = [day + timedelta(days=n) for day in near for n in (-1, 0, 1)]
    for day in [*around, data.draw(days)]:
        if 2024 <= day.year <= 2028:
            assert found.contains(day) is (day in inside)


@given(_some, _some)
def test_days_are_called_within_others_only_where_they_are(
    some: list[tuple[str, set[date]]], more: list[tuple[str, set[date]]]
) -> None:
    ours, theirs = _set(*(text for text, _ in some)), _set(*(text for text, _ in [*more, *some[:2]]))
    event(f"within: {ours.within(theirs)}")
    if ours.within(theirs):
        assert _together(some) <= _together([*more, *some[:2]])
    assert ours.within(ours)
    assert NO_DATES.within(ours)


_hours = st.tuples(st.integers(0, 1439), st.integers(0, 1439), st.sets(st.integers(0, 6), min_size=1))
_NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@given(
    st.lists(_hours, max_size=2), _some, _some, st.sampled_from(["UTC", "Europe/Moscow", "America/St_Johns"]), st.data()
)
def test_a_rule_holds_as_gotoiftime_and_a_calendar_say(
    hours: list[tuple[int, int, set[int]]],
    on: list[tuple[str, set[date]]],
    other_than: list[tuple[str, set[date]]],
    zone: str,
    data: st.DataObject,
) -> None:
    def spelled(first: int, last: int, weekdays: set[int]) -> str:
        names = "&".join(_NAMES[day] for day in weekdays)
        return f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02},{names}"

    known = sorted(_together(on) | _together(other_than)) or [date(2026, 3, 2)]
    day = data.draw(st.sampled_from(known) | days)
    minute = data.draw(st.sampled_from([end for hour in hours for end in hour[:2]] or [720]) | st.integers(0, 1439))
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, 59, tzinfo=ZoneInfo(zone))
    at = local.astimezone(UTC)
    local = at.astimezone(ZoneInfo(zone))  # what summer time leaves out is another minute
    minute, day, weekday = local.hour * 60 + local.minute, local.date(), local.isoweekday() % 7
    in_hours = not hours or any(
        weekday in weekdays and minute in _minutes(first, last) for first, last, weekdays in hours
    )
    holds = in_hours and (not on or day in _together(on)) and day not in _together(other_than)
    rule = Rule(
        "r",
        "fallback",
        ROUTE,
        windows=tuple(parse_window(spelled(*hour)) for hour in hours),
        dates=_set(*(text for text, _ in on)),
        except_dates=_set(*(text for text, _ in other_than)),
        zone=ZoneInfo(zone),
    )
    event(f"holds: {holds}")
    if 2024 <= day.year <= 2028:
        assert rule.holds_at(at) is holds
        assert (Rulebook([rule]).first(call(), at) is rule) is holds


def _minutes(first: int, last: int) -> set[int]:
    """Step from the first minute to the last, over midnight where need be."""
    minutes = {first}
    while first != last:
        first = (first + 1) % 1440
        minutes.add(first)
    return minutes


def test_the_date_is_that_of_the_rules_zone() -> None:
    rule = Rule("r", "fallback", ROUTE, dates=_set("2026-01-01"), zone=ZoneInfo("Asia/Tokyo"))
    for hours, holds in ((-10, False), (-9, True), (14.9, True), (15, False)):
        assert rule.holds_at(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)) is holds


def test_explain_says_that_it_was_the_date() -> None:
    rule = Rule("r", "fallback", ROUTE, windows=(parse_window("*,thu"),), except_dates=_set("2026-01-01"))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert [one.why for one in Rulebook([rule]).ranked(call(), noon)] == ["not on its dates"]
    assert [one.why for one in Rulebook([rule]).ranked(call(), noon + timedelta(days=1))] == ["not in its window"]


def test_ten_thousand_days_are_looked_up_as_soon_as_one() -> None:
    every = [f"{date(2000, 1, 1) + timedelta(days=2 * n)}" for n in range(10_000)]
    found = _set(*every)
    assert [found.contains(date(2000, 1, 1) + timedelta(days=n)) for n in range(6)] == [True, False] * 3
    assert len(found.firsts) == 10_000
