"""What a tier said. *Not known* and *could not ask* are never the same."""

from msgspec import Struct

from fallbackrouter.core.route import Route


class Hit(Struct, frozen=True):
    """The tier knows where the call goes.

    Attributes:
        rule: the rule's name or the feed row's id, "" where the tier has none.
        age_s: how old the answer is, None where it has no age (asked just now, or a rule).
        notes: what was left out of the answer, and other words for the trail.
        next_route: where the call goes if the route's destination cannot take it; None where nothing is said.
    """

    route: Route
    rule: str = ""
    age_s: float | None = None
    notes: tuple[str, ...] = ()
    next_route: Route | None = None


class Miss(Struct, frozen=True):
    """The tier was asked, and knows no route for this call."""

    reason: str = ""


class TimedOut(Struct, frozen=True):
    """The tier was asked, and did not answer in time."""

    reason: str = ""


class Unavailable(Struct, frozen=True):
    """The tier could not be asked, or failed before it answered."""

    reason: str


class Invalid(Struct, frozen=True):
    """The tier answered something that may not reach a dialplan."""

    reason: str


class Skipped(Struct, frozen=True):
    """The tier was not asked at all."""

    reason: str


Verdict = Hit | Miss | TimedOut | Unavailable | Invalid | Skipped

NAMES: dict[type, str] = {
    Hit: "hit",
    Miss: "miss",
    TimedOut: "timed_out",
    Unavailable: "unavailable",
    Invalid: "invalid",
    Skipped: "skipped",
}
"""How verdicts are spelled in trails and JSON."""


def reason_of(verdict: Verdict) -> str:
    """Return the verdict's reason in plain words, "" for a hit or a reasonless verdict."""
    return "" if isinstance(verdict, Hit) else verdict.reason
