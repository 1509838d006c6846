"""Takes the rule files over: checked as a whole, stored where they differ from what serves, else left alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import RulesError
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.compiled import digest, dump, load_specs
from fallbackrouter.rulesfile.problem import Problem
from fallbackrouter.store.rulesets import Ruleset, latest_ruleset, save_ruleset

CheckRules = Callable[[], Checked]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the rule files.

    Attributes:
        ok: they are what is stored now; else the last good set is, if there ever was one.
        changed: something new was stored.
        count: how many rules are stored now; None where no good set ever was.
        problems: errors and warnings, by file and place.
    """

    ok: bool
    changed: bool
    count: int | None
    problems: tuple[Problem, ...]


def apply_rules(check: CheckRules, journal: Path, note: str, at: datetime) -> Applied:
    """Check the rule files and store them if they are good and new. Blocking: seconds on many rules.

    Args:
        check: checks all files.
        note: who applied, for people.
        at: UTC.

    Raises:
        StoreError: the journal cannot be read or written; what was stored before still is.
    """
    checked = check()
    latest = latest_ruleset(journal)
    if not checked.ok:
        return Applied(ok=False, changed=False, count=_count(latest), problems=checked.problems)
    body = dump(checked.rules)
    changed = latest is None or latest.digest != digest(body)
    if changed:
        save_ruleset(journal, body, digest(body), note, at)
    return Applied(ok=True, changed=changed, count=len(checked.rules), problems=checked.problems)


def _count(latest: Ruleset | None) -> int | None:
    try:
        return None if latest is None else len(load_specs(latest.body))
    except RulesError:
        return None
