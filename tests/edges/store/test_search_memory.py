"""However many decisions are read one after the other, no more than a page of them is in memory."""

import tracemalloc
from pathlib import Path

import pytest

from fallbackrouter.store import search as searching
from fallbackrouter.store.search import search
from fallbackrouter.store.wanted import Wanted
from tests.fakes.filled import fill


def peak_bytes(path: Path, limit: int) -> int:
    tracemalloc.start()
    try:
        assert sum(1 for _ in search(path, Wanted(), limit=limit)) == limit
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_many_decisions_take_no_more_memory_than_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PAGE", 50)
    path = tmp_path / "journal.db"
    fill(path, days=1, a_day=2000)
    peak_bytes(path, 100)  # whatever is made once
    assert peak_bytes(path, 2000) < 2 * peak_bytes(path, 100)
