"""The journal's tables, as SQLAlchemy sees them: what queries are made of and what migrations are held against.

A change here needs a migration and the same change in `schema` (tests compare the three). Its rules:

- moments are INTEGER milliseconds since 1970, UTC; lengths of time are REAL, their unit in the name;
- ids are UUIDv7 texts, made where the thing happened, so that writing one twice writes it once;
- JSON is TEXT, written by msgspec.
"""

from sqlalchemy import REAL, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _whole(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _ms(name: str) -> Column[float]:
    return Column(name, REAL)


decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True, nullable=False),
    _whole("at"),
    *map(_text, ("node", "call_id", "linked_id", "did", "caller", "did_key", "caller_key", "stage", "line")),
    *map(_text, ("context", "channel", "source", "rule", "status")),
    _whole("test"),
    _ms("ms"),
    _text("route"),
    _text("trail"),
    *map(_ms, ("read_ms", "walk_ms", "live_queue_ms", "live_ms", "journal_ms", "write_ms")),
    Index("decisions_by_call", "call_id", "id"),
    Index("decisions_by_linked", "linked_id", "id", sqlite_where=text("linked_id <> call_id AND linked_id <> ''")),
    Index("decisions_by_time", "at"),
    Index("decisions_over_1000_ms", "at", "ms", sqlite_where=text("ms >= 1000")),
    Index("decisions_over_400_ms", "at", "ms", sqlite_where=text("ms >= 400 AND ms < 1000")),
    Index("decisions_over_100_ms", "at", "ms", sqlite_where=text("ms >= 100 AND ms < 400")),
    Index("decisions_over_10_ms", "at", "ms", sqlite_where=text("ms >= 10 AND ms < 100")),
    Index("decisions_under_10_ms", "at", "ms", sqlite_where=text("ms < 10")),
    Index("decisions_by_did", "did_key", "at"),
    Index("decisions_by_caller", "caller_key", "at"),
    Index("decisions_by_source", "source", "status", "at"),
    Index("decisions_by_rule", "rule", "at", sqlite_where=text("rule <> ''")),
    Index("decisions_drilled", "at", sqlite_where=text("""instr(trail, '"drill: ') > 0""")),
)
"""One row a question: the call, the answer, and the way to it. `ms` and `write_ms` come once the answer is out."""

events = Table(
    "events",
    metadata,
    Column("event_id", Text, primary_key=True, nullable=False),
    _whole("at"),
    *map(_text, ("node", "call_id", "linked_id", "call_key")),
    _whole("seq"),
    *map(_text, ("stage", "did", "caller", "decision_id", "details", "state")),
    _whole("test"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    *(Column(name, Integer) for name in ("due_at", "tried_at", "missing_since")),
    Column("answer", Text, nullable=False, server_default=text("''")),
    Column("ended_at", Integer),
    Column("tries", Text, nullable=False, server_default=text("'[]'")),
    Index("events_by_call", "call_key", "node", "seq", unique=True),
    Index("events_by_channel", "call_id", sqlite_where=text("call_id <> call_key")),
    Index("events_waiting", "call_key", "node", "seq", sqlite_where=text("state = 'pending'")),
    Index("events_due", "due_at", sqlite_where=text("state = 'pending'")),
    Index("events_by_state", "state", "event_id"),
    Index("events_by_end", "ended_at", sqlite_where=text("state <> 'pending'")),
)
"""What the CRM has to be told. `call_key` is the call that an event belongs to, and `seq` counts within it from 1.

`due_at` is when a pending event may be tried next, `answer` what the CRM or the fault said to the latest try,
`missing_since` the first of the 404s that it is met with, `ended_at` when its state last became another than pending,
`tries` what became of earlier tries: a JSON array of `[begun, ms it took, words]`.
"""

incidents = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True),
    _whole("at"),
    *map(_text, ("part", "state", "reason")),
)
"""Changes of state of a part: breaker, feed, disk, worker."""

remembered = Table(
    "remembered",
    metadata,
    Column("key", Text, primary_key=True, nullable=False),
    Column("route", Text),
    _whole("at"),
    Column("ttl_s", REAL, nullable=False),
    *map(_text, ("fallback_rule", "writer")),
    _whole("change"),
    Index("remembered_by_change", "change", unique=True),
)
"""The CRM's latest good answers; no route: forgotten. `change` grows with each write, so that workers hear of it."""

rulesets = Table(
    "rulesets",
    metadata,
    Column("id", Integer, primary_key=True),
    _whole("at"),
    _text("digest"),
    Column("body", LargeBinary, nullable=False),
    _text("note"),
    Column("files", LargeBinary),
    Column("held", Text, nullable=False, server_default=text("''")),
)
"""Compiled rules that were applied, newest last. `files` is what they were compiled from, where that is kept; `held`
tells the files apart that are not to be applied unasked, as they were rolled back."""

addresses = Table(
    "addresses",
    metadata,
    Column("host", Text, primary_key=True, nullable=False),
    Column("address", Text, primary_key=True, nullable=False),
    Column("ttl_s", REAL, nullable=False),
    _whole("at"),
)
"""The last good addresses of names, for a start while DNS is dead."""

out_calls = Table(
    "out_calls",
    metadata,
    Column("out_id", Text, primary_key=True, nullable=False),
    _whole("at"),
    *map(_text, ("node", "owner", "crm_id", "channel", "context", "exten", "priority", "caller", "details", "state")),
    _whole("not_after"),
    *(Column(name, Integer) for name in ("sent_at", "answered_at", "ended_at", "cause")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Index("out_calls_by_crm_id", "owner", "crm_id", unique=True, sqlite_where=text("crm_id <> ''")),
    Index("out_calls_by_owner", "owner", "at"),
    Index("out_calls_open", "state", "out_id", sqlite_where=text("ended_at IS NULL")),
    Index("out_calls_by_end", "ended_at", sqlite_where=text("ended_at IS NOT NULL")),
)
"""Calls that the CRM has made. `details` holds the caller's name, the variables and `timeout_s`; `cause` is Q.850."""

progress = Table(
    "progress",
    metadata,
    Column("job", Text, primary_key=True, nullable=False),
    _whole("at"),
    _whole("row"),
    _text("id"),
)
"""How far the hiding of numbers has come, by table: the row that it reached, its id, and an event's end."""
