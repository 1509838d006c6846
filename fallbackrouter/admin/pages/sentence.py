"""How things stand, in one sentence. Pure: what is known in, words out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fallbackrouter.admin.pages.words import Words
from fallbackrouter.control.parts import DEGRADED, FAILING, OFF, OK
from fallbackrouter.core.tier import FALLBACK, LAST_RESORT, LIVE, OVERRIDE, REMEMBERED, SYNCED
from fallbackrouter.office.lately import Span

CRM_TROUBLE = (LIVE, REMEMBERED, SYNCED, FALLBACK, OVERRIDE, LAST_RESORT)
"""In which order tiers are named: what calls were meant to get, and what they got instead, the worst last."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the sentence is made of.

    Attributes:
        crm: the CRM's state, one of `control.parts.STATES`.
        crm_s: since when it is so, in seconds; None where that is not known.
        workers: their state, and what is wrong with them.
        drill: the fault of the drill that is on, and how much longer; None for none.
        recent: the last five minutes.
        since: since the CRM is as it is; the same as `recent` where that is not known.
        crm_ms: what the CRM takes; None where it has routed no call lately.
    """

    crm: str
    crm_s: float | None
    workers: tuple[str, str]
    drill: tuple[str, float] | None
    recent: Span
    since: Span
    crm_ms: float | None


@dataclass(frozen=True, slots=True)
class Sentence:
    """The sentence, and its mood: one of `control.parts.STATES`."""

    text: str
    mood: str


def sentence_of(standing: Standing | None, words: Words) -> Sentence:
    """Say how things stand.

    Args:
        standing: None where the service does not answer.
    """
    t = words.t
    if standing is None:
        return Sentence(t("The service does not answer its own control socket; its log says why."), FAILING)
    if standing.workers[0] == FAILING:
        reason = words.told(standing.workers[1])
        return Sentence(t("No call is answered: {reason}.", reason=reason), FAILING)
    if standing.drill is not None:
        return Sentence(_drill(standing, *standing.drill, words), DEGRADED)
    if standing.crm == OFF:
        return Sentence(t("No CRM is configured: {calls}.", calls=_routed(standing.recent, words)), OK)
    if standing.crm in {FAILING, DEGRADED}:
        return _ailing(standing, words)
    return _well(standing, words)


def _drill(standing: Standing, fault: str, left_s: float, words: Words) -> str:
    left, calls = words.length(left_s), _routed(standing.since, words)
    return words.t("A drill is on ({fault}), for {left} more: {calls}.", fault=fault, left=left, calls=calls)


def _ailing(standing: Standing, words: Words) -> Sentence:
    calls = _routed(standing.since, words)
    if standing.crm_s is None:
        text = words.t("CRM down: {calls}.", calls=calls)
    elif standing.crm == FAILING:
        text = words.t("CRM down for {length}: {calls}.", length=words.length(standing.crm_s), calls=calls)
    else:
        text = words.t("CRM asked in part for {length}: {calls}.", length=words.length(standing.crm_s), calls=calls)
    return Sentence(text, standing.crm)


def _well(standing: Standing, words: Words) -> Sentence:
    recent, t = standing.recent, words.t
    if not recent.count:
        return Sentence(t("No calls in the last 5 minutes; nothing is known to be wrong with the CRM."), OK)
    if standing.crm_ms is None:
        if recent.degraded:
            return Sentence(t("CRM gives no answer in time: {calls}.", calls=_routed(recent, words)), DEGRADED)
        return Sentence(t("CRM was not needed: {calls}.", calls=_routed(recent, words)), OK)
    took = words.ms(standing.crm_ms)
    if recent.tiers.get(LIVE) == recent.count:
        return Sentence(t("CRM answers in {took}; all calls routed live.", took=took), OK)
    return Sentence(t("CRM answers in {took}: {calls}.", took=took, calls=_routed(recent, words)), OK)


def _routed(span: Span, words: Words) -> str:
    """Say how many calls went by which tier; the first of them says what is counted."""
    found = [tier for tier in CRM_TROUBLE if span.tiers.get(tier)]
    if not found:
        return words.t("no calls meanwhile")
    first, *others = found
    said = [_first(first, span.tiers[first], words), *(_other(one, span.tiers[one], words) for one in others)]
    return ", ".join(said)


def _first(tier: str, count: int, words: Words) -> str:
    n = words.n
    match tier:
        case "live":
            return n("{count} call routed live", "{count} calls routed live", count)
        case "remembered":
            return n("{count} call routed by a remembered answer", "{count} calls routed by remembered answers", count)
        case "synced":
            return n("{count} call routed from synced routes", "{count} calls routed from synced routes", count)
        case "fallback":
            return n("{count} call routed by rules", "{count} calls routed by rules", count)
        case "override":
            return n("{count} call routed by overrides", "{count} calls routed by overrides", count)
        case _:
            return n("{count} call routed by last resort", "{count} calls routed by last resort", count)


def _other(tier: str, count: int, words: Words) -> str:
    t = words.t
    match tier:
        case "remembered":
            return t("{count} by remembered answers", count=count)
        case "synced":
            return t("{count} from synced routes", count=count)
        case "fallback":
            return t("{count} by rules", count=count)
        case "override":
            return t("{count} by overrides", count=count)
        case _:
            return t("{count} by last resort", count=count)


def part_of(parts: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """Return a part of the status by its name; an empty one where it is not told."""
    return next((part for part in parts if part.get("part") == name), {})
