"""Makes pins serve at once, and nothing else: edits that wait in other rule files go on waiting, even broken ones."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from fallbackrouter.core.errors import RulesError, StoreError
from fallbackrouter.rulesfile.compiled import digest, dump, load_specs
from fallbackrouter.rulesfile.sources import PINS, Sources, pack, unpack
from fallbackrouter.rulesfile.specs import MAX_RULES, RuleSpec
from fallbackrouter.store.rulesets import latest_ruleset, ruleset_files, save_ruleset

Pins = tuple[Sequence[RuleSpec], bytes | None]
"""The checked rules of the file of pins, and that file; None where it is not there."""

_TRIES = 5


def apply_pins(read: Callable[[], Pins], journal: Path, note: str, at: datetime) -> int:
    """Store the rules that serve with these pins in place of theirs, and return how many rules that are. Blocking.

    Args:
        read: reads the pins; again where others applied rules meanwhile, as that may have been another pin.

    Raises:
        RulesError: the two do not go together.
        StoreError: the journal cannot be read or written, or others are at it.
    """
    for _ in range(_TRIES):
        latest = latest_ruleset(journal)
        pins, content = read()
        specs = merged(load_specs(latest.body) if latest is not None else (), pins)
        body = dump(specs)
        packed = ruleset_files(journal, latest.id) if latest is not None else None
        files = unpack(packed) if packed is not None else None
        if files is not None:
            packed = pack(with_pins_of(files, {} if content is None else {PINS: content}))
        held, after = ("", 0) if latest is None else (latest.held, latest.id)
        if save_ruleset(journal, body, digest(body), note, at, files=packed, held=held, after=after):
            return len(specs)
    raise StoreError("others applied rules at the same time, again and again; try again")


def merged(specs: Iterable[RuleSpec], pins: Sequence[RuleSpec]) -> list[RuleSpec]:
    """Return rules with these pins in place of theirs, in the order in which their files are read.

    Raises:
        RulesError: an override has a pin's name, or the rules are too many.
    """
    others = [spec for spec in specs if not is_pin(spec)]
    names = {(spec.tier, spec.name): spec.place for spec in others}
    for pin in pins:
        if (pin.tier, pin.name) in names:
            place = names[pin.tier, pin.name]
            raise RulesError(f'another rule is called "{pin.name}": {place}; give that one another name')
    if len(others) + len(pins) > MAX_RULES:
        raise RulesError(f"there would be more than {MAX_RULES:,} rules; make them fewer")
    return sorted([*others, *pins], key=_file_of)


def is_pin(spec: RuleSpec) -> bool:
    """Tell whether a rule is from the file of pins."""
    return _file_of(spec) == PINS


def with_pins_of(files: Sources, others: Sources) -> Sources:
    """Return files with the pins of others in place of their own."""
    without = {name: content for name, content in files.items() if name != PINS}
    return {**without, PINS: others[PINS]} if PINS in others else without


def _file_of(spec: RuleSpec) -> str:
    return spec.place.rpartition(":")[0]
