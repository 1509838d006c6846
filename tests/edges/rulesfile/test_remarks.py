"""Warnings of `rules check` that need all rules together: each where it is worth reading, none where it is not."""

from pathlib import Path

import pytest

from fallbackrouter.clock import load_zone
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile import gaps
from fallbackrouter.rulesfile.check import Checked, check_rules
from tests.fakes.calls import GATE

DAY, NIGHT, WEEKEND = "09:00-18:00,mon-fri", "18:01-08:59,mon-fri", "*,sat-sun"


def _check(tmp_path: Path, text: str) -> Checked:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    return check_rules(tmp_path, gate=GATE, read_number=Numbering("").read, load_zone=load_zone, default_zone="UTC")


def _rule(name: str, *windows: str, did: str = "74951111111", more: str = "") -> str:
    when = f"  when: [{', '.join(map(repr, windows))}]\n" if windows else ""
    return f"- name: {name}\n  did: '{did}'\n{when}{more}  route: {{app: auto}}\n"


def _told(tmp_path: Path, *rules: str) -> list[str]:
    checked = _check(tmp_path, "".join(rules))
    assert checked.ok
    return [f"{problem.line}:{problem.column} {problem.what}; {problem.remedy}" for problem in checked.problems]


def _gaps(tmp_path: Path, *rules: str) -> list[str]:
    return [told for told in _told(tmp_path, *rules) if "no rule takes" in told]


def test_rules_that_fit_together_need_no_word(tmp_path: Path) -> None:
    assert _told(tmp_path, _rule("day", DAY), _rule("night", NIGHT), _rule("weekend", WEEKEND)) == []
    assert _told(tmp_path, _rule("day", DAY), _rule("else")) == []
    assert _told(tmp_path, _rule("day", DAY)) == []
    assert _told(tmp_path, _rule("new year", "*,*,1-8,jan"), _rule("may", "*,*,1-9,may")) == []


def test_a_rule_that_can_never_win_names_the_one_before_it(tmp_path: Path) -> None:
    (told,) = _told(tmp_path, _rule("all"), _rule("late", DAY))
    assert told.startswith('4:3 rule "late" can never win: "all" (a.yaml:1) comes before it')
    (told,) = _told(tmp_path, _rule("day", DAY), _rule("night", NIGHT), _rule("weekend", WEEKEND), _rule("else"))
    assert told.startswith(
        '13:3 rule "else" can never win: "day" (a.yaml:1) and "night" (a.yaml:5) and "weekend" (a.yaml:9) together'
    )
    both = _rule("all", more="  tier: override\n  stage: init\n") + _rule("late")
    assert _told(tmp_path, both) == []


def test_a_shadow_is_told_beside_errors(tmp_path: Path) -> None:
    checked = _check(tmp_path, _rule("all") + _rule("late", DAY) + "- name: bad\n  route: {app: fax}\n")
    assert [(problem.severity, problem.line) for problem in checked.problems] == [("warning", 4), ("error", 9)]


def test_a_rule_without_any_number_or_day_can_never_win(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("# nobody\n", encoding="utf-8")
    (told,) = _told(tmp_path, _rule("nobody", did="@none.txt"))
    assert "names no number" in told
    (told,) = _told(tmp_path, _rule("never", more="  dates: 2026-01-02\n  except: 2026-01-01..2026-01-08\n"))
    assert "each of its dates is among its except" in told


@pytest.mark.parametrize(
    ("windows", "hours"),
    [
        ([DAY, "18:01-08:00,mon-fri", WEEKEND], "08:01-08:59,mon-fri"),
        ([DAY, "10:00-14:00,sat"], "00:00-08:59,mon-fri; 18:01-23:59,mon-fri; 00:00-09:59,sat and 2 more"),
        ([DAY, NIGHT], "00:00-23:59,sat-sun"),
        ([DAY, NIGHT, "00:00-23:58,sat-sun"], "23:59-23:59,sat-sun"),
    ],
)
def test_a_gap_in_the_week_is_named_once_and_as_windows(tmp_path: Path, windows: list[str], hours: str) -> None:
    rules = [_rule(f"r{n}", window) for n, window in enumerate(windows)]
    (told,) = _gaps(tmp_path, *rules)
    assert told.startswith(f"{4 * len(windows) - 3}:3 no rule takes calls to 74951111111 at {hours}; write a rule")
    assert _gaps(tmp_path, *rules, _rule("else", did="_7495.")) == []
    assert _gaps(tmp_path, *rules, _rule("else", did="_7495.", more="  caller: withheld\n"))
    assert _gaps(tmp_path, *rules, _rule("else", did="_7496."))


@pytest.mark.parametrize(
    ("windows", "hours"),
    [
        (["09:00-13:00,mon-fri", "13:10-18:00,mon-fri"], "13:01-13:09,mon-fri"),
        (["09:00-12:59,mon-fri", "14:00-18:00,mon-fri"], "13:00-13:59,mon-fri"),
        (["14:00-12:59"], "13:00-13:59,mon-sun"),
        (["09:00-18:00,mon&wed-fri"], "09:00-18:00,tue"),
        (["09:00-18:00,mon-thu", "10:00-14:00,sat"], "10:00-14:00,fri"),
        (["09:00-17:00,tue-fri", "10:00-14:00,sun"], "10:00-14:00,mon"),
        (["09:00-18:00,sun-fri"], "09:00-18:00,sat"),
        (
            ["09:00-12:00,mon-wed&fri", "13:00-18:00,mon-wed&fri"],
            "12:01-12:59,mon-wed&fri; 09:00-12:00,thu; 13:00-18:00,thu",
        ),
    ],
)
def test_a_hole_inside_the_opening_hours_of_one_rule_is_told(tmp_path: Path, windows: list[str], hours: str) -> None:
    (told,) = _gaps(tmp_path, _rule("day", *windows))
    assert f"no rule takes calls to 74951111111 at {hours};" in told
    assert _gaps(tmp_path, _rule("day", *windows), _rule("else")) == []


@pytest.mark.parametrize(
    "windows",
    [[DAY], ["09:00-18:00,mon-sat"], ["18:01-08:59"], ["08:00-12:00,mon&wed&fri"], ["*,sat-sun"], ["10:00-14:00,sun"]],
)
def test_nights_and_days_off_of_one_rule_are_meant(tmp_path: Path, windows: list[str]) -> None:
    assert _told(tmp_path, _rule("day", *windows)) == []


def test_other_clocks_and_dates_are_no_gap(tmp_path: Path) -> None:
    tokyo = _rule("night", "18:01-08:00", more="  timezone: Asia/Tokyo\n")
    assert _told(tmp_path, _rule("day", "09:00-18:00"), tokyo) == []
    assert (
        _told(tmp_path, _rule("a", DAY, more="  dates: 2026-03-02\n"), _rule("b", NIGHT, more="  dates: 2026-03-03\n"))
        == []
    )


@pytest.mark.parametrize(
    ("window", "missed", "evening", "morning"),
    [
        ("22:00-06:00,fri", "sat: it holds on fri until 06:00", "22:00-23:59,fri", "00:00-06:00,sat"),
        ("22:00-06:00,mon-fri", "sat: it holds on mon-fri until", "22:00-23:59,mon-fri", "00:00-06:00,tue-sat"),
        ("8:00-9:00&23:30-1:00,sun&tue", "mon&wed: ", "23:30-23:59,tue&sun", "00:00-01:00,mon&wed"),
    ],
)
def test_a_night_of_some_days_misses_its_small_hours(
    tmp_path: Path, window: str, missed: str, evening: str, morning: str
) -> None:
    (told,) = _told(tmp_path, _rule("night", window))
    assert told.startswith(f'3:10 "{window}" misses the small hours of {missed}')
    assert f'write "{evening}" and "{morning}" if whole nights are meant' in told


def test_a_night_of_some_dates_misses_its_small_hours(tmp_path: Path) -> None:
    (told,) = _told(tmp_path, _rule("night", "22:00-06:00,*,31,dec"))
    assert "misses the small hours of the day after" in told


@pytest.mark.parametrize("windows", [["22:00-06:00"], ["22:00-06:00,fri", "00:00-06:00,sat"], ["22:00-23:59,fri"]])
def test_whole_nights_need_no_word(tmp_path: Path, windows: list[str]) -> None:
    assert _told(tmp_path, _rule("night", *windows)) == []


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("09:00-18:00", "18:00-08:59", '18:00 is in both "09:00-18:00" of rule "one" (a.yaml:1) and "18:00-08:59"'),
        ("18:00-09:00", "09:00-18:00", '09:00 and 18:00 is in both "18:00-09:00"'),
        ("09:00-18:00,mon-fri", "18:00-20:00,fri-sat", "18:00 is in both"),
    ],
)
def test_an_end_minute_in_two_windows_is_told(tmp_path: Path, one: str, other: str, words: str) -> None:
    told = _told(tmp_path, _rule("one", one), _rule("other", other), _rule("else"))
    (told,) = [line for line in told if "is in both" in line]  # type: ignore[assignment]
    assert told.startswith(f"7:10 {words}")  # type: ignore[attr-defined]
    assert '"one" wins' in told


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("09:00-18:00", "18:01-08:59"),
        ("09:00-18:00,mon", "18:00-20:00,tue"),
        ("09:00-18:00", "17:00-20:00"),
        ("09:00-18:00", "18:00-18:00"),
        ("09:00-18:00,*,1-15", "18:00-20:00,*,16-31"),
    ],
)
def test_windows_that_overlap_otherwise_or_never_need_no_word(tmp_path: Path, one: str, other: str) -> None:
    told = _told(tmp_path, _rule("one", one), _rule("other", other), _rule("else"))
    assert [line for line in told if "is in both" in line and "18:00-18:00" not in line] == []


def test_what_was_not_looked_at_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "MAX_LOOKED_AT", 1)
    told = _told(tmp_path, *(_rule(f"r{n}", DAY, did=f"7495000000{n}") for n in range(5)))
    (left,) = told
    assert left.startswith("1:1 the week's hours were not looked at for 4 dids: too many rules")
