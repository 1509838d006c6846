"""Takes the rule files over: checked as a whole, stored where they differ from what serves, else left alone.

What was rolled back is not taken over again unless somebody asks for it: neither a restart nor a look at saved files
brings it back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import RulesError, StoreError
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.compiled import digest, dump, load_specs
from fallbackrouter.rulesfile.problem import Problem
from fallbackrouter.rulesfile.sources import Sources, pack, sources_digest
from fallbackrouter.store.rulesets import Ruleset, latest_ruleset, save_ruleset

CheckRules = Callable[[], Checked]
ReadSources = Callable[[], Sources | None]

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the rule files.

    Attributes:
        ok: they are what is stored now; else the last good set is, if there ever was one.
        changed: something new was stored.
        count: how many rules are stored now; None where no good set ever was.
        problems: errors and warnings, by file and place.
        held: they are what was rolled back, and were left alone.
    """

    ok: bool
    changed: bool
    count: int | None
    problems: tuple[Problem, ...]
    held: bool = False


def apply_rules(
    check: CheckRules, journal: Path, note: str, at: datetime, *, read: ReadSources, asked: bool = True
) -> Applied:
    """Check the rule files and store them if they are good and new. Blocking: seconds on many rules.

    Args:
        check: checks all files.
        note: who applied, for people.
        at: UTC.
        read: reads all files, to be kept beside the rules.
        asked: somebody asked for it; else what was rolled back is left alone.

    Raises:
        StoreError: the journal cannot be read or written, or others are at it; what was stored before still is.
    """
    for _ in range(_TRIES):
        latest = latest_ruleset(journal)
        checked, sources = _checked_as_read(check, read)
        if not asked and _is_held(latest, sources):
            return Applied(ok=True, changed=False, count=_count(latest), problems=(), held=True)
        if not checked.ok:
            return Applied(ok=False, changed=False, count=_count(latest), problems=checked.problems)
        body = dump(checked.rules)
        changed = latest is None or latest.digest != digest(body)
        files = None if sources is None else pack(sources)
        after = 0 if latest is None else latest.id
        if not changed or save_ruleset(journal, body, digest(body), note, at, files=files, after=after):
            return Applied(ok=True, changed=changed, count=len(checked.rules), problems=checked.problems)
    raise StoreError("others applied rules at the same time, again and again; try again")


def examine_rules(check: CheckRules, journal: Path, *, read: ReadSources) -> Applied:
    """Find out what `apply_rules` would, unasked, and store nothing. Blocking, as that is.

    Raises:
        StoreError: the journal cannot be read.
    """
    latest = latest_ruleset(journal)
    checked, sources = _checked_as_read(check, read)
    if _is_held(latest, sources):
        return Applied(ok=True, changed=False, count=_count(latest), problems=(), held=True)
    return Applied(ok=checked.ok, changed=False, count=_count(latest), problems=checked.problems)


def _checked_as_read(check: CheckRules, read: ReadSources) -> tuple[Checked, Sources | None]:
    """Return what a check found with the very files that it read; None for these where somebody keeps saving."""
    before = read()
    for _ in range(_TRIES):
        checked, after = check(), read()
        if before == after:
            return checked, after
        before = after
    return checked, None


def _is_held(latest: Ruleset | None, sources: Sources | None) -> bool:
    if latest is None or not latest.held:
        return False
    return sources is not None and sources_digest(sources) == latest.held


def _count(latest: Ruleset | None) -> int | None:
    try:
        return None if latest is None else len(load_specs(latest.body))
    except RulesError:
        return None
