"""`rules check` names the numbers that are called and that no rule is for, by a real journal."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from fallbackrouter.cli.house import House, open_house
from fallbackrouter.cli.main import main
from fallbackrouter.cli.rules_serve import check_files, open_journal
from fallbackrouter.cli.rules_uncovered import MAX_NAMED, uncovered_numbers
from fallbackrouter.clock import SystemClock
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision, Step
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.route import Route
from fallbackrouter.core.verdict import Hit
from fallbackrouter.store.opened import opened
from fallbackrouter.store.rows import DECISION_COLUMNS, decision_row
from tests.fakes.records import an_id
from tests.fakes.routes import route_row, write_routes

CONFIG = '[last_resort]\napp = "group"\nnum = "100"\n'
DAY = "- name: day\n  did: '111'\n  when: '09:00-18:00'\n  route: {app: auto}\n"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    for name in [name for name in os.environ if name.startswith("FALLBACKROUTER_")]:
        monkeypatch.delenv(name)
    (tmp_path / "fallbackrouter.toml").write_text(CONFIG)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(DAY)
    house = open_house(tmp_path / "fallbackrouter.toml")
    open_journal(house)
    return house


def _record(house: House, number: int, did: str, *, days: float = 1.0, call_id: str = "", test: bool = False) -> None:
    route = Route((("app", "group"), ("num", "62")))
    at = SystemClock().now_at() - timedelta(days=days)
    call = Call(did=read_number(did, None), caller=read_number("89", None), call_id=call_id, test=test)
    steps = (Step("live", Hit(route, ""), 0.02),)
    row = decision_row(Decision(an_id(number), at, "pbx1", call, route, "live", "", "ok", steps))
    marks = ", ".join("?" * len(row))
    with opened(house.journal) as connection:
        connection.execute(f"INSERT INTO decisions ({', '.join(DECISION_COLUMNS)}) VALUES ({marks})", row)  # noqa: S608 - our own names


def _told(house: House) -> list[str]:
    return [problem.what for problem in uncovered_numbers(house, check_files(house).rules)]


def test_a_number_that_is_called_and_has_no_rule_is_named(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    _record(house, 1, "222", days=3)
    _record(house, 2, "222", days=2, call_id="a")
    _record(house, 3, "222", days=1, call_id="a")
    last = SystemClock().now_at() - timedelta(days=1)
    (told,) = _told(house)
    assert told.startswith(f"no rule is for '222', which had 2 calls in the last 30 days, the last on {last:%Y-%m-%d}")
    with pytest.raises(SystemExit) as ended:
        main(["rules", "check", "--config", str(house.loaded.path)])
    shown = capsys.readouterr()
    assert not ended.value.code
    assert shown.out.endswith("1 rules, no errors, 1 warning\n")
    assert "the last resort" in shown.err


def test_what_a_rule_names_tests_and_old_calls_are_not_told(house: House) -> None:
    _record(house, 1, "111")
    _record(house, 2, "222", test=True)
    _record(house, 3, "333", days=40)
    _record(house, 4, "")
    assert _told(house) == []


def test_a_rule_for_every_number_covers_the_calls_that_it_takes(house: House) -> None:
    _record(house, 1, "222")
    (house.rules_dir / "b.yaml").write_text("- name: vip\n  caller: '77'\n  route: {app: auto}\n")
    assert len(_told(house)) == 1
    (house.rules_dir / "b.yaml").write_text("- name: all\n  route: {app: auto}\n")
    assert _told(house) == []


def test_a_synced_route_covers_its_number(house: House) -> None:
    _record(house, 1, "222")
    write_routes(house.routes, [route_row("r1", "333")])
    assert len(_told(house)) == 1
    write_routes(house.routes, [route_row("r1", "222")])
    assert _told(house) == []


def test_the_most_called_are_named_and_the_others_counted(house: House) -> None:
    for number in range(MAX_NAMED + 3):
        _record(house, number, f"5{number:03}")
    _record(house, 100, "5022")
    told = _told(house)
    assert len(told) == MAX_NAMED + 1
    assert "'5022', which had 2 calls" in told[0]
    assert "3 more numbers" in told[-1]


def test_a_journal_that_cannot_be_read_is_no_problem_of_the_rules(house: House) -> None:
    _record(house, 1, "222")
    with opened(house.journal) as connection:
        connection.execute("DROP INDEX decisions_by_did")
    assert _told(house) == []
    house.journal.write_bytes(b"no journal" * 1000)
    assert _told(house) == []
    house.journal.unlink()
    assert _told(house) == []
