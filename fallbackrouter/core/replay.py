"""Where a call on record would go by other rules.

Its rules: the tiers are gone through in the order of the policy that holds now; `override` and `fallback` are decided
anew for the moment of the call; what `live`, `remembered` and `synced` said stays as it is on record. Where one of
these would be asked that was not asked then, nobody knows what it would have said: the answer is then that tier,
without a route. Without a CRM, `live` and `remembered` know nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.policy import Policies
from fallbackrouter.core.route import Route
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.tier import FALLBACK, LAST_RESORT, LIVE, OVERRIDE, REMEMBERED

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """Where a call goes.

    Attributes:
        source: the tier.
        rule: the rule's name, "" where the tier has none.
        route: None where the tier would have to be asked.
        next_route: where it goes if that cannot take it; None where nothing is said.
    """

    source: str
    rule: str = ""
    route: Fields | None = None
    next_route: Fields | None = None

    @property
    def place(self) -> tuple[object, ...]:
        """What tells where, whoever says so; a tier that would have to be asked is a place of its own."""
        return ("ask", self.source) if self.route is None else (self.route, self.next_route)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A question on record.

    Attributes:
        decision_id: finds it again.
        at: UTC.
        answer: what it got.
        asked: the tiers that were asked then, or skipped for a reason; of them only `answer.source` knew a route.
        live_missed: the CRM said that it knows no route; `remembered` is then skipped.
        caller: as received, for people; `call` may leave it out.
    """

    decision_id: str
    at: datetime
    call: Call
    answer: Answer
    asked: frozenset[str]
    live_missed: bool = False
    caller: str = ""


class Replay:
    """Decides recorded calls by one set of rules.

    Args:
        override: the rules of that tier; `fallback` the same.
        has_crm: a CRM is configured.
    """

    def __init__(
        self, override: Rulebook, fallback: Rulebook, policies: Policies, last_resort: Route, *, has_crm: bool
    ) -> None:
        self._books = {OVERRIDE: override, FALLBACK: fallback}
        self._policies = policies
        self._last_resort = Answer(LAST_RESORT, route=last_resort.fields)
        self._unasked_miss = frozenset() if has_crm else frozenset({LIVE, REMEMBERED})

    def decide(self, recorded: Recorded) -> Answer:
        """Return where the call would go."""
        missed = False
        for tier in self._policies.of(recorded.call.did).order:
            if tier == REMEMBERED and missed:
                continue
            missed = missed or (tier == LIVE and recorded.live_missed)
            book = self._books.get(tier)
            answer = self._by_rules(book, tier, recorded) if book is not None else self._on_record(tier, recorded)
            if answer is not None:
                return answer
        return self._last_resort

    def asks_who_calls(self, did: Number) -> bool:
        """Tell whether any rule for this did names its callers."""
        return any(book.asks_who_calls(did) for book in self._books.values())

    def _by_rules(self, book: Rulebook, tier: str, recorded: Recorded) -> Answer | None:
        rule = book.first(recorded.call, recorded.at)
        if rule is None:
            return None
        next_route = rule.next_route.fields if rule.next_route is not None else None
        return Answer(tier, rule.name, rule.route.fields, next_route)

    def _on_record(self, tier: str, recorded: Recorded) -> Answer | None:
        if tier == LAST_RESORT:
            return self._last_resort
        if tier == recorded.answer.source:
            return recorded.answer
        if tier in recorded.asked or tier in self._unasked_miss:
            return None
        return Answer(tier)
