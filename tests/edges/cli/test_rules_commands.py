"""`fallbackrouter rules …` on real files and a real journal, without a running router."""

import json
import os
import re
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.cli.main import main
from fallbackrouter.clock import SystemClock
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision, Step
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.route import Route
from fallbackrouter.core.verdict import Hit, Miss
from fallbackrouter.store.opened import opened
from fallbackrouter.store.rows import DECISION_COLUMNS, decision_row
from tests.fakes.records import an_id

CONFIG = """
[rules]
timezone = "Europe/Moscow"
[numbers]
region = "RU"
[destinations]
group = "from-internal,{num},1"
[last_resort]
app = "group"
num = "100"
"""
RULES = """\
# Moscow

# every number of ours
- name: any moscow
  did: _7495XXXXXXX   # all
  route: {app: group, num: "1"}

# by day, the sales group
- name: by day
  did: "84951111111"
  when: "09:00-18:00,mon-fri,*,*"
  route: {app: group, num: "62", time: "100"}
"""
PINS = "pins.yaml"


@dataclass
class Told:
    """What a command said.

    Attributes:
        code: its exit code.
    """

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        assert self.code == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class House:
    """An installation that does not run."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def rules(self, *words: str) -> Told:
        """Run `fallbackrouter rules …` in this process."""
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["rules", *words, "--config", str(self.folder / "fallbackrouter.toml")])
        told = self.capture.readouterr()
        return Told(int(ended.value.code or 0), told.out, told.err)

    def refused(self, *words: str) -> str:
        """Run what has to fail with one sentence, and return all that it said on stderr."""
        told = self.rules(*words)
        assert told.code == 1
        assert told.err.splitlines()[-1].startswith("fallbackrouter: ")
        return told.err

    @property
    def file(self) -> Path:
        return self.folder / "rules" / "rules.yaml"

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @property
    def pins(self) -> str:
        return (self.folder / "rules" / PINS).read_text(encoding="utf-8")

    def serving(self) -> list[str]:
        return [rule["name"] for rule in self.rules("list", "--json").lines]

    def record(self, *decisions: Decision) -> None:
        """Put decisions on record."""
        columns = ", ".join(DECISION_COLUMNS)
        sql = f"INSERT INTO decisions ({columns}) VALUES ({', '.join('?' * len(DECISION_COLUMNS))})"  # noqa: S608 - our own names
        with opened(self.folder / "var" / "journal.db") as connection:
            connection.executemany(sql, [decision_row(decision) for decision in decisions])


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> House:
    for name in [name for name in os.environ if name.startswith("FALLBACKROUTER_")]:
        monkeypatch.delenv(name)
    (tmp_path / "fallbackrouter.toml").write_text(CONFIG)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    return House(tmp_path, capsys)


def decided(number: int, *, did: str = "84951111111", source: str = "fallback", hours: float = 1.0) -> Decision:
    """A call that some hours ago got group 62, from the rule `by day` where it was a rule."""
    route = Route((("app", "group"), ("num", "62"), ("time", "100")))
    tiers = ("override", "live", "remembered", "synced", "fallback")
    steps = [Step(tier, Miss(), 0.01) for tier in tiers[: tiers.index(source)]]
    at = SystemClock().now_at() - timedelta(hours=hours)
    call = Call(did=read_number(did, None), caller=read_number(f"8950753{number:04}", None))
    rule = "" if source == "live" else "by day"
    steps.append(Step(source, Hit(route, rule), 0.02))
    return Decision(an_id(number), at, "pbx1", call, route, source, rule, "ok", tuple(steps))


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_rule_is_added_shown_edited_and_removed_and_the_rest_stays(house: House) -> None:
    assert (
        house.rules("add", "--name", "night", "--did", "84951111111", "--did", "84951111112", "--to", "group:9").code
        == 0
    )
    added = (
        '\n- name: night\n  tier: fallback\n  did: ["84951111111", "84951111112"]\n  route: {app: group, num: "9"}\n'
    )
    assert house.text == RULES + added
    assert house.rules("edit", "night", "--to", "group:8", "--time", "30", "--priority", "5").code == 0
    assert house.text == RULES + added.replace('num: "9"}', 'num: "8", time: "30"}').replace(
        "  route", '  priority: "5"\n  route'
    )
    assert house.rules("edit", "night", "--without", "priority", "--name", "late").code == 0
    [shown] = house.rules("show", "late", "--json").lines
    assert (shown["tier"], shown["serves"], shown["file"]) == ("fallback", False, str(house.file))
    assert "name: late" in shown["source"]
    gone = house.rules("remove", "late")
    assert "name: late" in gone.out
    assert house.text == RULES + "\n"


def test_a_rule_stands_where_it_was_wanted(house: House) -> None:
    assert house.rules("add", "--name", "x", "--to", "auto", "--did", "1", "--before", "by day").code == 0
    assert house.rules("add", "--name", "u", "--to", "auto", "--did", "2", "--after", "by day").code == 0
    assert house.rules("add", "--name", "z", "--to", "auto", "--did", "3", "--file", "more.yaml").code == 0
    names = [line.removeprefix("- name: ") for line in house.text.splitlines() if line.startswith("- name")]
    assert names == ["any moscow", "x", "by day", "u"]
    assert "- name: x\n  tier: fallback\n" in house.text
    assert "# by day, the sales group\n- name: by day\n" in house.text
    assert (house.folder / "rules" / "more.yaml").exists()
    assert house.rules("add", "--name", "w", "--to", "auto", "--file", "../x.yaml").code == 1


def test_every_key_can_be_given(house: House) -> None:
    words = ("--tier", "override", "--did", "_7X.", "--caller", "withheld", "--stage", "init", "--when", "*,sat")
    dates = ("--dates", "2030-12-24", "--except", "*-01-01", "--except", "2031-05-09")
    more = ("--timezone", "Asia/Tokyo", "--until", "2030-01-01 10:00", "--priority", "-3", "--time", "20")
    done = house.rules("add", "--name", "all", *words, *dates, *more, "--to", "group:5", "--to", "group:6", "--apply")
    assert done.code == 0, done.err
    [rule] = [rule for rule in house.rules("list", "--json").lines if rule["name"] == "all"]
    assert rule["route"] == "app=group num=5 time=20, then app=group num=6"
    assert (rule["tier"], rule["did"], rule["caller"], rule["stage"], rule["priority"]) == (
        "override",
        "_7X.",
        "withheld",
        "init",
        -3,
    )
    hours = "*,sat on 2030-12-24 except *-01-01, 2031-05-09 (Asia/Tokyo)"
    assert rule["when"] == f"{hours} until 2030-01-01T01:00:00Z"
    assert house.rules("edit", "all", "--to", "auto").code == 0
    assert "routes:" not in house.text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "--name", "by day", "--to", "auto"), 'another fallback rule is called "by day"'),
        (("add", "--name", "x", "--to", "fax"), "unknown app fax"),
        (("add", "--name", "x", "--to", "auto", "--when", "9-18"), "when"),
        (("add", "--name", "x", "--to", "auto", "--before", "nope"), 'is called "nope"'),
        (("edit", "nope", "--to", "auto"), "`fallbackrouter rules list --files` names all of the files"),
        (("edit", "by day", "--without", "stage"), "has no key stage; it has name, did, when, route"),
        (("edit", "by day", "--without", "route"), "the rule has no route"),
        (("edit", "by day", "--name", "any moscow"), 'another fallback rule is called "any moscow"'),
        (("remove", "nope"), 'is called "nope"'),
        (("show", "nope"), 'is called "nope"'),
        (("unpin", "112"), "nothing is pinned for 112"),
        (("rollback",), "no rules were ever applied"),
        (("history",), "fallbackrouter serve"),
    ],
)
def test_what_is_refused_leaves_the_file_and_says_why(house: House, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in house.refused(*words)
    assert house.text == RULES


@pytest.mark.parametrize(
    "words",
    [
        ("add", "--name", "x"),
        ("add", "--name", "x", "--to", "auto", "--file", "a.yaml", "--before", "by day"),
        ("pin", "112", "--to", "group:1", "--for", "soon"),
        ("pin", "112", "--to", "group:1", "--for", "0h"),
        ("pin", "112", "--to", "group:1", "--for", "400d"),
        ("pin", "112", "--to", "group:1"),
        ("backtest", "--last", "0"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(house: House, words: tuple[str, ...]) -> None:
    assert house.rules(*words).code == 2
    assert house.text == RULES


# --- the editor ------------------------------------------------------------------------------------------------------


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have $EDITOR be a program of these lines of shell; the file is its last argument."""

    def set_to(lines: str) -> None:
        program = tmp_path / "editor"
        program.write_text(f"#!/bin/sh\nfor file; do :; done\n{lines}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("EDITOR", str(program))
        monkeypatch.delenv("VISUAL", raising=False)

    return set_to


def test_a_rule_is_edited_by_hand_and_checked(house: House, editor: Callable[[str], None]) -> None:
    editor('sed -i "s/100/45/" "$file"')
    assert house.rules("edit", "by day").code == 0
    assert house.text == RULES.replace("100", "45")


def test_what_does_not_check_is_kept_for_another_try(house: House, editor: Callable[[str], None]) -> None:
    editor('sed -i "s/app: group/app: fax/" "$file"')
    said = house.refused("edit", "by day")
    assert "unknown app fax" in said
    assert house.text == RULES
    kept = Path(said.rpartition("is kept in ")[2].strip().rstrip(")"))
    assert kept.read_text(encoding="utf-8") == RULES.replace("app: group", "app: fax")
    kept.unlink()


@pytest.mark.parametrize(
    ("lines", "sentence"), [(":", "nothing was changed"), ("exit 3", "ended with a failure"), ("rm $file", "cannot be")]
)
def test_an_editor_that_does_nothing_or_fails(
    house: House, editor: Callable[[str], None], lines: str, sentence: str
) -> None:
    editor(lines)
    assert sentence in house.refused("edit", "by day")
    assert house.text == RULES


def test_an_editor_that_is_not_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor")
    assert "set EDITOR" in house.refused("edit", "by day")


# --- what serves -----------------------------------------------------------------------------------------------------


def test_the_list_tells_order_and_hits_and_what_is_not_applied(house: House) -> None:
    house.rules("apply")
    house.record(*(decided(number) for number in range(3)), decided(3, hours=8 * 24), decided(4, source="live"))
    rows = house.rules("list", "--json").lines
    assert [(row["order"], row["name"], row["hits"]) for row in rows] == [(1, "by day", 3), (2, "any moscow", 0)]
    assert "by day" in house.rules("list").out
    house.rules("add", "--name", "new", "--did", "1", "--to", "auto")
    told = house.rules("list")
    assert "new" not in told.out
    assert "rules apply" in told.err
    assert "new" in house.rules("list", "--files").out
    house.file.write_text("- [")
    assert "rules check" in house.rules("list").err


def test_diff_names_each_rule_and_key_that_differs(house: House) -> None:
    house.rules("apply")
    assert "the files hold the rules that serve" in house.rules("diff").out
    house.rules("edit", "by day", "--to", "group:63", "--when", "*,sat")
    house.rules("add", "--name", "new", "--did", "1", "--to", "auto")
    house.rules("remove", "any moscow")
    told = house.rules("diff").out
    assert "~ fallback by day\n" in told
    assert "    route: app=group num=62 time=100 -> app=group num=63 time=100\n" in told
    assert "    when: 09:00-18:00,mon-fri,*,* -> *,sat\n" in told
    assert "+ fallback new\n" in told
    assert "- fallback any moscow\n" in told
    rows = house.rules("diff", "--json").lines
    assert {(row["change"], row["name"]) for row in rows} == {
        ("changed", "by day"),
        ("added", "new"),
        ("removed", "any moscow"),
    }
    house.file.write_text("- [")
    assert "do not check" in house.refused("diff")


def test_another_order_of_the_same_rules_is_told(house: House) -> None:
    house.rules("apply")
    first, second = RULES.partition("# by day, the")[::2]
    house.file.write_text(f"# by day, the{second}{first}")
    assert "another order" in house.rules("diff").out


def test_a_backtest_tells_what_would_go_elsewhere_and_applies_nothing(house: House) -> None:
    house.file.write_text(RULES.replace('  when: "09:00-18:00,mon-fri,*,*"\n', ""))
    house.rules("apply")
    other = decided(7, did="84953333333")
    house.record(*(decided(number) for number in range(5)), decided(5, source="live"), other, decided(8, hours=50))
    [nothing] = house.rules("backtest", "--json").lines
    assert (nothing["calls"], nothing["elsewhere"], nothing["changes"]) == (8, 0, [])
    house.rules("edit", "by day", "--to", "group:63")
    [report] = house.rules("backtest", "--json").lines
    assert (report["v"], report["calls"], report["elsewhere"], report["by_other_rule"]) == (1, 8, 6, 0)
    [change] = report["changes"]
    assert (change["did"], change["calls"]) == ("84951111111", 6)
    assert change["before"]["route"] == {"app": "group", "num": "62", "time": "100"}
    assert change["after"] == {
        "source": "fallback",
        "rule": "by day",
        "route": {"app": "group", "num": "63", "time": "100"},
        "next": None,
    }
    assert [example["id"] for example in change["examples"]] == [an_id(4), an_id(3), an_id(2)]
    assert [example["caller"] for example in change["examples"]][:2] == ["89507530004", "89507530003"]
    table = house.rules("backtest").out
    assert "6 of 8 calls would go elsewhere" in table
    assert "89507530004" in table
    assert house.rules("backtest", "--last", "2", "--json").lines[0]["calls"] == 2
    assert house.serving() == ["by day", "any moscow"]
    assert "num=62" in house.rules("list").out


def test_a_backtest_since_a_moment(house: House) -> None:
    house.rules("apply")
    decisions = [decided(number, hours=hours) for number, hours in enumerate((30, 20, 1))]
    house.record(*decisions)
    since = (SystemClock().now_at() - timedelta(hours=25)).isoformat()
    for text in (since, "25h"):
        [report] = house.rules("backtest", "--since", text, "--json").lines
        assert report["calls"] == 2
    assert "is no moment" in house.refused("backtest", "--since", "lately")


def test_callers_that_are_hidden_by_now_are_told(house: House) -> None:
    house.rules("apply")
    house.record(*(decided(number) for number in range(3)))
    with opened(house.folder / "var" / "journal.db") as connection:
        connection.execute("UPDATE decisions SET caller = '8950*******' WHERE id = ?", (an_id(1),))
        connection.execute("UPDATE decisions SET trail = '[]' WHERE id = ?", (an_id(2),))
    [report] = house.rules("backtest", "--json").lines
    assert (report["calls"], report["hidden"]) == (2, 0)
    house.rules("add", "--name", "vip", "--caller", "89507530000", "--to", "group:1")
    [report] = house.rules("backtest", "--json").lines
    assert (report["calls"], report["hidden"]) == (2, 1)
    assert "are hidden in the journal" in house.rules("backtest").out


def test_an_override_takes_calls_from_the_crm_and_gives_them_back(house: House) -> None:
    (house.folder / "fallbackrouter.toml").write_text(CONFIG + '[crm]\nurl = "http://127.0.0.1:9/{stage}"\n')
    house.rules("apply")
    house.record(decided(1, source="live"))
    house.rules("add", "--name", "closed", "--tier", "override", "--did", "84951111111", "--to", "group:7")
    [report] = house.rules("backtest", "--json").lines
    [change] = report["changes"]
    assert (change["before"]["source"], change["after"]["source"]) == ("live", "override")


# --- pins, history ---------------------------------------------------------------------------------------------------


def test_a_pin_serves_at_once_and_alone_and_is_replaced_and_ended(house: House) -> None:
    house.rules("apply")
    house.file.write_text("- [ half an edit")
    pinned = house.rules("pin", "84951111111", "--to", "group:9", "--for", "2h", "--why", "line down\n- name: evil")
    assert pinned.code == 0, pinned.err
    assert house.serving() == ["pin 84951111111", "by day", "any moscow"]
    assert "line down - name: evil\n- name:" in house.pins
    assert house.file.read_text(encoding="utf-8") == "- [ half an edit"
    assert house.rules("pin", "+7 495 111-11-11", "--to", "group:8", "--for", "30m").code == 0
    assert house.serving() == ["pin +7 495 111-11-11", "by day", "any moscow"]
    assert "line down" not in house.pins
    assert house.rules("unpin", "74951111111").code == 0
    assert house.serving() == ["by day", "any moscow"]
    assert house.pins.startswith("# Overrides that end by themselves")


def test_a_pin_that_no_call_asks_is_told(house: House) -> None:
    policy = '[[policy]]\ndid = "_8495111XXXX"\norder = ["live", "fallback"]\n'
    (house.folder / "fallbackrouter.toml").write_text(CONFIG + policy)
    assert "ask no override" in house.rules("pin", "84951111111", "--to", "auto", "--for", "1h").err
    assert "ask no override" not in house.rules("pin", "84952222222", "--to", "auto", "--for", "1h").err


def test_what_has_ended_goes_with_the_next_pin(house: House) -> None:
    ended = '- {name: "pin 1", tier: override, did: 1, valid_until: "2020-01-01 10:00Z", route: {app: auto}}\n'
    theirs = '- {name: "theirs", tier: override, did: 2, valid_until: "2020-01-01 10:00", route: {app: auto}}\n'
    (house.folder / "rules" / PINS).write_text(ended + theirs)
    assert house.rules("pin", "3", "--to", "auto", "--for", "1d").code == 0
    assert "pin 1" not in house.pins
    assert "theirs" in house.pins


def test_history_and_rollback(house: House) -> None:
    house.rules("apply")
    house.rules("edit", "by day", "--to", "group:63", "--apply")
    rows = house.rules("history", "--json").lines
    assert [(row["number"], row["rules"], row["serves"], row["files"]) for row in rows] == [
        (2, 2, True, "kept"),
        (1, 2, False, "kept"),
    ]
    assert "rules apply" in house.rules("history").out
    told = house.rules("rollback")
    assert "number 1" in told.out
    assert house.text == RULES
    assert "num=62" in house.rules("list").out
    assert house.rules("rollback", "2", "--keep-files").code == 0
    assert house.text == RULES
    assert "num=63" in house.rules("list").out
    assert "no rules with the number 77" in house.refused("rollback", "77")


# --- the page --------------------------------------------------------------------------------------------------------


def test_every_command_of_the_page_does_what_it_says_one_after_the_other(house: House) -> None:
    page = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
    chapter = page.partition("## Changing rules")[2].partition("\n## ")[0]
    lines = re.findall(r"^    fallbackrouter (rules .*?)(?:\s+#.*)?$", chapter, re.MULTILINE)
    assert len(lines) >= 12
    house.rules("apply")
    house.rules("edit", "by day", "--to", "group:70", "--apply")
    for line in lines:
        told = house.rules(*shlex.split(line)[1:])
        assert told.code == 0, f"{line}: {told.err}"
