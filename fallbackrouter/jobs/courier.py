"""Carries one event to the CRM: its recording looked for, its JSON written, one try under a deadline, its fate decided.

The deadline is kept here and not by the HTTP library. A recording that is not complete yet puts its event off, without
a word to the CRM; the call's next event waits behind it, as always.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fallbackrouter.clock import Clock
from fallbackrouter.core.backoff import full_jitter_s
from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.receipt import MAX_WORDS, MISSING, Fate, Receipt, fate_of, unanswered
from fallbackrouter.crm.event_wire import News, encode_news
from fallbackrouter.jobs.recordings import Seen
from fallbackrouter.jobs.recordings_look import RecordingsLook
from fallbackrouter.store.outbox import OutEvent, Settled

FIRST_S = 1.0
MOST_S = 300.0
"""Between tries: anywhere up to a bound that doubles from the first to the second of these."""
LOOK_AGAIN_S = 1.0
LOOK_AGAIN_MOST_S = 15.0
"""The same between looks for a recording, and never less than the first."""
LINK = "link"


class Tells(Protocol):
    """Who tells the CRM: crm.event_client."""

    async def send(self, event_id: str, stage: str, body: bytes) -> Receipt:
        """Tell of one event; may hang, and may be cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Tried:
    """How a try ended.

    Attributes:
        settled: what the journal is told.
        receipt: None where the CRM was not told, as the recording is not complete.
    """

    settled: Settled
    receipt: Receipt | None


class Courier:
    """Carries events, any number at a time.

    Args:
        read_number: with the configured region.
        spell: a number in the configured form.
        timeout_s: the longest that one try may take.
        ttl_s: how old an event may become.
        chance: draws evenly from 0 up to below 1.
    """

    def __init__(
        self,
        crm: Tells,
        recordings: RecordingsLook,
        *,
        read_number: ReadNumber,
        spell: Callable[[Number], str],
        timeout_s: float,
        ttl_s: float,
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        self._crm = crm
        self._recordings = recordings
        self._read_number = read_number
        self._spell = spell
        self._timeout_s = timeout_s
        self._ttl_s = ttl_s
        self._clock = clock
        self._chance = chance

    def next_due(self, event: OutEvent) -> datetime:
        """Return when an event is tried again if nothing is heard of the try that begins now."""
        return self._clock.now_at() + timedelta(seconds=self._backoff_s(event))

    def _backoff_s(self, event: OutEvent) -> float:
        return full_jitter_s(event.attempts, self._chance(), first_s=FIRST_S, most_s=MOST_S)

    async def carry(self, event: OutEvent) -> Tried:
        """Try once; bounded in time, and may be cancelled: the event then stays as it was when it was taken."""
        seen = await self._look(event)
        if not seen.ready:
            return self._put_off(event, seen.note)
        receipt = await self._tell(event, encode_news(self._news(event, seen)))
        return Tried(self._settle(event, receipt, seen.note), receipt)

    def untold(self, event: OutEvent, error: Exception) -> Tried:
        """Return how a try ended that an error of our own ended: tried again, though not for ever."""
        receipt = unanswered(f"failed in our own code ({type(error).__name__})")
        return Tried(self._settle(event, receipt, ""), None)

    async def _look(self, event: OutEvent) -> Seen:
        told = str(_facts(event).get(LINK) or "")
        if not told:
            return Seen(ready=True)
        now_at = self._clock.now_at()
        known = {"call_id": event.call_id, "linked_id": event.linked_id, "node": event.node}
        return await self._recordings.look(told, known, (now_at - event.at).total_seconds(), now_at)

    def _put_off(self, event: OutEvent, note: str) -> Tried:
        now_at = self._clock.now_at()
        wait_s = full_jitter_s(event.attempts, self._chance(), first_s=LOOK_AGAIN_S, most_s=LOOK_AGAIN_MOST_S)
        due_at = now_at + timedelta(seconds=max(LOOK_AGAIN_S, wait_s))
        return Tried(Settled(event.event_id, Fate.AGAIN, note, now_at, due_at, event.missing_since), None)

    def _news(self, event: OutEvent, seen: Seen) -> News:
        did, caller = self._read_number(event.did), self._read_number(event.caller)
        facts = dict(_facts(event))
        facts.pop(LINK, None)
        return News(
            event_id=event.event_id,
            at=event.at,
            node=event.node,
            call_id=event.call_id,
            linked_id=event.linked_id,
            seq=event.seq,
            stage=event.stage,
            callerid=self._spell(caller),
            phonenumber=self._spell(did),
            callerid_e164=caller.e164,
            phonenumber_e164=did.e164,
            line=str(event.details.get("line") or ""),
            decision_id=event.decision_id,
            facts={**facts, LINK: seen.link},
            own=event.details,
            notes=(*_notes(event), seen.note) if seen.note else _notes(event),
            test=event.test,
        )

    async def _tell(self, event: OutEvent, body: bytes) -> Receipt:
        telling = asyncio.ensure_future(self._crm.send(event.event_id, event.stage, body))
        try:
            await asyncio.wait({telling}, timeout=self._timeout_s)
            if telling.done():
                return telling.result()
            return unanswered(f"no answer within {self._timeout_s:g} s")
        finally:
            telling.cancel()

    def _settle(self, event: OutEvent, receipt: Receipt, note: str) -> Settled:
        now_at = self._clock.now_at()
        missing_since = _missing_since(event, receipt, now_at)
        missing_s = (now_at - missing_since).total_seconds() if missing_since else 0.0
        age_s = (now_at - event.at).total_seconds()
        fate = fate_of(receipt, age_s=age_s, missing_s=missing_s, ttl_s=self._ttl_s)
        wait_s = max(self._backoff_s(event), receipt.wait_s)
        due_at = now_at + timedelta(seconds=wait_s) if fate is Fate.AGAIN else None
        words = "; ".join(filter(None, (receipt.told, note)))[:MAX_WORDS]
        return Settled(event.event_id, fate, words, now_at, due_at, missing_since)


def _facts(event: OutEvent) -> dict[str, object]:
    """Return what the dialplan told."""
    extra = event.details.get("extra")
    return extra if isinstance(extra, dict) else {}


def _notes(event: OutEvent) -> tuple[str, ...]:
    """Return what was noted while the event was read."""
    notes = event.details.get("notes")
    return tuple(map(str, notes)) if isinstance(notes, list) else ()


def _missing_since(event: OutEvent, receipt: Receipt, now_at: datetime) -> datetime | None:
    """Return since when the CRM says that it knows no such call; no answer at all leaves that as it was."""
    if receipt.status == MISSING:
        return event.missing_since or now_at
    return None if receipt.status else event.missing_since
