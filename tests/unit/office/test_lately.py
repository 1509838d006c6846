"""Figures of lately: as exact as slots are, and the same however often a slot is counted."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.office.lately import DAY_MS, MINUTE_MS, PERCENTS, Lately
from fallbackrouter.store.lately import BUCKETS, SLOT_MS, Counted, upper_ms

NOW_MS = 30_000_000 * MINUTE_MS
SLOT = NOW_MS // SLOT_MS
PER_MINUTE = MINUTE_MS // SLOT_MS


def counted(slot: int, count: int = 1, source: str = "live", status: str = "ok", bucket: int | None = 0) -> Counted:
    return Counted(slot, source, status, bucket, count)


def filled(*some: Counted) -> Lately:
    lately = Lately()
    lately.take(SLOT - DAY_MS // SLOT_MS, SLOT + PER_MINUTE, some)
    return lately


def test_a_span_counts_what_is_in_it() -> None:
    lately = filled(
        counted(SLOT, 3), counted(SLOT - 29, 2, "synced", "degraded"), counted(SLOT - 31, 5), counted(SLOT - 7000, 7)
    )
    span = lately.span(NOW_MS - 300_000)
    assert (span.count, dict(span.tiers), span.degraded) == (5, {"live": 3, "synced": 2}, 2)
    assert (span.share("live"), span.share("override")) == (0.6, 0.0)
    assert lately.span(NOW_MS - DAY_MS).count == 17
    assert Lately().span(0).share("live") == 0.0


def test_what_is_counted_again_replaces_what_was_known() -> None:
    lately = filled(counted(SLOT, 3), counted(SLOT - PER_MINUTE, 4))
    lately.take(SLOT, SLOT + PER_MINUTE, [counted(SLOT, 5, bucket=30)])
    span = lately.span(0)
    assert span.count == 9
    assert span.ms[99] == upper_ms(30)


def test_what_is_old_is_forgotten() -> None:
    lately = filled(counted(SLOT, 3), counted(SLOT - 8000, 4))
    lately.forget(NOW_MS - MINUTE_MS)
    assert lately.span(0).count == 3
    lately.clear()
    assert lately.span(0).count == 0


def test_points_have_no_gap_and_hold_none_where_nothing_was() -> None:
    lately = filled(counted(SLOT, 10, bucket=5), counted(SLOT - 60 * PER_MINUTE, 1, bucket=7))
    points = lately.points(NOW_MS - 3_600_000, NOW_MS, MINUTE_MS)
    assert len(points) == 61
    assert [point.at_s for point in points] == list(range(points[0].at_s, points[0].at_s + 61 * 60, 60))
    assert points[-1].ms == (upper_ms(5),) * 3
    assert points[0].count == 1
    assert {point.ms for point in points[1:-1]} == {(None, None, None)}


@given(st.lists(st.integers(0, BUCKETS - 1), min_size=1, max_size=200))
def test_percentiles_are_those_of_the_values(buckets: list[int]) -> None:
    lately = filled(*(counted(SLOT, count, bucket=bucket) for bucket, count in Counter(buckets).items()))
    ordered = sorted(buckets)
    for percent in PERCENTS:
        place = -(-len(ordered) * percent // 100) - 1
        assert lately.span(0).ms[percent] == upper_ms(ordered[place])


@pytest.mark.parametrize("bucket", range(BUCKETS - 2))
def test_buckets_grow(bucket: int) -> None:
    assert upper_ms(bucket) < upper_ms(bucket + 1)
