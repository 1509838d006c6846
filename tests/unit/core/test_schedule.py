"""Windows: brute force minute by minute, and what a real GotoIfTime of Asterisk 16 and 22 was seen to do."""

import calendar
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from fallbackrouter.core.errors import ScheduleError
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.schedule import MAX_WINDOW_CHARS, parse_window

WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
Ranges = list[tuple[int, int]]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# 2026-03-02 is a Monday, 2026-03-06 a Friday
@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("*", ["2026-03-02 00:00", "2026-12-31 23:59:59"], []),
        (",,,", ["2026-03-02 00:00"], []),
        ("*,*,*,*", ["2026-03-02 00:00"], []),
        (
            "09:00-18:00,mon-fri",
            ["2026-03-02 09:00", "2026-03-06 18:00:59"],
            ["2026-03-02 08:59:59", "2026-03-02 18:01", "2026-03-07 10:00", "2026-03-08 10:00"],
        ),
        ("18:00-09:00", ["2026-03-02 18:00:19", "2026-03-02 00:00", "2026-03-02 09:00:59"], ["2026-03-02 09:01"]),
        ("10:00", ["2026-03-02 10:00:59"], ["2026-03-02 10:01", "2026-03-02 09:59"]),
        ("9:00-9:00", ["2026-03-02 09:00:30"], ["2026-03-02 09:01"]),
        ("10:00-09:59", ["2026-03-02 09:59", "2026-03-02 10:00", "2026-03-02 00:00"], []),
        ("22:00-06:00,fri", ["2026-03-06 02:00", "2026-03-06 23:00"], ["2026-03-07 02:00"]),
        ("*,fri-mon", ["2026-03-06 12:00", "2026-03-08 12:00", "2026-03-02 12:00"], ["2026-03-03 12:00"]),
        ("*,1", ["2026-03-08 12:00"], ["2026-03-02 12:00"]),
        ("*,6-2", ["2026-03-06 12:00", "2026-03-08 12:00", "2026-03-02 12:00"], ["2026-03-03 12:00"]),
        ("*,MON&Wed", ["2026-03-02 12:00", "2026-03-04 12:00"], ["2026-03-03 12:00"]),
        ("*,*,28-3", ["2026-03-01 12:00", "2026-03-03 12:00", "2026-03-31 12:00"], ["2026-03-04 12:00"]),
        ("*,*,01", ["2026-03-01 12:00"], ["2026-03-02 12:00"]),
        ("*,*,*,nov-feb", ["2026-01-01 12:00", "2026-11-30 12:00"], ["2026-03-01 12:00"]),
        ("*,*,*,12-2", ["2026-01-01 12:00", "2026-12-30 12:00"], ["2026-11-30 12:00"]),
        ("*,*,29,feb", ["2028-02-29 12:00"], ["2026-02-28 12:00"]),
        ("08:00-09:00&17:00-18:00", ["2026-03-02 08:30", "2026-03-02 17:30"], ["2026-03-02 12:00"]),
    ],
)
def test_a_window_means_what_gotoiftime_means(window: str, inside: list[str], outside: list[str]) -> None:
    parsed = parse_window(window)
    assert parsed.text == window
    assert [text for text in inside if not parsed.contains(_at(text))] == []
    assert [text for text in outside if parsed.contains(_at(text))] == []


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        ("", "the window is empty"),
        ("1" * (MAX_WINDOW_CHARS + 1), "at most 256"),
        ("09:00-18:00, mon", "a blank"),
        (" 09:00-18:00", "a blank"),
        ("09:00-18:00,mon -fri", "a blank"),
        ("09:00-18:00|mon", "write commas"),
        ("*,*,*,*,Europe/Moscow", "under `timezone`"),
        ("*,*,*,*,", "under `timezone`"),
        ("*,*,*,*,*,*", "four fields"),
        ("24:00-06:00", "no 24:00"),
        ("00:00-24:00", "no 24:00"),
        ("24:01", "on no clock"),
        ("25:00", "on no clock"),
        ("09:60-10:00", "on no clock"),
        ("9-18", "no time of day"),
        ("9:5", "no time of day"),
        ("09:000", "no time of day"),
        ("09.00-18.00", "no time of day"),
        ("mon-fri", "no time of day"),
        ("0\u0669:00", "no time of day"),
        ("09:00-", "nothing beside it"),
        ("-", "nothing beside it"),
        ("*,mon&", "nothing beside it"),
        ("*,mon&&tue", "nothing beside it"),
        ("09:00-18:00-20:00", "more than two ends"),
        ("*,mon-wed-fri", "more than two ends"),
        ("*&10:00", "stands alone"),
        ("*,*&mon", "stands alone"),
        ("*,*-mon", "stands alone"),
        ("*,monday", "write `mon`"),
        ("*,monx", "write `mon`"),
        ("*,mo", "no weekday"),
        ("*,0", "no weekday"),
        ("*,8", "no weekday"),
        ("*,1x", "no weekday"),
        ("*,*,0", "no day of the month"),
        ("*,*,32", "no day of the month"),
        ("*,*,1st", "no day of the month"),
        ("*,*,100", "no day of the month"),
        ("*,*,mon", "no day of the month"),
        ("*,*,*,sept", "write `sep`"),
        ("*,*,*,13", "no month"),
        ("*,*,*,mon", "no month"),
        ("*,*,30,feb", "no month of `feb` has a day `30`"),
        ("*,*,31,apr&jun&sep&nov", "has a day `31`"),
    ],
)
def test_what_would_never_match_is_refused_with_reason_and_remedy(window: str, reason: str) -> None:
    with pytest.raises(ScheduleError, match="; ") as refused:
        parse_window(window)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("month", range(1, 13))
def test_a_months_last_day_is_accepted_and_no_later_one(month: int) -> None:
    last = calendar.monthrange(2028, month)[1]
    assert parse_window(f"*,*,{last},{month}").contains(datetime(2028, month, last, tzinfo=UTC))
    if last < 31:
        with pytest.raises(ScheduleError, match="no month"):
            parse_window(f"*,*,{last + 1},{month}")


_PIECES = [
    "09:00",
    "18:00",
    "09:00-18:00",
    "24:00",
    "-",
    "&",
    ",",
    ",",
    ",",
    "*",
    "mon",
    "fri",
    "jan",
    "1",
    "31",
    " ",
    "é\x00",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=7).map("".join))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    try:
        window = parse_window(text)
    except ScheduleError:
        event("refused")
        return
    event("accepted")
    window.contains(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))


def _ranges(first: int, last: int) -> st.SearchStrategy[Ranges]:
    place = st.integers(first, last)
    one = st.one_of(place.map(lambda at: (at, at)), st.tuples(place, place))
    return st.lists(one, max_size=3)


def _members(ranges: Ranges, first: int, last: int) -> set[int]:
    """Step from one end of each range to the other, over the end of the cycle where need be."""
    if not ranges:
        return set(range(first, last + 1))
    members = set()
    for start, end in ranges:
        at = start
        members.add(at)
        while at != end:
            at = at + 1 if at < last else first
            members.add(at)
    return members


def _spelled(ranges: Ranges, spell: Iterable[str]) -> str:
    names = list(spell)
    return "&".join(names[a] if a == b else f"{names[a]}-{names[b]}" for a, b in ranges) or "*"


@given(
    times=_ranges(0, 1439),
    weekdays=_ranges(0, 6),
    mdays=_ranges(1, 31),
    months=_ranges(1, 12),
    by_name=st.booleans(),
    moment=st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1)),  # noqa: DTZ001 - civil time has no zone
    on_an_edge=st.booleans(),
)
def test_it_equals_brute_force(
    *,
    times: Ranges,
    weekdays: Ranges,
    mdays: Ranges,
    months: Ranges,
    by_name: bool,
    moment: datetime,
    on_an_edge: bool,
) -> None:
    fields = [
        _spelled(times, (f"{minute // 60}:{minute % 60:02}" for minute in range(1440))),
        _spelled(weekdays, WEEKDAYS if by_name else map(str, range(1, 8))),
        _spelled(mdays, map(str, range(32))),
        _spelled(months, ["", *MONTHS] if by_name else map(str, range(13))),
    ]
    if on_an_edge and times:
        moment = moment.replace(hour=times[0][1] // 60, minute=times[0][1] % 60)
    holds = (
        moment.hour * 60 + moment.minute in _members(times, 0, 1439)
        and moment.isoweekday() % 7 in _members(weekdays, 0, 6)
        and moment.day in _members(mdays, 1, 31)
        and moment.month in _members(months, 1, 12)
    )
    try:
        window = parse_window(",".join(fields))
    except ScheduleError:
        assert not _can_come(_members(mdays, 1, 31), _members(months, 1, 12))
        return
    event(f"holds: {holds}")
    assert window.contains(moment) is holds


def _can_come(mdays: set[int], months: set[int]) -> bool:
    leap_year = [date(2028, 1, 1) + timedelta(days=days) for days in range(366)]
    return any(day.day in mdays and day.month in months for day in leap_year)


def _minutes_in_force(window: str, zone: str, day: date) -> list[str]:
    """Return the UTC minutes around a day at which a rule with this window holds."""
    rule = Rule("r", "fallback", Route((("app", "hangup"),)), windows=(parse_window(window),), zone=ZoneInfo(zone))
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=14)
    minutes = [start + timedelta(minutes=minute) for minute in range(52 * 60)]
    return [f"{at:%d %H:%M}" for at in minutes if rule.holds_at(at)]


def test_the_minutes_that_summer_time_leaves_out_never_come() -> None:
    spring = date(2026, 3, 29)
    assert _minutes_in_force("02:00-02:59,sun", "Europe/Berlin", spring) == []
    assert _minutes_in_force("01:59-03:00,sun", "Europe/Berlin", spring) == ["29 00:59", "29 01:00"]


def test_the_minutes_that_come_twice_are_both_inside() -> None:
    autumn = date(2026, 10, 25)
    assert _minutes_in_force("02:30,sun", "Europe/Berlin", autumn) == ["25 00:30", "25 01:30"]
    assert len(_minutes_in_force("02:00-02:59,sun", "Europe/Berlin", autumn)) == 120


def test_half_an_hour_of_summer_time_is_as_exact() -> None:
    assert _minutes_in_force("02:15,sun", "Australia/Lord_Howe", date(2026, 10, 4)) == []
    assert _minutes_in_force("01:45,sun", "Australia/Lord_Howe", date(2026, 4, 5)) == ["04 14:45", "04 15:15"]


def test_a_weekday_ends_at_the_zones_midnight() -> None:
    friday = _minutes_in_force("*,fri", "Europe/Moscow", date(2026, 3, 6))
    assert (friday[0], friday[-1], len(friday)) == ("05 21:00", "06 20:59", 1440)
