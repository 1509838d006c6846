from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.store.moments import from_ms, iso, to_ms


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants its bounds without a zone
def test_a_moment_comes_back_cut_to_its_millisecond(at: datetime) -> None:
    assert from_ms(to_ms(at)) == at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    moscow = datetime(2026, 3, 2, 13, 0, tzinfo=timezone(timedelta(hours=3)))
    assert iso(to_ms(moscow)) == "2026-03-02T10:00:00.000Z"
