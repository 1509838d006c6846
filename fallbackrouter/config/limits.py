"""The bounds of every number in the configuration: outside of them it is a slip of the pen."""

from dataclasses import dataclass

_MINUTE_MS = 60_000
_YEAR_S = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Limit:
    """The least and the most that a key may be; with `above`, the least itself is too little."""

    least: float
    most: float
    above: bool = False

    def admits(self, number: float) -> bool:
        """Tell whether a number is inside; NaN never is."""
        return (self.least < number if self.above else self.least <= number) and number <= self.most

    @property
    def text(self) -> str:
        """The bounds for people."""
        if self.above:
            return f"above {self.least:,} and at most {self.most:,}"
        return f"{self.least:,} to {self.most:,}"


_MS = Limit(0, _MINUTE_MS, above=True)
_SECONDS = Limit(0, _YEAR_S)
_SOME_SECONDS = Limit(0, _YEAR_S, above=True)

LIMITS = {
    "agi.workers": Limit(1, 64),
    "agi.max_calls": Limit(1, 100_000),
    "agi.heartbeat_ms": Limit(100, _MINUTE_MS),
    "agi.max_rss_mb": Limit(0, 1_048_576),
    "budget.call_ms": _MS,
    "budget.live_ms": _MS,
    "budget.fresh_ms": _MS,
    "budget.journal_ms": _MS,
    "crm.max_in_flight": Limit(1, 1_000),
    "crm.max_waiting": Limit(0, 100_000),
    "crm.max_late": Limit(0, 1_000),
    "crm.late_ms": _MS,
    "crm.max_answer_bytes": Limit(64, 16_777_216),
    "crm.keepalive_s": Limit(0, 3_600),
    "crm.dns_max_stale_s": _SECONDS,
    "remembered.max_entries": Limit(0, 10_000_000),
    "remembered.ttl_s": _SECONDS,
    "remembered.max_stale_s": _SECONDS,
    "sync.every_s": Limit(1, _YEAR_S),
    "sync.max_shrink": Limit(0, 1),
    "sync.max_rejects": Limit(0, 1),
    "sync.max_patterns": Limit(0, 100_000),
    "sync.max_backoff_s": Limit(1, 86_400),
    "sync.stale_after_s": _SOME_SECONDS,
    "events.ttl_s": _SOME_SECONDS,
    "events.max_in_flight": Limit(1, 1_000),
    "events.max_rate": Limit(0, 100_000),
    "events.timeout_s": Limit(0, 600, above=True),
    "recordings.wait_s": _SECONDS,
    "alerts.timeout_s": Limit(0, 600, above=True),
    "alerts.calm_s": Limit(0, 86_400, above=True),
    "ami.grace_s": Limit(1, 3_600),
    "calls.at_once": Limit(1, 1_000),
    "calls.max_rate": Limit(0, 1_000),
    "calls.max_per_minute": Limit(1, 100_000),
    "calls.max_waiting": Limit(1, 100_000),
    "calls.timeout_s": Limit(1, 600),
    "calls.not_after_s": Limit(1, 86_400),
    "dialplan.max_rules": Limit(1, 100_000),
    "prompts.max_mb": Limit(1, 1_048_576),
    "prompts.max_file_mb": Limit(0.1, 1_024),
    "prompts.max_s": Limit(1, 3_600),
    "prompts.fetch_s": Limit(1, 3_600),
    "prompts.recheck_s": Limit(60, _YEAR_S),
    "prompts.speech_s": Limit(1, 600),
    "journal.max_pending": Limit(1, 10_000_000),
    "journal.keep_days": Limit(0, 36_600),
    "journal.max_mb": Limit(0, 16_777_216),
    "journal.min_free_mb": Limit(0, 1_048_576),
    "journal.mask_after_days": Limit(0, 36_600),
    "admin.session_s": Limit(60, _YEAR_S),
    "policy.call_ms": _MS,
    "policy.live_ms": _MS,
    "policy.fresh_ms": _MS,
}
