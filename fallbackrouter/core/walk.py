"""The walk over the tiers: a plain state machine that ends in exactly one Outcome.

`next_step` says which tier to ask next and for how long; `take` hands it the verdict. Its rules:

- the first Hit ends the walk; the last resort needs no asking and cannot fail;
- only `live` is subject to the deadline, the others are instant and are asked even after it;
- a live Miss skips `remembered`: the CRM has just said that it knows no route;
- whoever drives the walk never waits: a step that cannot be taken is noted as Skipped here.
"""

from msgspec import Struct

from fallbackrouter.core.deadline import Deadline
from fallbackrouter.core.decision import DEGRADED, OK, Outcome, Step
from fallbackrouter.core.policy import Policy
from fallbackrouter.core.route import Route
from fallbackrouter.core.tier import DEFAULT_ORDER, LAST_RESORT, LIVE, REMEMBERED
from fallbackrouter.core.verdict import Hit, Miss, Skipped, Verdict

MIN_LIVE_S = 0.001
"""With less left than this, the live CRM is not asked: no network answers so fast."""


class Ask(Struct, frozen=True):
    """The next tier to ask.

    Attributes:
        within_s: how long the call waits for it; binds only the live one, and is 0 for the instant ones.
        lasts_s: how long the question itself may be on its way; more than `within_s` where a fresh remembered answer
            is at hand, so that it goes on behind the call and refreshes it.
    """

    tier: str
    within_s: float = 0.0
    lasts_s: float = 0.0


_INSTANT = {tier: Ask(tier) for tier in DEFAULT_ORDER}


class Walk:
    """One call's way over the tiers.

    Args:
        policy: order and budget.
        last_resort: what answers when nobody else did.
        started_s: when the call's time began to count, monotonic.
        reserve_ms: kept back from the budget for recording and sending the answer.
        fresh: a remembered answer inside its TTL is at hand, so the call waits for live `fresh_ms` only.
        live_refused: a reason not to ask the live CRM at all ("" to ask it).
    """

    def __init__(
        self,
        policy: Policy,
        last_resort: Route,
        started_s: float,
        *,
        reserve_ms: float = 0.0,
        fresh: bool = False,
        live_refused: str = "",
    ) -> None:
        self._tiers = [tier for tier in policy.order if tier != LAST_RESORT]
        self._last_resort = last_resort
        self._deadline = Deadline.after(started_s, policy.call_ms - reserve_ms)
        self._live_s = policy.live_ms / 1000
        self._fresh_s = policy.fresh_ms / 1000 if fresh and self._remembers_after_live() else self._live_s
        self._live_refused = live_refused
        self._steps: list[Step] = []
        self._asked: tuple[str, float] | None = None
        self._at = 0
        self._live_missed = False
        self._degraded = False
        self.outcome: Outcome | None = None

    def _remembers_after_live(self) -> bool:
        tiers = self._tiers
        return LIVE in tiers and REMEMBERED in tiers[tiers.index(LIVE) :]

    def next_step(self, now_s: float) -> Ask | None:
        """Return the next tier to ask, or None once there is an outcome.

        Raises:
            RuntimeError: the verdict of the last step has not been taken yet.
        """
        if self._asked is not None:
            raise RuntimeError(f"{self._asked[0]} was asked and has not answered")
        while self.outcome is None:
            if self._at == len(self._tiers):
                self._finish(LAST_RESORT, Hit(self._last_resort), 0.0)
                break
            tier = self._tiers[self._at]
            self._at += 1
            lasts_s = min(self._live_s, self._deadline.left_s(now_s)) if tier == LIVE else 0.0
            skipped = self._reason_to_skip(tier, lasts_s)
            if skipped is None:
                self._asked = (tier, now_s)
                return Ask(tier, min(self._fresh_s, lasts_s), lasts_s) if tier == LIVE else _INSTANT[tier]
            self._note(tier, skipped, 0.0)
        return None

    def _reason_to_skip(self, tier: str, lasts_s: float) -> Skipped | None:
        if tier == LIVE:
            if self._live_refused:
                return Skipped(self._live_refused)
            if lasts_s < MIN_LIVE_S:
                return Skipped("no time left")
        if tier == REMEMBERED and self._live_missed:
            return Skipped("the CRM has just said that it knows no route")
        return None

    def take(self, verdict: Verdict, now_s: float) -> None:
        """Take the verdict of the tier that was asked.

        Raises:
            RuntimeError: no tier was asked.
        """
        if self._asked is None:
            raise RuntimeError("a verdict came without a question")
        tier, asked_s = self._asked
        self._asked = None
        ms = max(0.0, now_s - asked_s) * 1000
        if isinstance(verdict, Hit):
            self._finish(tier, verdict, ms)
        else:
            self._note(tier, verdict, ms)

    def _note(self, tier: str, verdict: Verdict, ms: float) -> None:
        if tier == LIVE:
            self._live_missed = isinstance(verdict, Miss)
            self._degraded = not isinstance(verdict, Miss)
        self._steps.append(Step(tier, verdict, ms))

    def _finish(self, tier: str, hit: Hit, ms: float) -> None:
        self._steps.append(Step(tier, hit, ms))
        self.outcome = Outcome(
            route=hit.route,
            source=tier,
            rule=hit.rule,
            status=DEGRADED if self._degraded else OK,
            steps=tuple(self._steps),
            next_route=hit.next_route,
        )
