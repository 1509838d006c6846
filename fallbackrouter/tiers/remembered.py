"""The tier `remembered`: the CRM's latest good answer to the same question.

Rules: inside its TTL an answer is fresh; after it, stale for a bounded time, unless the fallback rule that wins now is
another than won when the answer was given (hours have changed). Some apps are never remembered. Ages are told by
the calendar, so that they survive a restart; a clock that jumps back makes an answer no older than new.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from cachetools import LRUCache

from fallbackrouter.core.call import Call
from fallbackrouter.core.route import Gate, Refused, Route
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Verdict
from fallbackrouter.store.remembered import Forgotten, RememberedEntry

FallbackRule = Callable[[Call, datetime], str]
"""The name of the fallback rule that wins for a call at a moment, "" for none."""


_MISS = Miss()


class RememberedStore(Protocol):
    """Where remembered answers are kept; neither method waits."""

    def remember(self, entry: RememberedEntry) -> None:
        """Keep an answer."""
        ...

    def forget(self, key: str) -> None:
        """Drop an answer."""
        ...


def question_key(call: Call) -> str:
    """Return what makes two questions the same: did, caller, stage, line, extra."""
    key = f"{call.did.key or call.did.raw}\x1f{call.caller.key}\x1f{call.stage}\x1f{call.line}"
    return "\x1f".join((key, *(f"{name}={value}" for name, value in call.extra))) if call.extra else key


class RememberedTier:
    """A bounded memory of good answers, written through to the journal.

    Args:
        max_entries: the least recently used goes first.
        ttl_s: how long an answer is fresh where the CRM did not say.
        max_stale_s: how old an answer may be at the most.
        never: apps that are never remembered.
        gate: what was good once passes it again, as the configuration may have become stricter.
        store: None: kept in memory alone.
    """

    def __init__(
        self,
        *,
        max_entries: int,
        ttl_s: float,
        max_stale_s: float,
        never: Iterable[str],
        gate: Gate,
        fallback_rule: FallbackRule,
        store: RememberedStore | None = None,
    ) -> None:
        self._entries: LRUCache[str, RememberedEntry] = LRUCache(max_entries)
        self._ttl_s = ttl_s
        self._max_stale_s = max_stale_s
        self._never = frozenset(never)
        self._gate = gate
        self._fallback_rule = fallback_rule
        self._store = store

    def __len__(self) -> int:
        return len(self._entries)

    def ask(self, call: Call, at: datetime) -> Verdict:
        """Return the remembered answer, with its age.

        Args:
            at: UTC, now.
        """
        entry = self._entries.get(question_key(call)) if self._entries else None
        if entry is None:
            return _MISS
        age_s = _age_s(entry, at)
        if age_s > entry.ttl_s:
            if age_s > self._max_stale_s:
                return Miss("the remembered answer is too old")
            if self._fallback_rule(call, at) != entry.fallback_rule:
                return Miss("the remembered answer is from other hours")
        admitted = self._gate.check(entry.route.fields)
        if isinstance(admitted, Refused):
            return Invalid(admitted.reason)
        return Hit(admitted.route, age_s=age_s)

    def is_fresh(self, call: Call, at: datetime) -> bool:
        """Tell whether an answer inside its TTL is at hand."""
        entry = self._entries.get(question_key(call))
        return entry is not None and _age_s(entry, at) <= entry.ttl_s

    def remember(self, call: Call, route: Route, ttl_s: float | None, at: datetime) -> None:
        """Keep a good answer of the CRM.

        Args:
            ttl_s: as the CRM said; None for the configured one; 0 for "do not remember".
            at: UTC, when it was given.
        """
        key = question_key(call)
        lasts_s = self._ttl_s if ttl_s is None else ttl_s
        if route.app in self._never or lasts_s <= 0:
            self.forget(call)
            return
        entry = RememberedEntry(key, route, at, lasts_s, self._fallback_rule(call, at))
        self._entries[key] = entry
        if self._store is not None:
            self._store.remember(entry)

    def forget(self, call: Call) -> None:
        """Drop the answer to this question: the CRM has said that it knows none."""
        key = question_key(call)
        if self._entries.pop(key, None) is not None and self._store is not None:
            self._store.forget(key)

    def absorb(self, changes: Iterable[RememberedEntry | Forgotten]) -> None:
        """Take over what the journal held at start, or what other workers have learnt since."""
        for change in changes:
            known = self._entries.get(change.key)
            if known is not None and known.at > change.at:
                continue
            if isinstance(change, Forgotten):
                self._entries.pop(change.key, None)
            elif change.route.app not in self._never:
                self._entries[change.key] = change


def _age_s(entry: RememberedEntry, at: datetime) -> float:
    return max(0.0, (at - entry.at).total_seconds())
