"""How often rules decided, counted in a real journal."""

from datetime import timedelta
from pathlib import Path

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store import hits
from fallbackrouter.store.hits import Hits, count_hits
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.opened import opened
from fallbackrouter.store.rows import DECISION_COLUMNS, decision_row
from tests.fakes.records import AT, a_decision

RULE = ("fallback", "head office, in hours")
SQL = f"INSERT INTO decisions ({', '.join(DECISION_COLUMNS)}) VALUES ({', '.join('?' * len(DECISION_COLUMNS))})"  # noqa: S608 - our own names


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    upgrade(path)
    old = a_decision(1, at=AT - timedelta(days=8))
    decisions = [old, *(a_decision(number) for number in range(2, 6)), a_decision(6, test=True)]
    with opened(path) as connection:
        connection.executemany(SQL, [decision_row(decision) for decision in decisions])
    return path


def test_hits_are_those_of_the_time_without_our_own_questions(journal: Path) -> None:
    assert count_hits(journal, AT - timedelta(days=7)) == Hits({RULE: 4})
    assert count_hits(journal, AT - timedelta(days=9)) == Hits({RULE: 5})
    assert count_hits(journal, AT + timedelta(seconds=1)) == Hits({})


def test_more_than_are_counted_are_told(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "MAX_COUNTED", 3)
    counted = count_hits(journal, AT - timedelta(days=7))
    assert not counted.whole
    assert counted.by_rule[RULE] <= 3


def test_without_a_journal_it_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no journal"):
        count_hits(tmp_path / "journal.db", AT)
