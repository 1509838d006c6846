"""The journal kept in bounds by a running service, beside its calls."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

from fallbackrouter.clock import SystemClock
from tests.fakes.filled import put
from tests.fakes.records import a_decision
from tests.fakes.service import Service, wait_until
from tests.fakes.whole import DID, Whole, ask, make_calls, rule

OLD, HIDDEN = 400, 50


def upkeep(service: Service) -> dict[str, Any]:
    """Return what is told of it; nothing before the first beat of the background process."""
    facts: dict[str, Any] = service.status()["background"].get("upkeep", {})
    return facts


def test_what_is_old_goes_and_numbers_are_hidden_while_calls_go_on(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    whole.configure("[journal]\nkeep_days = 10\nmask_after_days = 2")
    service = whole.start().ready()
    before = ask(service.port)["FR_DECISION"]
    now = SystemClock().now_at()
    old = [a_decision(number, at=now - timedelta(days=30)) for number in range(OLD)]
    newer = [a_decision(OLD + number, at=now - timedelta(days=5)) for number in range(HIDDEN)]
    put(whole.data_dir / "journal.db", *newer, *old)

    def deleted() -> bool:
        assert make_calls(service.port, 10, 5).without == 0
        return bool(upkeep(service).get("deleted", {}).get("decisions") == OLD)

    wait_until(deleted, "what is old is deleted")
    hidden = "SELECT id FROM decisions WHERE caller LIKE '8950***%'"
    wait_until(lambda: len(whole.query(hidden)) == HIDDEN, "numbers are hidden")
    wait_until(lambda: upkeep(service)["hidden"] >= HIDDEN, "it is told")
    facts = upkeep(service)
    assert facts["steps"] > 1
    assert facts["longest_ms"] > 0
    log = make_calls(service.port, 20, 5)
    assert log.without == 0
    service.stop()
    kept = whole.recorded()
    assert {before, *log.recorded} <= set(kept)
    with closing(sqlite3.connect(whole.data_dir / "journal.db")) as journal:
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert journal.execute("SELECT count(*) FROM decisions WHERE id LIKE '019f0000-%'").fetchone() == (HIDDEN,)
