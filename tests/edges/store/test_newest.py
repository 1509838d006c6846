"""The newest decisions, and counts of lately, from a real journal."""

from datetime import timedelta
from pathlib import Path

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.lately import BUCKETS, count_lately, crm_times, upper_ms
from fallbackrouter.store.newest import last_place, newest_behind
from tests.fakes.filled import at_journal, put
from tests.fakes.records import AT, a_decision, an_id

LATER = AT + timedelta(minutes=1)
TIMES_MS = [0.0, 0.4, 0.5, 9.9, 10.0, 11.9, 12.0, 99.9, 100.0, 109.9, 110.0, 999.9, 1000.0, 4999.0, 5000.0, 90_000.0]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    put(path, *(a_decision(number) for number in range(1, 6)))
    return path


def ids(path: Path, place: int, most: int = 100) -> list[str]:
    return [row["id"] for _, row in newest_behind(path, place, most, LATER).rows]


def test_what_was_recorded_behind_a_place_comes_in_the_order_of_recording(journal: Path) -> None:
    place = last_place(journal)
    put(journal, a_decision(9), a_decision(7))
    found = newest_behind(journal, place, 100, LATER)
    assert [row["id"] for _, row in found.rows] == [an_id(9), an_id(7)]
    assert (found.place, found.left_out) == (last_place(journal), 0)
    assert ids(journal, found.place) == []


def test_of_too_many_the_oldest_are_left_out_and_counted(journal: Path) -> None:
    found = newest_behind(journal, 0, 2, LATER)
    assert [row["id"] for _, row in found.rows] == [an_id(4), an_id(5)]
    assert found.left_out == 3


def test_an_answer_on_its_way_is_waited_for_but_not_for_long(journal: Path) -> None:
    with at_journal(journal) as connection:
        connection.execute("UPDATE decisions SET ms = 5 WHERE id <= ?", (an_id(3),))
    found = newest_behind(journal, 0, 100, AT + timedelta(seconds=1))
    assert [row["id"] for _, row in found.rows] == [an_id(1), an_id(2), an_id(3)]
    assert ids(journal, found.place) == [an_id(4), an_id(5)]


def test_another_journal_begins_at_its_end(journal: Path) -> None:
    found = newest_behind(journal, 1_000, 100, LATER)
    assert (found.rows, found.place) == ((), last_place(journal))


def test_without_a_journal_it_says_so(tmp_path: Path) -> None:
    for look in (
        last_place,
        lambda path: newest_behind(path, 0, 1, AT),
        lambda path: count_lately(path, AT, LATER),
        lambda path: crm_times(path, AT, 1),
    ):
        with pytest.raises(StoreError, match="no journal"):
            look(tmp_path / "journal.db")


def test_times_are_counted_in_buckets_that_hold_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    put(path, *(a_decision(number) for number in range(len(TIMES_MS))))
    for number, ms in enumerate(TIMES_MS):
        with at_journal(path) as connection:
            connection.execute("UPDATE decisions SET ms = NULL")
            connection.execute("UPDATE decisions SET ms = ? WHERE id = ?", (ms, an_id(number)))
        (bucket,) = [one.bucket for one in count_lately(path, AT, LATER) if one.bucket is not None]
        assert 0 <= bucket < BUCKETS
        assert ms < upper_ms(bucket) or bucket == BUCKETS - 1
        assert bucket == 0 or ms >= upper_ms(bucket - 1)


def test_only_what_lies_between_two_moments_counts_and_no_question_of_our_own(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    put(path, a_decision(1), a_decision(2, at=LATER), a_decision(3, test=True))
    assert sum(one.count for one in count_lately(path, AT - timedelta(seconds=1), LATER)) == 1
    assert sum(one.count for one in count_lately(path, AT - timedelta(seconds=1), LATER + timedelta(seconds=1))) == 2
