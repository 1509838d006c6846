"""Rules files on disk: every problem in one run, with its place and what would be right."""

import os
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fallbackrouter.clock import load_zone
from fallbackrouter.core.route import Gate
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile import check, lists
from fallbackrouter.rulesfile.check import Checked, check_rules
from fallbackrouter.rulesfile.compiled import dump, load
from fallbackrouter.rulesfile.files import MAX_FILE_BYTES, MAX_LIST_BYTES

GATE = Gate(
    apps={"group": ("num",), "external": ("num",), "auto": ()},
    num=re.compile("[0-9A-Za-z_+*#.-]{1,40}"),
    external=re.compile("[0-9+]{3,15}"),
    variables=frozenset({"app", "num", "time", "text", "audio1"}),
    functions=frozenset({"CALLERID(name)"}),
)


def _check(directory: Path, region: str = "", zone: str = "") -> Checked:
    read = Numbering(region).read
    return check_rules(directory, gate=GATE, read_number=read, load_zone=load_zone, default_zone=zone)


def _rules(tmp_path: Path, text: str, region: str = "") -> Checked:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    return _check(tmp_path, region)


def _rule(extra: str = "", name: str = "a") -> str:
    return f"- name: {name}\n  route: {{app: group, num: '62'}}\n{extra}"


def test_a_full_rule(tmp_path: Path) -> None:
    checked = _rules(
        tmp_path,
        "- name: office\n  tier: override\n  did: ['8 (495) 111-11-11', _7499XXXXXXX]\n  caller: [withheld, 0100]\n"
        "  stage: [init, night]\n  when: ['09:00-18:00,mon-fri,*,*', '*,sat,*,*']\n  timezone: Asia/Tokyo\n"
        "  priority: -7\n  route: {app: group, num: 062, time: 60, 'CALLERID(name)': 'нет'}\n",
        region="RU",
    )
    assert checked.problems == ()
    (spec,) = checked.rules
    assert (spec.name, spec.tier, spec.priority, spec.timezone) == ("office", "override", -7, "Asia/Tokyo")
    assert spec.did.exact == ("74951111111",)
    assert spec.did.patterns == ("_7499XXXXXXX",)
    assert (spec.caller.withheld, spec.caller.exact) == (True, ("0100",))
    assert spec.stages == ("init", "night")
    assert spec.windows == ("09:00-18:00,mon-fri,*,*", "*,sat,*,*")
    assert spec.route == {"app": "group", "num": "062", "time": "60", "CALLERID(name)": "нет"}
    assert spec.place == "a.yaml:1"
    assert load(dump(checked.rules), load_zone)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_rule(), encoding="utf-8")
    (spec,) = _check(tmp_path, zone="Europe/Moscow").rules
    assert (spec.tier, spec.did.any, spec.caller.any, spec.stages, spec.windows) == ("fallback", True, True, (), ())
    assert spec.timezone == "Europe/Moscow"


def test_files_count_in_name_order_and_rules_in_file_order(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text(_rule(name="3"), encoding="utf-8")
    (tmp_path / "a.yaml").write_text(_rule(name="1") + _rule(name="2"), encoding="utf-8")
    (tmp_path / ".hidden.yaml").write_text("{", encoding="utf-8")
    (tmp_path / "a.yaml~").write_text("{", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("{", encoding="utf-8")
    assert [spec.name for spec in _check(tmp_path).rules] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "place", "what", "remedy"),
    [
        (_rule("  tiers: x\n"), "3:3", 'unknown key "tiers"', "write tier"),
        (_rule("  rout: [a]\n"), "3:3", 'unknown key "rout"', "write route"),
        (_rule("  date: x\n"), "3:3", 'unknown key "date"', "write dates"),
        (_rule("  <<: x\n"), "3:3", "unknown key", "write"),
        (_rule("  name: b\n"), "3:3", "second time", "take one out"),
        (_rule("  [a]: b\n"), "3:3", "no key", "key: value"),
        (_rule("  tier: synced\n"), "3:9", 'unknown tier "synced"', "fallback"),
        (_rule("  tier: ovveride\n"), "3:9", "unknown tier", "write override"),
        (_rule("  tier: [fallback]\n"), "3:9", "one text", "tier"),
        (_rule("  did:\n"), "3:3", "did is empty", "leave did out"),
        (_rule("  did: []\n"), "3:3", "did has 0 entries", "write 1"),
        (_rule("  did: {a: b}\n"), "3:8", "no text", "list"),
        (_rule("  did: ['1', [x]]\n"), "3:14", "no text", "list"),
        (_rule("  did: ['1', '7499XXXXXXX']\n"), "3:14", "looks like a pattern", "_7499XXXXXXX"),
        (_rule("  did: _[5-3]X\n"), "3:8", "backwards", "write"),
        (_rule("  did: withheld\n"), "3:8", "never withheld", "caller"),
        (_rule("  caller: anonymous\n"), "3:11", "names no number", "withheld"),
        (_rule("  caller: '@none.txt'\n"), "3:11", "cannot be read", "check its name"),
        (_rule("  stage: In it\n"), "3:10", "no stage", "init"),
        (_rule("  when: '24:00-06:00,*,*,*'\n"), "3:9", "24:00", "23:59"),
        (_rule("  when: ['*', '09:00-18:00,monday,*,*']\n"), "3:15", "monday", "mon"),
        (_rule("  when: '*, mon,*,*'\n"), "3:9", "blank", "take"),
        (_rule("  timezone: Europe/Moskow\n"), "3:13", "unknown time zone", "Europe/Moscow"),
        (_rule("  timezone: ../../etc/passwd\n"), "3:13", "unknown time zone", "write"),
        (_rule("  priority: high\n"), "3:13", "whole number", "10"),
        (_rule("  priority: 1000001\n"), "3:13", "whole number", "10"),
        (_rule("  priority: 1.5\n"), "3:13", "whole number", "10"),
        ("- route: {app: auto}\n", "1:3", "no name", "name"),
        ("- name: ''\n  route: {app: auto}\n", "1:3", "name is empty", "write"),
        (f"- name: {'a' * 81}\n  route: {{app: auto}}\n", "1:9", "81 characters", "80"),
        ('- name: "a\\nb"\n  route: {app: auto}\n', "1:9", "line break", "take it out"),
        ("- name: 'a\"b'\n  route: {app: auto}\n", "1:9", "quote", "take it out"),
        ("- name: a\n", "1:3", "no route", "route: {"),
        ("- name: a\n  route: group\n", "2:10", "no table", "route: {"),
        ("- name: a\n  route: {app: grp, num: '1'}\n", "2:16", "unknown app grp", "write group"),
        ("- name: a\n  route: {num: '1'}\n", "2:10", "no app", "group"),
        ("- name: a\n  route: {app: group}\n", "2:10", "needs num", "num"),
        ("- name: a\n  route: {app: group, num: '1,2'}\n", "2:28", "answers.num", "answers.num"),
        ("- name: a\n  route: {app: external, num: abc}\n", "2:31", "answers.external", "answers.external"),
        ("- name: a\n  route: {app: auto, tiem: '1'}\n", "2:22", '"tiem" is no variable', "write time"),
        ("- name: a\n  route: {app: auto, FR_SOURCE: x}\n", "2:22", "no variable", "write"),
        ("- name: a\n  route: {app: auto, time: soon}\n", "2:28", "seconds", "60"),
        ("- name: a\n  route: {app: auto, audio1: ../x}\n", "2:30", "prompt", "correct"),
        ("- name: a\n  route: {app: auto, text: }\n", "2:22", "text is empty", "leave"),
        ("- name: a\n  route: {app: auto, text: [x]}\n", "2:28", "one text", "text"),
        ("- name: a\n  route: {app: auto, text: 'a\"b'}\n", "2:10", "quotes", "answers.quotes"),
        (f"- name: a\n  route: {{app: auto, text: {'x' * 513}}}\n", "2:28", "longer", "shorten"),
        ("- just text\n", "1:3", "not a rule", "name"),
        ("name: a\nroute: {app: auto}\n", "1:1", "no list of rules", "- "),
        ("just text\n", "1:1", "no list of rules", "- "),
        (_rule() + _rule(), "3:9", "a.yaml:1", "name of its own"),
        ("[{name: a, route: {app: auto}}, {name: a, route: {app: auto}}]", "1:40", "a.yaml:1", "name of its own"),
    ],
)
def test_each_problem_has_its_place_and_its_remedy(
    tmp_path: Path, text: str, place: str, what: str, remedy: str
) -> None:
    checked = _rules(tmp_path, text)
    assert checked.rules == ()
    assert not checked.ok
    (problem,) = checked.problems
    assert (problem.file, problem.severity) == (str(tmp_path / "a.yaml"), "error")
    assert what in problem.what
    assert remedy in problem.remedy
    assert problem.text.startswith(f"{tmp_path}/a.yaml:{place}: error: ")


def test_all_problems_of_all_files_come_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(_rule("  teir: x\n  did: all\n  when: '9-18'\n", "b"), encoding="utf-8")
    (tmp_path / "a.yaml").write_text(
        "- name: a\n  tier: none\n  route: {app: grp, num: '1,2', time: soon, tex: x}\n- @x\n", encoding="utf-8"
    )
    found = [(Path(p.file).name, p.line) for p in _check(tmp_path).problems]
    assert found == [("a.yaml", 2), *[("a.yaml", 3)] * 4, ("a.yaml", 4), ("b.yaml", 3), ("b.yaml", 4), ("b.yaml", 5)]


def test_one_name_may_stand_in_both_tiers(tmp_path: Path) -> None:
    checked = _rules(tmp_path, _rule("  did: '1'\n") + _rule("  did: '1'\n  tier: override\n"))
    assert checked.problems == ()


def test_an_override_for_every_call_is_a_warning(tmp_path: Path) -> None:
    checked = _rules(tmp_path, _rule("  tier: override\n"))
    assert [(p.severity, len(checked.rules), checked.ok) for p in checked.problems] == [("warning", 1, True)]


def test_no_rules_at_all_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing yet\n", encoding="utf-8")
    for directory in (tmp_path, tmp_path / "none"):
        checked = _check(directory)
        assert checked.ok
        assert [problem.severity for problem in checked.problems] == ["warning"]


def test_a_list_names_its_numbers(tmp_path: Path) -> None:
    (tmp_path / "vip.txt").write_bytes(
        "\ufeff# our best\r\n+7 (495) 111-11-11  # Ivanov\r\n*72#\r\n\r\n_7800XXXXXXX\t# all\n632\n632\n".encode()
    )
    checked = _rules(tmp_path, _rule("  caller: '@vip.txt'\n  did: ['@vip.txt', '1']\n") + _rule("  did: 2\n", "b"))
    assert checked.problems == ()
    spec = checked.rules[0]
    assert spec.caller.exact == ("*72#", "632", "74951111111")
    assert spec.did.exact == ("*72#", "1", "632", "74951111111")
    assert spec.did.patterns == spec.caller.patterns == ("_7800XXXXXXX",)


def test_bad_lines_of_a_list_are_named_once(tmp_path: Path) -> None:
    (tmp_path / "vip.txt").write_text("1\nany\n" + "?\n" * 100, encoding="utf-8")
    checked = _rules(tmp_path, _rule("  caller: '@vip.txt'\n  did: '@vip.txt'\n"))
    places = [(Path(p.file).name, p.line) for p in checked.problems]
    assert places == [("vip.txt", 1), *(("vip.txt", line) for line in range(3, 23))]
    assert "80 more lines" in checked.problems[0].what


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "sub/../../secret", "", "link", ".", "a\x85b", "a" * 300])
def test_a_list_outside_the_directory_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("632\n", encoding="utf-8")
    directory = tmp_path / "rules"
    (directory / "sub").mkdir(parents=True)
    (directory / "link").symlink_to(tmp_path / "secret")
    (directory / "a.yaml").write_text(_rule(f"  caller: '@{name}'\n"), encoding="utf-8")
    checked = _check(directory)
    assert [problem.severity for problem in checked.problems] == ["error"]
    assert "632" not in checked.problems[0].text


def test_a_list_in_a_folder_below_is_found(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "x.txt").write_text("632\n", encoding="utf-8")
    assert _rules(tmp_path, _rule("  caller: '@lists/x.txt'\n")).rules[0].caller.exact == ("632",)


@pytest.mark.parametrize(
    ("body", "line", "what"),
    [
        (b"- name: a\n  # \xff\n", 2, "UTF-8"),
        ("- name: a\n".encode("utf-16"), 1, "UTF-8"),
        (b"#" * (MAX_FILE_BYTES + 1), 1, "larger"),
        (b"\n- a: \x07\n", 2, "control"),
    ],
)
def test_bytes_that_are_no_rules_file(tmp_path: Path, body: bytes, line: int, what: str) -> None:
    (tmp_path / "a.yaml").write_bytes(body)
    (problem,) = _check(tmp_path).problems
    assert problem.line == line
    assert what in problem.what


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    os.mkfifo(tmp_path / "list.txt")
    (tmp_path / "b.yaml").write_text(_rule("  did: '@list.txt'\n"), encoding="utf-8")
    (tmp_path / "c.yaml").symlink_to(tmp_path / "nowhere")
    problems = _check(tmp_path).problems
    assert ["regular" in problem.what for problem in problems] == [True, True, False]


def test_a_directory_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("", encoding="utf-8")
    checked = _check(tmp_path / "rules")
    assert not checked.ok


def test_a_list_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "x.txt").open("wb") as file:
        file.truncate(MAX_LIST_BYTES + 1)
    (problem,) = _rules(tmp_path, _rule("  did: '@x.txt'\n")).problems
    assert "larger than 10 MB" in problem.what


@pytest.mark.parametrize(
    ("bound", "value"),
    [("MAX_RULES", 3), ("MAX_NUMBERS", 3), ("MAX_PATTERNS", 3), ("MAX_TOTAL_BYTES", 100), ("MAX_BODY_BYTES", 100)],
)
def test_totals_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int) -> None:
    monkeypatch.setattr(check, bound, value)
    for name in "12345":
        (tmp_path / f"{name}.yaml").write_text(_rule(f"  did: _{name}\n", name), encoding="utf-8")
    checked = _check(tmp_path)
    assert checked.rules == ()
    assert len(checked.problems) == 1


@pytest.mark.parametrize(("bound", "value"), [("MAX_PATTERNS", 2), ("MAX_LINES", 3)])
def test_lists_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int) -> None:
    monkeypatch.setattr(lists, bound, value)
    (tmp_path / "x.txt").write_text("_1X\n_2X\n_3X\n_4X\n", encoding="utf-8")
    (problem,) = _rules(tmp_path, _rule("  did: '@x.txt'\n")).problems
    assert f"more than {value}" in problem.what


def test_a_thousand_problems_are_enough(tmp_path: Path) -> None:
    checked = _rules(tmp_path, "- x\n" * 3_000)
    assert len(checked.problems) == 1_001
    assert "2,000 more problems" in checked.problems[-1].what


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-08 18:00", "2026-03-08T09:00:00+00:00"),
        ("2026-03-08T18:00:30", "2026-03-08T09:00:30+00:00"),
        ("2026-03-08T18:00Z", "2026-03-08T18:00:00+00:00"),
        ("2026-03-08 18:00+03:00", "2026-03-08T15:00:00+00:00"),
    ],
)
def test_a_rule_ends_at_a_moment_of_its_zone(tmp_path: Path, text: str, moment: str) -> None:
    checked = _rules(tmp_path, _rule(f"  timezone: Asia/Tokyo\n  valid_until: '{text}'\n"))
    assert checked.problems == ()
    assert checked.rules[0].valid_until == moment
    (rule,) = load(dump(checked.rules), load_zone)
    ends_at = datetime.fromisoformat(moment)
    assert rule.valid_until == ends_at
    assert rule.holds_at(ends_at - timedelta(microseconds=1))
    assert not rule.holds_at(ends_at)


@pytest.mark.parametrize("text", ["2026-03-08", "18:00", "2026-02-30 10:00", "tomorrow", "0001-01-01 00:00+14:00"])
def test_what_is_no_moment_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = _rules(tmp_path, _rule(f"  valid_until: '{text}'\n")).problems
    assert (problem.severity, problem.line) == ("error", 3)
    assert "is no moment" in problem.what
