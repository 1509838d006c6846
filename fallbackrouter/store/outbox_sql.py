"""The outbox's statements; each reads and changes rows that an index leads to (tests look at their plans).

Moments are milliseconds since 1970. An event that is pending always has `due_at`.
"""

_OF_THE_CALL = ("node", "call_id", "linked_id", "call_key", "seq", "stage", "did", "caller", "decision_id")
OUT_COLUMNS = ("event_id", "at", *_OF_THE_CALL, "details", "test", "attempts", "missing_since")
"""What `DUE` gives, by the names of OutEvent."""

DUE = f"""SELECT {", ".join(OUT_COLUMNS)} FROM events INDEXED BY events_due WHERE state = 'pending' AND due_at <= ?
    ORDER BY due_at, rowid LIMIT ?"""  # noqa: S608 - our own names
FIRST = """SELECT event_id, due_at FROM events INDEXED BY events_waiting
    WHERE state = 'pending' AND call_key = ? AND node = ? ORDER BY seq LIMIT 1"""
NEXT_DUE = """SELECT due_at FROM events INDEXED BY events_due WHERE state = 'pending' AND due_at IS NOT NULL
    ORDER BY due_at LIMIT 1"""
TRY = "UPDATE events SET attempts = attempts + 1, tried_at = ?, due_at = ? WHERE event_id = ?"
PUT_OFF = "UPDATE events SET due_at = ? WHERE event_id = ?"
MOST_TRIES = 20
"""So many tries are kept of an event, the latest; a CRM that is away for days is not worth more rows of the same."""


def with_try(took_ms: str, words: str) -> str:
    """Return the SQL of `tries` with one try more: how long it took, and what became of it, both as SQL."""
    kept = f"""CASE WHEN NOT json_valid(tries) THEN '[]'
        WHEN json_array_length(tries) >= {MOST_TRIES} THEN json_remove(tries, '$[0]') ELSE tries END"""
    return f"json_insert({kept}, '$[#]', json_array(tried_at, {took_ms}, {words}))"


# The try that ends it is what `answer` and `ended_at` tell: an event that is told at once costs no room for its tries.
SETTLE = f"""UPDATE events SET state = ?1, answer = ?2, missing_since = ?3, due_at = coalesce(?4, due_at),
    ended_at = CASE ?1 WHEN 'pending' THEN NULL ELSE ?5 END,
    tries = CASE ?1 WHEN 'pending' THEN {with_try("max(0, ?5 - tried_at)", "?2")} ELSE tries END
    WHERE event_id = ?6 AND state = 'pending'"""  # noqa: S608 - our own names
WAKE = """UPDATE events SET due_at = ?1 WHERE due_at > ?1 AND rowid = (
    SELECT waiting.rowid FROM events AS ended CROSS JOIN events AS waiting INDEXED BY events_waiting
    WHERE ended.event_id = ?2 AND waiting.state = 'pending' AND waiting.call_key = ended.call_key
    AND waiting.node = ended.node ORDER BY waiting.seq LIMIT 1)"""
"""Makes the first pending event of the call of another event due; the moment and that event's id."""
BACKLOG = """SELECT (SELECT count(*) FROM events INDEXED BY events_due WHERE state = 'pending'),
    (SELECT at FROM events INDEXED BY events_by_state WHERE state = 'pending' ORDER BY event_id LIMIT 1),
    (SELECT count(*) FROM events INDEXED BY events_by_state WHERE state = 'refused'),
    (SELECT count(*) FROM events INDEXED BY events_by_state WHERE state = 'dead')"""
HASTEN = """UPDATE events SET due_at = ?1 WHERE rowid IN (SELECT rowid FROM events INDEXED BY events_due
    WHERE state = 'pending' AND due_at > ?2 ORDER BY due_at DESC LIMIT ?3)"""
OLDEST = """SELECT event_id, at, due_at FROM events INDEXED BY events_by_state WHERE state = 'pending'
    ORDER BY event_id LIMIT ?"""
