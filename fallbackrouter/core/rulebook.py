"""The rules of one tier, looked up by bit vectors: a call costs about the same whatever their number.

The entries of all rules (core.order) stand in winning order, and entry i is bit i of a mask. A call's did, caller and
stage each select a mask; what is set in all three are the entries that match, and the lowest bit is the winner. Then
the rules' hours are looked at, one after the other, until one is in force.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.order import ANY, NUMBER, Entry, Part, entries, why_before
from fallbackrouter.core.patternset import PatternSet
from fallbackrouter.core.rule import Condition, Rule

_FEW = 4
"""Up to so many bits of a mask are kept as their places: a mask of its own for every number would fill the memory."""

_RECENT = 256
"""So many numbers' masks are kept: most calls are to few dids, and their patterns need no second look."""

Bits = int | tuple[int, ...]
"""A mask, or the places of its few bits."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A rule that matches a call, for `explain`.

    Attributes:
        in_force: it holds at the moment asked for.
        why: why it wins or loses, in plain words.
    """

    rule: Rule
    in_force: bool
    why: str


class Rulebook:
    """The rules of one tier.

    Args:
        rules: in the order given (the file's, or by the feed's ids), which decides between equals.

    Attributes:
        stages: every stage that a rule names.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        given = list(rules)
        self._count = len(given)
        self._entries = sorted((entry for i, rule in enumerate(given) for entry in entries(rule, i)), key=_key)
        self._dids = _Index([(entry.rule.did, entry.did) for entry in self._entries])
        self._callers = _Index([(entry.rule.caller, entry.caller) for entry in self._entries])
        self._all_stages = _mask(i for i, entry in enumerate(self._entries) if not entry.rule.stages)
        self._by_stage = _by_stage(self._entries, self._all_stages)
        self.stages = frozenset(self._by_stage)

    def __len__(self) -> int:
        return self._count

    def first(self, call: Call, at: datetime) -> Rule | None:
        """Return the rule that wins for a call at a moment (UTC, aware), None where no rule does."""
        for i in _ones(self._matching(call)):
            rule = self._entries[i].rule
            if rule.holds_at(at):
                return rule
        return None

    def _matching(self, call: Call) -> int:
        mask = self._by_stage.get(call.stage, self._all_stages)
        mask = mask and mask & self._dids.mask(call.did)
        return mask & self._callers.mask(call.caller) if mask & self._callers.named else mask

    def matching(self, call: Call) -> Iterator[Entry]:
        """Yield the entries that match a call but for their hours, in winning order."""
        return (self._entries[i] for i in _ones(self._matching(call)))

    def knows(self, did: Number) -> bool:
        """Tell whether any rule is for this did, whoever calls and whenever."""
        return self._dids.mask(did) != 0

    def asks_who_calls(self, did: Number) -> bool:
        """Tell whether any rule for this did names its callers; without one, who calls decides nothing."""
        return self._dids.mask(did) & self._callers.named != 0

    def ranked(self, call: Call, at: datetime) -> list[Ranked]:
        """Return all rules that match a call but for their hours, in winning order."""
        matching: dict[int, Entry] = {}
        for entry in self.matching(call):
            matching.setdefault(entry.given, entry)
        winner = next((entry for entry in matching.values() if entry.rule.holds_at(at)), None)
        return [_ranked(entry, winner, at) for entry in matching.values()]


def _key(entry: Entry) -> tuple[object, ...]:
    return entry.key


def _by_stage(ordered: Sequence[Entry], all_stages: int) -> dict[str, int]:
    masks: dict[str, int] = {}
    for i, entry in enumerate(ordered):
        for stage in entry.rule.stages:
            masks[stage] = masks.get(stage, all_stages) | 1 << i
    return masks


def _ranked(entry: Entry, winner: Entry | None, at: datetime) -> Ranked:
    rule = entry.rule
    if winner is None or not rule.holds_at(at):
        return Ranked(rule, in_force=False, why=_why_not_in_force(rule, at))
    return Ranked(rule, in_force=True, why="wins" if entry is winner else why_before(winner, entry))


def _why_not_in_force(rule: Rule, at: datetime) -> str:
    if rule.valid_from is not None and at < rule.valid_from:
        return "not valid yet"
    if rule.valid_until is not None and at >= rule.valid_until:
        return "no longer valid"
    local = at.astimezone(rule.zone) if rule.zone is not None else at
    return "not in its window" if rule.holds_on(local) else "not on its dates"


class _Index:
    """Which entries a number satisfies, by one of their two conditions.

    Args:
        conditions: of each entry, with the part that the entry stands for.

    Attributes:
        named: the mask of the entries that take some numbers, not all.
    """

    def __init__(self, conditions: Sequence[tuple[Condition, Part]]) -> None:
        parts = list(enumerate(conditions))
        self._any = _mask(i for i, (_, part) in parts if part.rank == ANY)
        self.named = _mask(i for i, (_, part) in parts if part.rank != ANY)
        self._withheld = _mask(i for i, (condition, part) in parts if part.rank == NUMBER and condition.withheld)
        self._exact = _by_number(conditions)
        self._patterns = PatternSet(pattern for condition, _ in conditions for pattern in condition.patterns)
        self._by_pattern = _by_pattern(conditions, self._patterns)
        self._recent_pattern_mask = lru_cache(maxsize=_RECENT)(self._pattern_mask)

    def mask(self, number: Number) -> int:
        """Return the mask of the entries whose condition holds for a number."""
        if number.withheld:
            return self._any | self._withheld
        mask = self._any | _unpacked(self._exact.get(number.key, 0))
        return mask | self._recent_pattern_mask(number.spellings) if self._by_pattern else mask

    def _pattern_mask(self, spellings: tuple[str, ...]) -> int:
        matched = 0
        for text in spellings:
            matched |= self._patterns.matching(text)
        mask = 0
        for bit in _ones(matched):
            mask |= _unpacked(self._by_pattern[bit])
        return mask


def _by_number(conditions: Sequence[tuple[Condition, Part]]) -> dict[str, Bits]:
    """Return for each exact number the entries that name it.

    Lists of numbers may be long and stand in many entries, so equal lists are gone through once, and equal masks are
    one object.
    """
    lists: dict[frozenset[str], list[int]] = {}
    for i, (condition, part) in enumerate(conditions):
        if part.rank == NUMBER:
            lists.setdefault(condition.exact, []).append(i)
    naming: dict[str, list[int]] = {}
    for place, numbers in enumerate(lists):
        for number in numbers:
            naming.setdefault(number, []).append(place)
    places = list(lists.values())
    packed: dict[tuple[int, ...], Bits] = {}
    for by in naming.values():
        if tuple(by) not in packed:
            packed[tuple(by)] = _packed(i for place in by for i in places[place])
    return {number: packed[tuple(by)] for number, by in naming.items()}


def _by_pattern(conditions: Sequence[tuple[Condition, Part]], patterns: PatternSet) -> list[Bits]:
    """Return for each pattern of the set the entries that name it."""
    naming: list[set[int]] = [set() for _ in patterns.bits]
    for i, (_, part) in enumerate(conditions):
        for pattern in part.patterns:
            naming[patterns.bits[pattern.shape]].add(i)
    return [_packed(entries_naming) for entries_naming in naming]


def _mask(places: Iterable[int]) -> int:
    mask = 0
    for place in places:
        mask |= 1 << place
    return mask


def _packed(places: Iterable[int]) -> Bits:
    several = tuple(places)
    return several if len(several) <= _FEW else _mask(several)


def _unpacked(bits: Bits) -> int:
    return _mask(bits) if isinstance(bits, tuple) else bits


def _ones(mask: int) -> Iterator[int]:
    """Yield the places of the bits that are set, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
