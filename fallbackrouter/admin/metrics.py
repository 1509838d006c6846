"""`/metrics`: what the parent knows of the service, as Prometheus reads it.

Its rules:

- made anew of each snapshot (`status` of the control socket): nothing is kept here, no file and no global registry;
- what only grows is the sum over all processes that there have been (`totals`), so it never goes down while the parent
  lives; what stands now is the worst, the oldest or the sum of the workers, as its meaning says;
- no number and no caller in a label: labels are tiers, states, parts and processes, few and known.

Source: docs/monitoring.md, which names every metric.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from fallbackrouter.control.parts import STATES, Status
from fallbackrouter.core.tally import BOUNDS_MS

PREFIX = "fallbackrouter_"
Sample = tuple[tuple[str, ...], float]
"""The values of the labels, and the number."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One metric.

    Attributes:
        name: without prefix and without `_total`.
        help: one line.
        labels: their names.
        read: a snapshot -> its samples; none where it is not known.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[Status], Iterable[Sample]]


def exposition(status: Status, accept: str) -> tuple[bytes, str]:
    """Return a snapshot for Prometheus, and its content type.

    Args:
        accept: the request's header; OpenMetrics where it asks for that, else Prometheus's own text.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Snapshot(status))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class Snapshot(Collector):
    """A snapshot as the library collects it."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; one without a sample is left out."""
        for family, meanings in ((CounterMetricFamily, COUNTERS), (GaugeMetricFamily, GAUGES)):
            for meaning in meanings:
                metric = family(PREFIX + meaning.name, meaning.help, labels=meaning.labels)
                for labels, value in meaning.read(self._status):
                    metric.add_metric(labels, value)
                if metric.samples:
                    yield metric
        yield from self._histograms()

    def _histograms(self) -> Iterator[Metric]:
        for name, (help_text, key) in HISTOGRAMS.items():
            told = _totals(self._status).get(key)
            if told:
                buckets = zip(
                    [*(f"{ms / 1000:g}" for ms in BOUNDS_MS), "+Inf"], accumulate(told["counts"]), strict=True
                )
                seconds = told["sum_ms"] / 1000
                yield HistogramMetricFamily(PREFIX + name, help_text, buckets=list(buckets), sum_value=seconds)


# --- how a snapshot is read -----------------------------------------------------------------------------------------


def _totals(status: Status) -> Mapping[str, Any]:
    return status.get("totals") or {}


def _total(key: str) -> Callable[[Status], Iterable[Sample]]:
    return lambda status: [((), _totals(status)[key])] if key in _totals(status) else []


def _table(key: str) -> Callable[[Status], Iterable[Sample]]:
    """Read a table of the totals, whose names are the labels' values with blanks between them."""
    return lambda status: [(tuple(name.split(" ")), count) for name, count in (_totals(status).get(key) or {}).items()]


def _workers(key: str, together: Callable[[list[float]], float]) -> Callable[[Status], Iterable[Sample]]:
    """Read a counter of the call workers; nothing where none tells it."""

    def read(status: Status) -> Iterable[Sample]:
        counters = [worker.get("counters") or {} for worker in status.get("workers") or []]
        told = [float(one[key]) for one in counters if one.get(key) is not None]
        return [((), together(told))] if told else []

    return read


def _behind(*path: str) -> Callable[[Status], Iterable[Sample]]:
    """Read a fact of the background process."""

    def read(status: Status) -> Iterable[Sample]:
        fact: Any = status.get("background") or {}
        for name in path:
            fact = fact.get(name) if isinstance(fact, Mapping) else None
        return [] if fact is None else [((), float(fact))]

    return read


def _outbox(status: Status) -> Iterable[Sample]:
    outbox = (status.get("background") or {}).get("outbox") or {}
    return [((state,), outbox[state]) for state in ("pending", "refused", "dead") if state in outbox]


def _processes(status: Status) -> list[Mapping[str, Any]]:
    others = (status.get("background"), status.get("admin"))
    return [*(status.get("workers") or []), *(one for one in others if isinstance(one, Mapping))]


def _of_processes(key: str, times: float = 1) -> Callable[[Status], Iterable[Sample]]:
    return lambda status: [((str(one["name"]),), one[key] * times) for one in _processes(status) if key in one]


def _parts(status: Status) -> Iterable[Sample]:
    parts = status.get("parts") or []
    return [((part["part"], state), float(part["state"] == state)) for part in parts for state in STATES]


def _breaker(status: Status) -> Iterable[Sample]:
    breaker = status.get("breaker")
    return [((), float(breaker["share"]))] if breaker else []


def _plain(key: str) -> Callable[[Status], Iterable[Sample]]:
    return lambda status: [((), float(status[key]))] if status.get(key) is not None else []


COUNTERS = (
    Meaning("decisions", "Questions that were answered, by tier and status.", ("tier", "status"), _table("decisions")),
    Meaning("tier_outcomes", "What tiers said when they were asked.", ("tier", "outcome"), _table("outcomes")),
    Meaning("answers_late", "Answers that took longer than budget.call_ms (of their policy).", (), _total("late")),
    Meaning("unrecorded", "Answers and events that were not on disk in time.", (), _total("unrecorded")),
    Meaning("events", "Events that the dialplan reported.", (), _total("events")),
    Meaning("test_questions", "Questions of our own, which count in nothing else.", (), _total("tests")),
    Meaning("connections", "Connections, by what became of them.", ("end",), _table("connections")),
    Meaning("breaker_refusals", "Calls that the breaker kept from the CRM.", (), _total("breaker_refused")),
    Meaning("probes", "Probes that were sent to a CRM that failed.", (), _total("probes")),
    Meaning("event_tries", "Tries to tell the CRM of an event that got an answer or none.", (), _total("events_tried")),
    Meaning("events_delivered", "Events that the CRM has taken.", (), _total("events_delivered")),
    Meaning("crm_calls_sent", "Calls of the CRM's that were given to Asterisk.", (), _total("calls_sent")),
    Meaning("crm_calls", "Calls of the CRM's that have ended, by outcome.", ("outcome",), _table("calls_ended")),
    Meaning("prompt_answers", "Answers with prompts that were all there.", (), _total("prompts_ok")),
    Meaning("prompt_answers_missing", "Answers that lacked a prompt.", (), _total("prompts_missing")),
    Meaning("prompts_fetched", "Audio that was fetched and kept.", (), _total("prompts_fetched")),
    Meaning("prompts_spoken", "Texts that were spoken and kept.", (), _total("prompts_spoken")),
    Meaning("prompt_failures", "Tries to have a prompt that failed.", (), _total("prompt_failures")),
    Meaning("alerts_told", "Alerts that were told.", (), _total("alerts_told")),
    Meaning("alert_failures", "Tries to tell an alert that failed.", (), _total("alert_failures")),
    Meaning(
        "child_restarts", "How often a process was started as it had ended.", ("child",), _of_processes("restarts")
    ),
)
GAUGES = (
    Meaning("build_info", "The version that runs.", ("version",), lambda status: [((str(status.get("version")),), 1)]),
    Meaning("ready", "1: calls are answered.", (), _plain("ready")),
    Meaning("healthy", "1: every call worker serves and was heard lately.", (), _plain("healthy")),
    Meaning("part_state", "1 for the state that a part is in.", ("part", "state"), _parts),
    Meaning("calls_held", "Connections in hand.", (), _workers("held", sum)),
    Meaning("live_in_flight", "Questions on their way to the CRM.", (), _workers("live_in_flight", sum)),
    Meaning("live_waiting", "Calls that wait for one of them to end.", (), _workers("live_waiting", sum)),
    Meaning("breaker_share", "Share of calls that ask the CRM: 1 closed, 0 open.", (), _breaker),
    Meaning("dns_age_seconds", "Since the CRM's addresses were confirmed.", (), _workers("dns_age_s", max)),
    Meaning("dns_failures", "Look-ups in a row that found nothing.", (), _workers("dns_failures", max)),
    Meaning("journal_pending", "Decisions and events that are not on disk yet.", (), _workers("journal_pending", sum)),
    Meaning("journal_lag_seconds", "For how long the oldest of them waits.", (), _workers("journal_lag_s", max)),
    Meaning("sync_age_seconds", "Since the CRM last said that the routes hold.", (), _behind("sync", "age_s")),
    Meaning("sync_rows", "Routes of the last feed.", (), _behind("sync", "rows")),
    Meaning("sync_failures", "Fetches of the feed in a row that failed.", (), _behind("sync", "failures")),
    Meaning("outbox_events", "Events by state; what was delivered is not among them.", ("state",), _outbox),
    Meaning("outbox_oldest_seconds", "Age of the oldest event that waits.", (), _behind("outbox", "oldest_s")),
    Meaning("crm_calls_waiting", "Calls of the CRM's that wait to be made.", (), _behind("calls", "waiting")),
    Meaning("crm_calls_open", "Calls of the CRM's under way.", (), _behind("calls", "open")),
    Meaning("prompts", "Prompts that can be played.", (), _behind("prompts", "ready")),
    Meaning("prompts_lacking", "Prompts that routes name and that are not there.", (), _behind("prompts", "lacking")),
    Meaning("prompts_bytes", "Room that prompts take.", (), _behind("prompts", "bytes")),
    Meaning("disk_free_bytes", "Room where data_dir lies.", (), _behind("disk_free_bytes")),
    Meaning("rules", "Rules that serve.", (), _plain("rules")),
    Meaning("routes", "Routes of the CRM's feed that serve.", (), _plain("routes")),
    Meaning("routes_age_seconds", "Since the CRM last said that these hold.", (), _workers("routes_age_s", max)),
    Meaning("child_resident_bytes", "Memory that a process takes.", ("child",), _of_processes("rss_mb", 1_048_576)),
    Meaning("drill_on", "1: a drill is on.", (), lambda status: [((), float(bool(status.get("drill"))))]),
)
HISTOGRAMS = {
    "answer_seconds": ("From the question's last byte to the answer's last, in buckets around the budget.", "answer"),
    "crm_seconds": (
        "How long calls waited for the live CRM's answer; those that gave up count with their wait.",
        "crm",
    ),
}
"""name -> help, and the key in the totals."""


def metric_names() -> set[str]:
    """Return every name as Prometheus sees it."""
    names = {f"{PREFIX}{meaning.name}_total" for meaning in COUNTERS} | {PREFIX + one.name for one in GAUGES}
    return names | {f"{PREFIX}{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "sum", "count")}
