"""The figures beside each part on *Now*. Pure: the control socket's `status` in, words out."""

from collections.abc import Callable, Mapping
from typing import Any

from fallbackrouter.admin.pages.words import Words
from fallbackrouter.control.parts import Status

Json = Mapping[str, Any]


def fact_of(name: str, status: Status, words: Words, crm_ms: float | None) -> str:
    """Return a part's figures, "" where it has none or they are not known.

    Args:
        name: the part's, as in `control.parts`.
        crm_ms: what the CRM takes.
    """
    if name == "crm":
        return "" if crm_ms is None else words.t("answers in {took}", took=words.ms(crm_ms))
    known = _FACTS.get(name)
    return known(status, words) if known else ""


def _workers(status: Status, words: Words) -> str:
    workers = status.get("workers") or []
    ready = sum(worker.get("state") == "ready" for worker in workers)
    return words.t("{ready} of {all} ready", ready=ready, all=len(workers))


def _breaker(status: Status, words: Words) -> str:
    share = (status.get("breaker") or {}).get("share")
    return "" if share is None else words.t("{share} % of calls ask", share=round(float(share) * 100))


def _dns(status: Status, words: Words) -> str:
    told = [(worker.get("counters") or {}).get("dns_age_s") for worker in status.get("workers") or []]
    ages_s = [float(age_s) for age_s in told if age_s is not None]
    return words.t("looked up {age} ago", age=words.length(max(ages_s))) if ages_s else ""


def _sync(status: Status, words: Words) -> str:
    sync = _background(status).get("sync") or {}
    if sync.get("age_s") is None:
        return ""
    rows, age = int(sync.get("rows") or 0), words.length(float(sync["age_s"]))
    return words.n("{count} route, {age} old", "{count} routes, {age} old", rows, age=age)


def _outbox(status: Status, words: Words) -> str:
    outbox = _background(status).get("outbox")
    if outbox is None:
        return ""
    pending = int(outbox.get("pending") or 0)
    if not pending:
        return words.t("nothing waits")
    oldest = words.length(float(outbox.get("oldest_s") or 0))
    return words.n(
        "{count} event waits, for {oldest}", "{count} events wait, the oldest for {oldest}", pending, oldest=oldest
    )


def _journal(status: Status, words: Words) -> str:
    counters = [worker.get("counters") or {} for worker in status.get("workers") or []]
    waiting = sum(int(one.get("journal_pending") or 0) for one in counters)
    return words.n("{count} record waits", "{count} records wait", waiting) if waiting else words.t("nothing waits")


def _rules(status: Status, words: Words) -> str:
    rules = status.get("rules")
    return "" if rules is None else words.n("{count} rule serves", "{count} rules serve", int(rules))


def _disk(status: Status, words: Words) -> str:
    free_bytes = _background(status).get("disk_free_bytes")
    return "" if free_bytes is None else words.t("{gb} GB free", gb=words.number(float(free_bytes) / 1e9, 1))


def _background(status: Status) -> Json:
    return status.get("background") or {}


_FACTS: Mapping[str, Callable[[Status, Words], str]] = {
    "workers": _workers,
    "breaker": _breaker,
    "dns": _dns,
    "sync": _sync,
    "outbox": _outbox,
    "journal": _journal,
    "rules": _rules,
    "disk": _disk,
}
