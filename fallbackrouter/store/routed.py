"""Tells the CRM of calls that it did not route: the journal itself writes an event beside such a decision.

A trigger of the writer's own connection does it, inside the statement that writes decisions: in the same transaction,
before any later event of the call, and without a further step of the writer's thread. One event a call, whoever of its
channels asked, and however often. Questions of our own are left out.

Source: docs/crm-contract.md and docs/journal.md, "Events".
"""

from fallbackrouter.core.call import is_stage

MAX_WHY_CHARS = 500
_HEX = "0123456789abcdef"


def trigger(stage: str) -> str:
    """Return the SQL that has this connection write events of this stage.

    Raises:
        ValueError: that is no stage.
    """
    if not is_stage(stage):
        raise ValueError(f"{stage!r} is no stage")
    return f"""CREATE TEMP TRIGGER tell_routed AFTER INSERT ON main.decisions
        WHEN NEW.source <> 'live' AND NEW.test = 0 BEGIN
        INSERT INTO events (event_id, at, node, call_id, linked_id, call_key, stage, did, caller, decision_id, details,
            state, test, due_at, seq)
        SELECT made.event_id, NEW.at, NEW.node, NEW.call_id, NEW.linked_id, made.call_key, '{stage}', NEW.did,
            NEW.caller, NEW.id, {_DETAILS}, 'pending', 0, NEW.at, 1 + coalesce((
                SELECT max(seq) FROM events WHERE call_key = made.call_key AND node = NEW.node
            ), 0)
        FROM (SELECT event_id, coalesce(nullif(NEW.linked_id, ''), nullif(NEW.call_id, ''), event_id) AS call_key
            FROM (SELECT {_EVENT_ID} AS event_id)) AS made
        WHERE NOT EXISTS (
            SELECT 1 FROM events WHERE call_key = made.call_key AND node = NEW.node AND stage = '{stage}'
        );
        END"""  # noqa: S608 - our own names, and a stage


# A decision's event has its id but for the last digit: unique and ordered by time as well, and found by whoever looks.
_EVENT_ID = f"substr(NEW.id, 1, 35) || substr('{_HEX[::-1]}', instr('{_HEX}', substr(NEW.id, 36)), 1)"
_REASON = """json_extract(step.value, '$.tier') || ': ' ||
    coalesce(json_extract(step.value, '$.reason'), replace(json_extract(step.value, '$.verdict'), '_', ' '))"""
_WHY = f"""substr((SELECT group_concat({_REASON}, '; ') FROM json_each(NEW.trail, '$.steps') AS step
    WHERE json_extract(step.value, '$.verdict') <> 'hit'), 1, {MAX_WHY_CHARS})"""  # noqa: S608 - our own names
_DETAILS = f"""json_patch('{{}}', json_object('line', nullif(NEW.line, ''), 'context', nullif(NEW.context, ''),
    'channel', nullif(NEW.channel, ''), 'tier', NEW.source, 'rule', nullif(NEW.rule, ''), 'route', json(NEW.route),
    'why', {_WHY}))"""
