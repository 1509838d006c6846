"""What a tier said. *Not known* and *could not ask* are never the same."""

from dataclasses import dataclass

from fallbackrouter.core.route import Route


@dataclass(frozen=True, slots=True)
class Hit:
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


@dataclass(frozen=True, slots=True)
class Miss:
    """The tier was asked, and knows no route for this call."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The tier was asked, and did not answer in time."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The tier could not be asked, or failed before it answered."""

    reason: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """The tier answered something that may not reach a dialplan."""

    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
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
