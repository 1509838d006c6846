from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.dialplan.moments import between, validity, window_arguments, zone_name

NUMBERS = st.integers(0, 9999)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_patterns_between_two_numbers_match_what_lies_there(one: int, other: int, number: int) -> None:
    first, last = sorted((one, other))
    matched = any(parse_pattern(f"_{text}").matches(f"{number:04}") for text in between(f"{first:04}", f"{last:04}"))
    assert matched is (first <= number <= last)


@given(st.dates(date(1000, 1, 1)), st.integers(0, 800))
def test_a_range_of_days_is_few_patterns(first: date, days: int) -> None:
    last = min(date.max, first + timedelta(days=days)) if first < date(9990, 1, 1) else first
    assert len(between(f"{first:%Y%m%d}", f"{last:%Y%m%d}")) <= 40


def test_a_window_has_all_its_fields_and_its_zone() -> None:
    window = parse_window("09:00-18:00,,1-5")
    assert window_arguments(window, ZoneInfo("Europe/Moscow")) == "09:00-18:00,*,1-5,*,Europe/Moscow"
    assert window_arguments(window, None) == "09:00-18:00,*,1-5,*,UTC"
    assert zone_name(ZoneInfo("UTC")) == zone_name(UTC) == "UTC"


def test_a_validity_is_in_whole_seconds() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rule = Rule(
        "x", "override", Route((("app", "hangup"),)), valid_from=start, valid_until=start.replace(microsecond=1)
    )
    assert list(validity(rule)) == ["${EPOCH} >= 1767225600", "${EPOCH} < 1767225601"]
