"""What a check found: ok, warn, fail or skip, with what was seen and, unless all is well, what to do next."""

from dataclasses import dataclass
from typing import Literal

from fallbackrouter.core.errors import FallbackrouterError

Level = Literal["ok", "warn", "fail", "skip"]
"""skip: it could not be looked at, or there is nothing to look at; `what` says why."""

SEE_DOCS = "see docs/doctor.md"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    Attributes:
        check: the check's name.
        what: what was seen, one clause.
        remedy: what to do next, one clause; "" for ok and skip.
    """

    check: str
    level: Level
    what: str
    remedy: str = ""


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", what)


def skip(check: str, what: str) -> Finding:
    """It could not be looked at, or there is nothing to look at."""
    return Finding(check, "skip", what)


def warn(check: str, what: str, remedy: str) -> Finding:
    """Calls are answered, but not as they were meant to be, or not for long."""
    return Finding(check, "warn", what, remedy)


def fail(check: str, what: str, remedy: str) -> Finding:
    """Something that is needed does not work."""
    return Finding(check, "fail", what, remedy)


def failed_by(check: str, error: FallbackrouterError) -> Finding:
    """Tell of a refusal of ours, whose sentence ends with the remedy."""
    what, _, remedy = str(error).rpartition("; ")
    return fail(check, what or remedy, remedy if what else SEE_DOCS)
