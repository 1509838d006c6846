import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import filled
from fallbackrouter.clock import SystemClock
from fallbackrouter.config.load import load_settings
from fallbackrouter.config.rules import check_configured_rules
from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import read_number
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.journal_file import JournalFile
from fallbackrouter.tiers.remembered import question_key
from tests.fakes.filled import count

SATURDAY = datetime(2026, 3, 7, 9, tzinfo=UTC)


@pytest.mark.parametrize("size", [10, 40])
def test_there_are_so_many_rules_and_none_has_a_problem(tmp_path: Path, size: int) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(filled.rules(size), encoding="utf-8")
    config = tmp_path / "fallbackrouter.toml"
    config.write_text('[last_resort]\napp = "group"\nnum = "100"\n', encoding="utf-8")
    checked = check_configured_rules(load_settings(config, {}))
    assert [problem.text for problem in checked.problems] == []
    assert len(checked.rules) == size


def test_the_numbers_called_are_those_of_the_rules() -> None:
    dids = filled.rule_dids(20, 500, random.Random(1))
    exact = {filled.dialled(nth).written for nth in range(19)}
    by_pattern = {did for did in dids if did not in exact}
    assert all(did.startswith(("749600007", "749600008", "749600017", "749600018")) for did in by_pattern)
    assert {len(did) for did in dids} == {11}
    assert len(exact.intersection(dids)) == 15
    assert len(by_pattern) > 50


def test_each_caller_asks_for_what_is_remembered_of_it(tmp_path: Path) -> None:
    filled.remember(tmp_path, 600, 300)
    file = JournalFile(tmp_path / "journal.db", SystemClock(), print, 3600)
    keys = {entry.key for entry in file.load_remembered(1000)}
    file.close()
    assert len(keys) == 600
    read = Numbering("").read
    for caller, did in enumerate(filled.remembered_dids(600, 300, random.Random(1))):
        assert question_key(Call(read(did), read(f"7495{caller:07d}"))) in keys


def test_a_number_is_read_here_as_the_router_reads_it_without_a_region() -> None:
    assert read_number("74950000001", None).key == Numbering("").read("74950000001").key


def test_decisions_on_record_are_of_the_last_days_of_these_numbers_and_those_callers(tmp_path: Path) -> None:
    filled.write_journal(tmp_path, 500, ["74950000001", "74950000002"])
    journal = tmp_path / "journal.db"
    since_ms = int((SystemClock().now_at() - filled.SPAN).timestamp() * 1000) - 60_000
    assert count(journal, "decisions", f"at > {since_ms}") == 500
    assert count(journal, "decisions", "did_key IN ('74950000001', '74950000002')") == 500
    assert count(journal, "decisions", "caller_key BETWEEN '74950000000' AND '74950004999'") == 500
