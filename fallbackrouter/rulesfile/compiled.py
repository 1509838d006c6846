"""The compiled set: checked rules as values and as bytes, so that a call worker never parses YAML.

Its rules: no ruamel here; bytes come from a database and are checked again while they are read; the same rules give
the same bytes; a long list that several rules share is stored and held once.
"""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from fallbackrouter.core.errors import RulesError
from fallbackrouter.core.rule import Rule
from fallbackrouter.rulesfile.rules import LoadZone, make_rules
from fallbackrouter.rulesfile.specs import MAX_RULES, DatesSpec, NumbersSpec, RuleSpec

__all__ = ["MAX_BODY_BYTES", "DatesSpec", "NumbersSpec", "RuleSpec", "digest", "dump", "load", "load_specs"]

MAX_BODY_BYTES = 64_000_000
VERSION = 2
"""The newest format. A set is written in the oldest that can hold it, so that an older release reads what it can."""

_SHARED_FROM = 100
"""Lists of at least so many numbers stand apart in the bytes."""
_DATES_SHARED_FROM = 4
"""The same for dates: holidays are few, and many rules share them."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: int
    lists: tuple[tuple[str, ...], ...]
    rules: tuple[RuleSpec, ...]


def dump(specs: Iterable[RuleSpec]) -> bytes:
    """Return the bytes of a set of rules; the order is kept, as it decides between equals."""
    given = tuple(specs)
    lists: dict[tuple[str, ...], int] = {}

    def apart(numbers: NumbersSpec) -> NumbersSpec:
        if len(numbers.exact) < _SHARED_FROM:
            return numbers
        index = lists.setdefault(numbers.exact, len(lists))
        return msgspec.structs.replace(numbers, exact=(), shared=index)

    def dates_apart(dates: DatesSpec) -> DatesSpec:
        if len(dates.days) < _DATES_SHARED_FROM:
            return dates
        return DatesSpec(shared=lists.setdefault(dates.days, len(lists)))

    rules = tuple(
        msgspec.structs.replace(
            spec,
            did=apart(spec.did),
            caller=apart(spec.caller),
            dates=dates_apart(spec.dates),
            except_dates=dates_apart(spec.except_dates),
        )
        for spec in given
    )
    version = max((spec.version for spec in given), default=1)
    return msgspec.json.encode(_Body(v=version, lists=tuple(lists), rules=rules))


def digest(body: bytes) -> str:
    """Return what tells two compiled sets apart: SHA-256 in hex."""
    return hashlib.sha256(body).hexdigest()


def load(body: bytes, load_zone: LoadZone) -> tuple[Rule, ...]:
    """Read the bytes of a compiled set as rules.

    Raises:
        RulesError: the bytes are no compiled set of this release, or hold what no check would have let through.
    """
    try:
        return make_rules(_specs(body), load_zone)
    except (ValueError, RecursionError) as error:
        raise _unusable(error) from error


def load_specs(body: bytes) -> tuple[RuleSpec, ...]:
    """Read the bytes of a compiled set as they were dumped.

    Raises:
        RulesError: the bytes are no compiled set of this release.
    """
    try:
        return tuple(_specs(body))
    except (ValueError, RecursionError) as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> RulesError:
    return RulesError(f"the stored rules cannot be used ({error}); run `fallbackrouter rules apply`")


def _specs(body: bytes) -> Iterator[RuleSpec]:
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"larger than {MAX_BODY_BYTES // 1_000_000} MB")
    decoded = msgspec.json.decode(body, type=_Body)
    if not 1 <= decoded.v <= VERSION:
        raise ValueError(f"written by another release, format {decoded.v}")
    if len(decoded.rules) > MAX_RULES:
        raise ValueError(f"more than {MAX_RULES:,} rules")
    for spec in decoded.rules:
        yield msgspec.structs.replace(
            spec,
            did=_together(spec.did, decoded.lists),
            caller=_together(spec.caller, decoded.lists),
            dates=_dates_together(spec.dates, decoded.lists),
            except_dates=_dates_together(spec.except_dates, decoded.lists),
        )


def _together(numbers: NumbersSpec, lists: tuple[tuple[str, ...], ...]) -> NumbersSpec:
    if numbers.shared == -1:
        return numbers
    return msgspec.structs.replace(numbers, exact=_listed(numbers.shared, lists), shared=-1)


def _dates_together(dates: DatesSpec, lists: tuple[tuple[str, ...], ...]) -> DatesSpec:
    return dates if dates.shared == -1 else DatesSpec(days=_listed(dates.shared, lists))


def _listed(shared: int, lists: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    if not 0 <= shared < len(lists):
        raise ValueError("a list of numbers or dates is missing")
    return lists[shared]
