"""`dates` and `except`: written out or from a list; every bad day has its place and its remedy."""

from pathlib import Path

import pytest

from fallbackrouter.clock import load_zone
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile import check, dates
from fallbackrouter.rulesfile.check import Checked, check_rules
from fallbackrouter.rulesfile.compiled import dump, load, load_specs
from tests.fakes.calls import GATE


def _check(tmp_path: Path, *extra: str) -> Checked:
    rules = "".join(f"- name: r{n}\n  route: {{app: auto}}\n  {line}\n" for n, line in enumerate(extra))
    (tmp_path / "a.yaml").write_text(rules, encoding="utf-8")
    return check_rules(tmp_path, gate=GATE, read_number=Numbering("").read, load_zone=load_zone, default_zone="UTC")


def test_lists_and_days_come_through(tmp_path: Path) -> None:
    (tmp_path / "holidays.txt").write_text(
        "# holidays\n2026-01-01..2026-01-08  # New Year\n\n*-05-09\n2026-06-12\n2026-11-04\n", encoding="utf-8"
    )
    checked = _check(
        tmp_path, 'dates: "@holidays.txt"', 'except: ["@holidays.txt", "2026-03-09", "*-05-09"]', "dates: 2026-01-09"
    )
    assert checked.problems == ()
    listed = ("2026-01-01..2026-01-08", "*-05-09", "2026-06-12", "2026-11-04")
    assert [spec.dates.days for spec in checked.rules] == [listed, (), ("2026-01-09",)]
    assert checked.rules[1].except_dates.days == (*listed, "2026-03-09")
    body = dump(checked.rules)
    assert load_specs(body) == checked.rules
    rules = load(body, load_zone)
    assert [one.text for one in rules[0].dates] == list(listed)
    assert rules[0].zone is not None
    assert checked.rules[1].when == "except 2026-01-01..2026-01-08, *-05-09, 2026-06-12, and 2 more (UTC)"


def test_a_list_that_many_rules_name_is_stored_and_held_once(tmp_path: Path) -> None:
    days = [f"20{year}-{month:02}-{day:02}" for year in range(20, 30) for month in range(1, 13) for day in (1, 15)]
    (tmp_path / "d.txt").write_text("\n".join(days), encoding="utf-8")
    one, many = _check(tmp_path, "except: '@d.txt'"), _check(tmp_path, *["except: '@d.txt'"] * 50)
    assert len(dump(many.rules)) < 4 * len(dump(one.rules))
    assert len({id(rule.except_dates) for rule in load(dump(many.rules), load_zone)}) == 1


@pytest.mark.parametrize(
    ("line", "place", "what", "remedy"),
    [
        ("dates: 01.01.2026", "3:10", "dates: `01.01.2026` is no date", "2026-01-01"),
        ("except: [2026-01-01, 2026-02-30]", "3:24", "except: `2026-02-30` is on no calendar", "correct"),
        ("dates: 2026-02-01..2026-01-01", "3:10", "backwards", "2026-01-01..2026-02-01"),
        ("dates: ''", "3:3", "dates is empty", "leave dates out"),
        ("dates: []", "3:3", "0 entries", "leave dates out"),
        ("dates: '@none.txt'", "3:10", "list @none.txt: the file cannot be read", "name"),
        ("dates: '@../d.txt'", "3:10", "inside the rules directory", "put it there"),
        ("dates: '@empty.txt'", "3:3", "dates names no day", "leave dates out"),
        ("except: '@empty.txt'", "3:3", "except names no day", "leave except out"),
    ],
)
def test_each_problem_has_its_place_and_its_remedy(
    tmp_path: Path, line: str, place: str, what: str, remedy: str
) -> None:
    (tmp_path / "empty.txt").write_text("# nothing yet\n", encoding="utf-8")
    (problem,) = _check(tmp_path, line).problems
    assert (problem.severity, f"{problem.line}:{problem.column}") == ("error", place)
    assert what in problem.what
    assert remedy in problem.remedy


def test_bad_lines_of_a_list_are_named_once_and_bounded(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("2026-01-01\nsoon\n" + "x\x1b[2J\n" * 40, encoding="utf-8")
    checked = _check(tmp_path, "dates: '@d.txt'", "except: '@d.txt'")
    assert len(checked.problems) == dates.MAX_PROBLEMS + 1
    assert [problem.line for problem in checked.problems[:3]] == [1, 2, 3]
    assert all(problem.file.endswith("d.txt") and problem.what.isprintable() for problem in checked.problems)


def test_long_lists_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d.txt").write_text("2026-01-01\n" * (dates.MAX_LINES + 1), encoding="utf-8")
    (problem,) = _check(tmp_path, "dates: '@d.txt'").problems
    assert "10,000 lines" in problem.what
    monkeypatch.setattr(check, "MAX_DATES", 3)
    (problem,) = _check(tmp_path, *["dates: [2026-01-01, 2026-01-02]"] * 5).problems
    assert (problem.line, "dates together" in problem.what) == (4, True)
