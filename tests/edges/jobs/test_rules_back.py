"""Going back to rules that served before, and pins, with a real journal and real files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fallbackrouter.config.load import load_settings
from fallbackrouter.config.rules import apply_configured_rules, check_folder, rules_folder
from fallbackrouter.core.errors import RulesError, StoreError
from fallbackrouter.jobs.rules_apply import Applied, apply_rules
from fallbackrouter.jobs.rules_back import WentBack, go_back
from fallbackrouter.jobs.rules_pin import apply_pins
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.compiled import RuleSpec, load_specs
from fallbackrouter.rulesfile.draft import check_changed
from fallbackrouter.rulesfile.sources import PINS, read_sources
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.rulesets import latest_ruleset, ruleset_numbers

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GOOD = '- {name: one, did: "100", route: {app: group, num: "62"}}\n'
BAD = '- {name: one, did: "100", route: {app: group, num: "66"}}\n'
PIN = '- {name: "pin 100", tier: override, did: "100", route: {app: group, num: "9"}}\n'


class Desk:
    """A folder with rules and a journal."""

    def __init__(self, folder: Path) -> None:
        config = folder / "fallbackrouter.toml"
        config.write_text('[last_resort]\napp = "group"\nnum = "100"\n', encoding="utf-8")
        self.loaded = load_settings(config, {})
        self.rules = rules_folder(self.loaded)
        self.rules.mkdir()
        self.journal = folder / "journal.db"
        upgrade(self.journal)

    def write(self, text: str, name: str = "a.yaml") -> None:
        (self.rules / name).write_text(text, encoding="utf-8")

    def apply(self, text: str = "", *, asked: bool = True) -> Applied:
        """Save a rules file and take all over."""
        if text:
            self.write(text)
        return apply_configured_rules(self.loaded, self.journal, "test", AT, asked=asked)

    def start(self) -> Applied:
        """Take the files over as a start does."""
        return self.apply(asked=False)

    def back(self, wanted: int | None = None, *, keep_files: bool = False) -> WentBack:
        return go_back(self.journal, self.rules, wanted, AT, keep_files=keep_files)

    def pin(self, text: str) -> None:
        content = text.encode()
        checked = check_changed(self.rules, {PINS: content}, lambda at: check_folder(self.loaded, at), alone=True)
        self.write(text, PINS)
        apply_pins(lambda: (checked.rules, content), self.journal, "pin", AT)

    def serving(self) -> list[str]:
        latest = latest_ruleset(self.journal)
        return [] if latest is None else [f"{spec.name} {spec.route['num']}" for spec in load_specs(latest.body)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_rules_and_files_come_back_and_stay_back(desk: Desk) -> None:
    desk.apply(GOOD)
    desk.write("# a list\n", "vip.txt")
    desk.apply(BAD)
    desk.write(GOOD.replace("one", "more"), "z.yaml")
    desk.apply()
    assert desk.serving() == ["one 66", "more 62"]
    back = desk.back(1)
    assert (back.to, back.count, back.files, back.aside) == (1, 1, True, None)
    assert desk.serving() == ["one 62"]
    assert sorted(path.name for path in desk.rules.iterdir()) == ["a.yaml", "vip.txt"]
    assert (desk.rules / "a.yaml").read_text(encoding="utf-8") == GOOD
    assert desk.start() == Applied(ok=True, changed=False, count=1, problems=())
    assert desk.serving() == ["one 62"]


def test_without_a_number_it_goes_to_what_meant_something_else(desk: Desk) -> None:
    desk.apply(GOOD)
    desk.apply(BAD)
    desk.apply("# a comment that moves the line\n" + BAD)
    assert len(ruleset_numbers(desk.journal)) == 3
    assert desk.back().to == 1
    assert desk.serving() == ["one 62"]
    desk.back()
    assert desk.serving() == ["one 66"]


@pytest.mark.parametrize("put_back", [False, True])
def test_what_was_rolled_back_is_not_applied_unasked(desk: Desk, *, put_back: bool) -> None:
    desk.apply(GOOD)
    desk.apply(BAD)
    back = desk.back(keep_files=not put_back)
    assert back.files == put_back
    desk.write(BAD)  # left there, or by a deployment
    held = desk.start()
    assert (held.held, held.changed, held.count) == (True, False, 1)
    assert desk.serving() == ["one 62"]
    desk.pin(PIN)
    assert desk.start().held
    assert desk.serving() == ["one 62", "pin 100 9"]
    assert desk.apply().changed
    assert desk.serving() == ["one 66", "pin 100 9"]


def test_files_that_are_edited_after_a_rollback_are_applied_as_ever(desk: Desk) -> None:
    desk.apply(GOOD)
    desk.apply(BAD)
    desk.back(keep_files=True)
    desk.write(BAD.replace("66", "67"))
    assert desk.start().changed
    assert desk.serving() == ["one 67"]


def test_edits_that_were_never_applied_are_laid_aside(desk: Desk) -> None:
    desk.apply(GOOD)
    desk.apply(BAD)
    desk.write("- [ half an edit")
    back = desk.back()
    assert back.aside is not None
    assert (back.aside / "a.yaml").read_text(encoding="utf-8") == "- [ half an edit"
    assert (desk.rules / "a.yaml").read_text(encoding="utf-8") == GOOD
    assert desk.start().ok


def test_a_folder_that_cannot_be_written_leaves_the_rules_gone_back_to_serving(desk: Desk) -> None:
    desk.apply(GOOD)
    desk.apply(BAD)
    (desk.rules / "a.yaml").unlink()
    (desk.rules / "a.yaml").mkdir()
    back = desk.back()
    assert not back.files
    assert "a.yaml" in back.why_not
    assert desk.serving() == ["one 62"]


def test_there_has_to_be_something_to_go_back_to(desk: Desk) -> None:
    with pytest.raises(RulesError, match="no rules were ever applied"):
        desk.back()
    desk.apply(GOOD)
    with pytest.raises(RulesError, match="no rules but these, and pins on them, were applied: name a number"):
        desk.back()
    with pytest.raises(RulesError, match="no rules with the number 7"):
        desk.back(7)


def test_a_pin_serves_alone_whatever_waits_in_other_files(desk: Desk) -> None:
    desk.apply(GOOD)
    desk.write("- [ half an edit")
    desk.pin(PIN)
    assert desk.serving() == ["one 62", "pin 100 9"]
    desk.pin("# nothing is pinned\n")
    assert desk.serving() == ["one 62"]


def test_a_pin_is_where_a_start_would_have_it(desk: Desk) -> None:
    desk.write(GOOD.replace("one", "last"), "z.yaml")
    desk.apply(GOOD)
    desk.pin(PIN)
    assert desk.serving() == ["one 62", "pin 100 9", "last 62"]
    assert not desk.start().changed


def test_pins_outlive_a_rollback(desk: Desk) -> None:
    desk.apply(GOOD)
    desk.apply(BAD)
    desk.pin(PIN)
    assert desk.back().to == 1
    assert desk.serving() == ["one 62", "pin 100 9"]
    assert (desk.rules / PINS).read_text(encoding="utf-8") == PIN
    assert not desk.start().changed


def test_a_pin_needs_a_name_of_its_own(desk: Desk) -> None:
    desk.apply(PIN.replace("group", "queue"))
    with pytest.raises(RulesError, match=r"another rule is called \"pin 100\": a\.yaml:1"):
        desk.pin(PIN)


def test_rules_that_others_apply_meanwhile_are_not_lost(desk: Desk) -> None:
    desk.apply(GOOD)
    others = [PIN, BAD.replace("one", "other").replace('"100"', '"200"')]

    def read_while_others_apply() -> tuple[tuple[RuleSpec, ...], bytes]:
        text = PIN.replace("100", "300")
        checked = check_changed(desk.rules, {PINS: text.encode()}, lambda at: check_folder(desk.loaded, at), alone=True)
        if others:
            desk.write(others.pop(), "z.yaml")
            desk.apply()
        return checked.rules, text.encode()

    apply_pins(read_while_others_apply, desk.journal, "pin", AT)
    assert desk.serving() == ["one 62", "pin 300 9", "pin 100 9"]


def test_a_pin_that_is_set_while_files_are_applied_serves_on(desk: Desk) -> None:
    desk.write(GOOD)
    pins = [PIN]

    def check() -> Checked:
        checked = check_folder(desk.loaded, desk.rules)
        if pins:
            desk.pin(pins.pop())
        return checked

    applied = apply_rules(check, desk.journal, "test", AT, read=lambda: read_sources(desk.rules))
    assert (applied.ok, applied.changed) == (True, True)
    assert desk.serving() == ["one 62", "pin 100 9"]


def test_where_others_apply_without_end_it_is_one_sentence(desk: Desk) -> None:
    numbers = iter(range(1, 100))

    def check() -> Checked:
        desk.pin(PIN.replace("100", str(next(numbers))))
        return check_folder(desk.loaded, desk.rules)

    with pytest.raises(StoreError, match="try again"):
        apply_rules(check, desk.journal, "test", AT, read=lambda: read_sources(desk.rules))
