"""The rules that ship, and those of docs/rules.md: each of them checks, and does what its words say."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fallbackrouter.clock import load_zone
from fallbackrouter.config.load import Loaded
from fallbackrouter.config.rules import check_configured_rules
from fallbackrouter.config.settings import Rules, Settings
from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import WITHHELD, read_number
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.tier import FALLBACK, OVERRIDE
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.compiled import dump, load
from fallbackrouter.rulesfile.reader import KEYS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LISTS = dict(re.findall(r"^```list (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
DESTINATIONS = {"extension": "from-internal,{num},1"}
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def _check(directory: Path) -> Checked:
    settings = Settings(last_resort={"app": "auto"}, rules=Rules(dir=str(directory)), destinations=DESTINATIONS)
    return check_configured_rules(Loaded(settings, None, ROOT))


def _shipped() -> dict[str, Rulebook]:
    checked = _check(ROOT / "rules")
    assert checked.problems == ()
    rules = load(dump(checked.rules), load_zone)
    return {tier: Rulebook(rule for rule in rules if rule.tier == tier) for tier in (OVERRIDE, FALLBACK)}


def _call(did: str, caller: str = "89507533333") -> Call:
    return Call(read_number(did, None), read_number(caller, None))


def _winner(book: Rulebook, call: Call, at: datetime) -> str:
    rule = book.first(call, at)
    return rule.name if rule else ""


@pytest.mark.parametrize(
    ("hours", "name"),
    [
        (0, "head office, at night"),
        (5.9, "head office, at night"),
        (6, "head office, in hours"),
        (15, "head office, in hours"),
        (15.1, "head office, at night"),
        (5 * 24 + 7, "head office, on Saturdays"),
        (5 * 24 + 12, "head office, at night"),
        (6 * 24 + 10, "head office, at night"),
    ],
)
def test_the_head_office_by_the_hour(hours: float, name: str) -> None:
    fallback = _shipped()[FALLBACK]
    assert _winner(fallback, _call("74951111111"), MONDAY + timedelta(hours=hours)) == name


def test_hidden_callers_reach_the_attendant_at_any_hour() -> None:
    fallback = _shipped()[FALLBACK]
    call = Call(read_number("74951111111", None), WITHHELD)
    for hours in range(0, 7 * 24, 5):
        assert _winner(fallback, call, MONDAY + timedelta(hours=hours)) == "head office, hidden number"


def test_the_emergency_override_touches_no_call_until_it_is_turned_on() -> None:
    override = _shipped()[OVERRIDE]
    assert len(override) == 1
    for did in ("74951111111", "112", "911", "s", "emergency", ""):
        for caller in ("89507533333", ""):
            assert _winner(override, _call(did, caller), MONDAY) == ""
    assert _winner(override, _call("emergency-drill"), MONDAY) == "emergency"


def test_the_emergency_override_turns_on_as_its_comment_says(tmp_path: Path) -> None:
    text = (ROOT / "rules" / "emergency-override.yaml").read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(text.replace("did: emergency-drill\n  #", "did: any\n  #"), encoding="utf-8")
    checked = _check(tmp_path)
    assert [problem.severity for problem in checked.problems] == ["warning"]
    hours = text.replace("  # when:", "  when:").replace("  # timezone:", "  timezone:")
    (tmp_path / "a.yaml").write_text(hours, encoding="utf-8")
    assert _check(tmp_path).problems == ()


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_page_checks(tmp_path: Path, example: str) -> None:
    for name, text in LISTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(example, encoding="utf-8")
    checked = _check(tmp_path)
    assert checked.problems == ()
    assert checked.rules
    assert load(dump(checked.rules), load_zone)


def test_every_key_stands_in_the_page_and_in_an_example() -> None:
    documented = re.findall(r"^\| `([a-z_]+)` \| ", PAGE.partition("## Keys")[2].partition("\n## ")[0], re.MULTILINE)
    assert tuple(documented) == KEYS
    for key in KEYS:
        assert any(re.search(rf"^[- ] {key}:", example, re.MULTILINE) for example in EXAMPLES)
    assert LISTS
