"""Goes back to rules that served before: they serve again, and their files stand in the folder again.

Pins are no part of it: those that serve now go on serving, until they end or are ended. The files that are there now
are marked as rolled back, so that no restart applies them again, should they come back; where they hold edits that
were never applied, they are laid aside.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import RulesError
from fallbackrouter.jobs.rules_differ import differences, same_order
from fallbackrouter.jobs.rules_pin import is_pin, merged, with_pins_of
from fallbackrouter.rulesfile.compiled import digest, dump, load_specs
from fallbackrouter.rulesfile.files import is_rules_name
from fallbackrouter.rulesfile.save import locked, read_if_there, save
from fallbackrouter.rulesfile.sources import PINS, Sources, pack, read_sources, sources_digest, unpack
from fallbackrouter.rulesfile.specs import RuleSpec
from fallbackrouter.store.rulesets import Ruleset, ruleset, ruleset_files, ruleset_numbers, save_ruleset

_SEE = "`fallbackrouter rules history` shows them"


@dataclass(frozen=True, slots=True)
class WentBack:
    """What became of it.

    Attributes:
        to: the number of the rules that serve again.
        number: the number that they have now.
        count: how many rules they are.
        files: the folder holds their files again.
        why_not: why it does not, in one clause.
        aside: where edits lie that were never applied; None where there were none.
    """

    to: int
    number: int
    count: int
    files: bool
    why_not: str = ""
    aside: Path | None = None


@dataclass(frozen=True, slots=True)
class WayBack:
    """What going back would change.

    Attributes:
        serving: the number of the rules that serve.
        before: these rules.
        after: those that would serve: of the number that is gone back to, and the pins of now.
    """

    serving: int
    before: tuple[RuleSpec, ...]
    after: tuple[RuleSpec, ...]


def way_back(journal: Path, wanted: int | None) -> WayBack:
    """Return what going back to a number would change; raises as `go_back` does, and changes nothing."""
    present, target = _which(journal, wanted)
    return WayBack(present.id, tuple(load_specs(present.body)), tuple(_back_to(target, present)))


def go_back(journal: Path, directory: Path, wanted: int | None, at: datetime, *, keep_files: bool) -> WentBack:
    """Go back to the rules of a number.

    Args:
        wanted: None for those that served before the present ones.
        keep_files: leave the folder as it is.

    Raises:
        RulesError: there are no such rules; nothing has changed.
        StoreError: the journal cannot be read or written; nothing has changed.
    """
    present, target = _which(journal, wanted)
    specs = _back_to(target, present)
    files = _unpacked(ruleset_files(journal, target.id))
    now = _unpacked(ruleset_files(journal, present.id))
    there = read_sources(directory)
    number = save_ruleset(
        journal,
        dump(specs),
        digest(dump(specs)),
        f"rollback to {target.id}",
        at,
        files=None if files is None else pack(with_pins_of(files, now or {})),
        held=_held(there, files),
        after=present.id,
    )
    if not number:
        raise RulesError("others applied rules at the same time; look at `fallbackrouter rules history`, and try again")
    count = len(specs)
    if keep_files or files is None:
        why_not = "you asked to leave them" if keep_files else "they were not kept with these rules"
        return WentBack(target.id, number, count, files=False, why_not=why_not)
    try:
        aside = _lay_aside(directory, there, now, at)
        restore(directory, files)
    except (RulesError, OSError) as error:
        return WentBack(target.id, number, count, files=False, why_not=str(error))
    return WentBack(target.id, number, count, files=True, aside=aside)


def _back_to(target: Ruleset, present: Ruleset) -> Sequence[RuleSpec]:
    return merged(load_specs(target.body), [spec for spec in load_specs(present.body) if is_pin(spec)])


def _held(there: Sources | None, files: Sources | None) -> str:
    """Return what tells the files apart that are gone back from; "" where they are not known, or stay the same."""
    rolled_back = "" if there is None else sources_digest(there)
    return "" if files is not None and sources_digest(files) == rolled_back else rolled_back


def _which(journal: Path, wanted: int | None) -> tuple[Ruleset, Ruleset]:
    numbers = ruleset_numbers(journal)
    present = ruleset(journal, numbers[0]) if numbers else None
    if present is None:
        raise RulesError("no rules were ever applied, so there are none to go back to")
    if wanted is None:
        wanted = _former(journal, numbers, present)
    target = ruleset(journal, wanted) if wanted is not None else None
    if target is None:
        none = "no rules but these, and pins on them, were applied: name a number"
        what = none if wanted is None else f"there are no rules with the number {wanted}"
        raise RulesError(f"{what}; {_SEE}")
    return present, target


def _former(journal: Path, numbers: list[int], present: Ruleset) -> int | None:
    """Return the newest whose rules mean something else, pins left out."""
    now = _without_pins(present)
    for number in numbers[1:]:
        other = ruleset(journal, number)
        if other is None:
            continue  # a newer one has just pushed it out
        then = _without_pins(other)
        if differences(then, now) or not same_order(then, now):
            return number
    return None


def _without_pins(rules: Ruleset) -> list[RuleSpec]:
    return [spec for spec in load_specs(rules.body) if not is_pin(spec)]


def _unpacked(packed: bytes | None) -> Sources | None:
    return None if packed is None else unpack(packed)


def _lay_aside(directory: Path, there: Sources | None, last: Sources | None, at: datetime) -> Path | None:
    """Copy the folder's files to a hidden folder in it, unless they are what was applied last."""
    if there is not None and last is not None and sources_digest(there) == sources_digest(last):
        return None
    if not directory.exists():
        return None
    aside = directory / f".before-rollback-{at:%Y%m%dT%H%M%SZ}"
    shutil.copytree(directory, aside, symlinks=True, ignore=shutil.ignore_patterns(".*"))
    return aside


def restore(directory: Path, files: Sources) -> None:
    """Make a folder's files these again; pins, and files that are no rules and not among these, stay.

    Raises:
        RulesError: one of them cannot be written; those before it are.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory):
        for file in directory.iterdir():
            if is_rules_name(file.name) and file.name not in (*files, PINS):
                save(file, read_if_there(file), None)
        for name, content in with_pins_of(files, {}).items():
            path = directory / name
            if not path.resolve().parent.is_relative_to(directory.resolve()) and not path.is_symlink():
                raise RulesError(f"{name} lies outside of {directory}; put it back by hand")
            path.parent.mkdir(parents=True, exist_ok=True)
            before = read_if_there(path)
            if before != content:
                save(path, before, content)
