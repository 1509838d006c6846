"""Numbers that are called and that no rule is for: were the CRM away, their calls would get the last resort.

Its rules: a rule that names a number covers it, whoever calls and whenever, as its admin has thought of it; a rule for
every number covers the calls that it takes; so does a synced route, whatever its hour.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from fallbackrouter.core.call import Call, ReadNumber
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.store.dialled import Asked, Dialled, dialled

Synced = Callable[[Call], bool]
"""Tells whether the CRM's synced routes hold one for a call."""


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A number without a rule.

    Attributes:
        did: as dialled.
        calls: so many calls for it would have got the last resort.
        last_at: UTC, the newest of them.
    """

    did: str
    calls: int
    last_at: datetime


def uncovered(
    rules: Iterable[Rule],
    journal: Path,
    *,
    since: datetime,
    now: datetime,
    read_number: ReadNumber,
    synced: Synced,
    late: Callable[[], bool],
) -> list[Uncovered]:
    """Return the numbers that no rule is for though they are called, those with the most calls first. Blocking.

    Args:
        late: the time for it is over; what was found by then is returned.

    Raises:
        StoreError: there is no journal, or it cannot be read now, or is of another schema.
    """
    lasting = [rule for rule in rules if rule.valid_until is None or rule.valid_until > now]
    named = Rulebook(rule for rule in lasting if not rule.did.any)
    general = Rulebook(rule for rule in lasting if rule.did.any)

    def taken(did: str, asked: Asked) -> bool:
        call = Call(did=read_number(did), caller=read_number(asked.caller), stage=asked.stage)
        return general.first(call, asked.at) is not None or synced(call)

    numbers = dialled(journal, since, late=late, skip=lambda did: named.knows(read_number(did)))
    found = [one for number in numbers for one in _left(number, partial(taken, number.did))]
    return sorted(found, key=lambda one: (-one.calls, one.did))


def _left(number: Dialled, taken: Callable[[Asked], bool]) -> Iterator[Uncovered]:
    left = [asked for asked in number.asked if not taken(asked)]
    if left:
        yield Uncovered(number.did, len({asked.call for asked in left}), left[0].at)
