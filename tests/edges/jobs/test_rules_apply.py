"""Taking rule files over into a real journal."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fallbackrouter.config.load import load_settings
from fallbackrouter.config.rules import apply_configured_rules
from fallbackrouter.core.errors import StoreError
from fallbackrouter.jobs.rules_apply import Applied
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.rulesets import latest_ruleset

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GOOD = '- {name: one, tier: fallback, did: "100", route: {app: group, num: "62"}}\n'
MORE = GOOD + '- {name: two, tier: override, did: "200", route: {app: group, num: "63"}}\n'
BAD = "- {name: one, tier: nowhere}\n"


class Desk:
    """A folder with rules and a journal."""

    def __init__(self, folder: Path) -> None:
        (folder / "rules").mkdir()
        config = folder / "fallbackrouter.toml"
        config.write_text('[last_resort]\napp = "group"\nnum = "100"\n', encoding="utf-8")
        self.loaded = load_settings(config, {})
        self.rules = folder / "rules" / "a.yaml"
        self.journal = folder / "journal.db"
        upgrade(self.journal)

    def apply(self, text: str) -> Applied:
        """Save a rules file and take it over."""
        self.rules.write_text(text, encoding="utf-8")
        return self.take(asked=True)

    def take(self, *, asked: bool) -> Applied:
        """Take the files over as they are."""
        return apply_configured_rules(self.loaded, self.journal, "test", AT, asked=asked)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_good_rules_are_stored_once(desk: Desk) -> None:
    assert desk.apply(GOOD) == Applied(ok=True, changed=True, count=1, problems=())
    first = latest_ruleset(desk.journal)
    assert desk.apply(GOOD) == Applied(ok=True, changed=False, count=1, problems=())
    assert latest_ruleset(desk.journal) == first
    assert desk.apply(MORE).count == 2
    assert latest_ruleset(desk.journal) != first


def test_bad_rules_leave_the_last_good_set(desk: Desk) -> None:
    desk.apply(MORE)
    good = latest_ruleset(desk.journal)
    applied = desk.apply(BAD)
    assert (applied.ok, applied.changed, applied.count) == (False, False, 2)
    assert applied.problems[0].severity == "error"
    assert latest_ruleset(desk.journal) == good


def test_bad_rules_where_no_good_set_ever_was(desk: Desk) -> None:
    applied = desk.apply(BAD)
    assert (applied.ok, applied.count) == (False, None)
    assert latest_ruleset(desk.journal) is None


def test_going_back_to_former_rules_is_a_change(desk: Desk) -> None:
    desk.apply(GOOD)
    desk.apply(MORE)
    assert desk.apply(GOOD).changed


def test_a_journal_that_cannot_be_written_is_told_of(desk: Desk) -> None:
    desk.journal.unlink()
    desk.journal.mkdir()
    with pytest.raises(StoreError):
        desk.apply(GOOD)
