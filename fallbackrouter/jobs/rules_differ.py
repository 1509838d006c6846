"""What sets two sets of rules apart, rule by rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from fallbackrouter.rulesfile.specs import NumbersSpec, RuleSpec

Kind = Literal["added", "removed", "changed"]

_AS_IN_FILES = {
    "variables": "route",
    "functions": "route (functions)",
    "next_variables": "second route",
    "stages": "stage",
    "windows": "when",
    "except_dates": "except",
}
"""How a file spells what a compiled rule calls otherwise."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that is not the same in both sets.

    Attributes:
        keys: of a changed rule, key -> what it was and what it is, for people.
        before: None where the rule was added.
        after: None where it was removed.
    """

    kind: Kind
    tier: str
    name: str
    keys: Mapping[str, tuple[str, str]]
    before: RuleSpec | None
    after: RuleSpec | None


def differences(before: Sequence[RuleSpec], after: Sequence[RuleSpec]) -> list[Difference]:
    """Return every rule that was added, removed or changed, in the order of the files; where it stands is no change."""
    was = {(spec.tier, spec.name): spec for spec in before}
    names = {(spec.tier, spec.name) for spec in after}
    found = []
    for spec in after:
        former = was.get((spec.tier, spec.name))
        if former is None:
            found.append(Difference("added", spec.tier, spec.name, {}, None, spec))
        elif keys := _keys(former, spec):
            found.append(Difference("changed", spec.tier, spec.name, keys, former, spec))
    gone = [spec for key, spec in was.items() if key not in names]
    return [*found, *(Difference("removed", spec.tier, spec.name, {}, spec, None) for spec in gone)]


def same_order(before: Sequence[RuleSpec], after: Sequence[RuleSpec]) -> bool:
    """Tell whether the rules that both sets have stand in the same order, which decides between equals."""
    first, second = ([(spec.tier, spec.name) for spec in specs] for specs in (before, after))
    return [key for key in first if key in set(second)] == [key for key in second if key in set(first)]


def _keys(before: RuleSpec, after: RuleSpec) -> dict[str, tuple[str, str]]:
    found = {}
    for field in RuleSpec.__struct_fields__:
        was, is_ = getattr(before, field), getattr(after, field)
        if was != is_ and field != "place":
            found[_AS_IN_FILES.get(field, field)] = _told(was, is_)
    return found


def _told(was: Any, is_: Any) -> tuple[str, str]:
    if isinstance(was, NumbersSpec) and isinstance(is_, NumbersSpec) and was.describe() == is_.describe():
        first, second = ({*one.exact, *one.patterns} for one in (was, is_))
        return was.describe(), f"{len(second - first):,} added, {len(first - second):,} taken out"
    return _one(was), _one(is_)


def _one(value: Any) -> str:
    if hasattr(value, "describe"):
        return str(value.describe())
    if isinstance(value, tuple):
        return " ".join("=".join(part) if isinstance(part, tuple) else str(part) for part in value) or "none"
    return str(value) if value != "" else "none"


def plain(spec: RuleSpec | None) -> Any:
    """Return a rule as JSON can carry it."""
    return None if spec is None else msgspec.to_builtins(spec)
