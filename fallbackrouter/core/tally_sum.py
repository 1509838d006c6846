"""What several processes counted, as one: of plain values alone, as who sums up loads nothing else."""

from typing import Any


def added(one: Any, other: Any) -> Any:
    """Return the sum of two tallies as they are told, name by name and bucket by bucket; None counts as nothing.

    Where the two are not of one kind, as a child of another version tells them, the one that is not empty counts.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: added(one.get(name), other.get(name)) for name in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [added(mine, yours) for mine, yours in zip(one, other, strict=True)]
    if _is_number(one) and _is_number(other):
        return one + other
    return other if one is None else one


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
