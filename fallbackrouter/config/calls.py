"""`[calls]` -> the gate for calls that the CRM has made, with its lists of numbers read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.clock import Clock
from fallbackrouter.config.build import answer_shape, build_gate, default_zone, node_name, zone_of
from fallbackrouter.config.selected import select_numbers
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.call_gate import CallGate, Place
from fallbackrouter.core.endpoint import parse_channel_pattern
from fallbackrouter.core.route import Gate, Refused
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.numbering import Numbering
from fallbackrouter.office.call_ends import end_teller
from fallbackrouter.office.calls import CallDesk
from fallbackrouter.store.calls import CallQueue
from fallbackrouter.store.kept import BUSY_MS

if TYPE_CHECKING:
    from fallbackrouter.config.load import Loaded


PATIENT_MS = 5_000
"""How long one who asks for a call waits for another writer to the journal."""


def calls_wanted(settings: Settings) -> bool:
    """Tell whether calls of the CRM's are made at all."""
    return bool(settings.calls.contexts and settings.calls.channels and settings.ami.user)


def build_call_gate(loaded: "Loaded") -> CallGate:
    """Return the gate; reads the do-not-call list's files, so it may take a moment.

    Raises:
        SelectedError: such a file cannot be read any more, or holds what is no number.
    """
    settings = loaded.settings
    calls = settings.calls
    gate, shape = build_gate(settings), answer_shape(settings)
    return CallGate(
        contexts=frozenset(calls.contexts),
        channels=tuple(parse_channel_pattern(text) for text in calls.channels),
        variables=frozenset(calls.variables),
        callers=select_numbers(settings, loaded.base, calls.caller_ids, lists=False),
        exten=re.compile(calls.exten),
        windows=tuple(parse_window(text) for text in calls.hours),
        zone=zone_of(default_zone(settings)),
        do_not_call=select_numbers(settings, loaded.base, calls.do_not_call, lists=True),
        read_number=Numbering(settings.numbers.region).read,
        place=lambda fields: _place(gate, shape, fields),
        timeout_s=calls.timeout_s,
        not_after_s=calls.not_after_s,
        keep_quotes=settings.answers.quotes == "keep",
    )


def call_queue(settings: Settings, journal: Path, clock: Clock, *, busy_ms: int = BUSY_MS) -> CallQueue:
    """Return the queue of calls, whose ends are told as `calls.stage` says."""
    tell = end_teller(Numbering(settings.numbers.region).read, settings.calls.stage, clock)
    return CallQueue(journal, tell, busy_ms=busy_ms)


def call_desk(loaded: "Loaded", clock: Clock) -> CallDesk | None:
    """Return where calls are asked for, None where none are made; raises as `build_call_gate` does."""
    settings = loaded.settings
    if not calls_wanted(settings):
        return None
    return CallDesk(
        gate=build_call_gate(loaded),
        queue=call_queue(settings, loaded.file(settings.data_dir) / "journal.db", clock, busy_ms=PATIENT_MS),
        clock=clock,
        node=node_name(settings),
        max_per_minute=settings.calls.max_per_minute,
        max_waiting=settings.calls.max_waiting,
    )


def _place(gate: Gate, shape: AnswerShape, fields: Mapping[str, object]) -> Place | Refused:
    verdict = gate.check(fields)
    if isinstance(verdict, Refused):
        return verdict
    parts = shape.destination(verdict.route).split(",")
    if len(parts) != 3:  # noqa: PLR2004 - context, exten, priority
        return Refused(f"[destinations] has no place for app {verdict.route.app}", "app")
    return parts[0], parts[1], parts[2]
