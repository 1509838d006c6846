"""What was decided lately, counted once for all who look, and little by little.

Its rules:

- the last minutes are counted again at each look, as answers are noted after their decisions; the rest of the day is
  counted once, an hour at a time, in the thread for what takes long, and rests as long as it worked;
- figures are at most `FRESH_S` old; over very many calls they get older, so that counting takes a small share of a
  thread;
- the last hour is counted again from time to time: what a disk held up is recorded late, at the moment of its call.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from threading import Lock

from fallbackrouter.admin.threads import CrowdedError, Threads
from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.log import get_log
from fallbackrouter.office.lately import DAY_MS, MINUTE_MS, Lately, Point, Span
from fallbackrouter.office.office import Office
from fallbackrouter.store.lately import SLOT_MS, count_lately, crm_times

FRESH_S = 2.0
RESTS = 20.0
"""So many times as long as a look took, none is made."""
NEWEST = 3 * MINUTE_MS
AT_ONCE = 10 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
AGAIN_S = 300.0
SPANS_S = (300, 3600, 86_400)
CRM_CALLS = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """What was decided lately.

    Attributes:
        spans: by their length in seconds, see SPANS_S.
        whole: the whole day is counted; until then its span is of a part.
        crm_ms: half of the CRM's answers in the last five minutes took at most so long; None where there were none.
        hour: how long answers took, minute by minute.
        day: the same, ten minutes by ten minutes.
    """

    spans: dict[int, Span]
    whole: bool
    crm_ms: float | None
    hour: list[Point]
    day: list[Point]


class Recent:
    """Counts.

    Args:
        quick: a thread for short looks.
        slow: the thread for what takes seconds.
    """

    def __init__(self, office: Office, *, quick: Threads, slow: Threads, clock: Clock) -> None:
        self._office = office
        self._quick = quick
        self._slow = slow
        self._clock = clock
        self._lately = Lately()
        self._lock = Lock()
        self._until_ms = 0
        self._whole = False
        self._round = 0
        self._latest: Figures | None = None
        self._next_s = 0.0
        self._looking: asyncio.Task[Figures] | None = None
        self._filling: asyncio.Task[None] | None = None
        self._filled_s = 0.0

    async def figures(self) -> Figures:
        """Return what was decided lately.

        Raises:
            StoreError: there is no journal, or it cannot be read.
            CrowdedError: too much is asked for at once.
        """
        if self._latest is not None and self._clock.now_s() < self._next_s:
            return self._latest
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="count the latest decisions")
        return await asyncio.shield(self._looking)

    async def since(self, at: datetime) -> Span:
        """Return what was decided since a moment, of what has been counted."""
        return await self._quick.run(self._span, _ms(at))

    async def _look(self) -> Figures:
        began_s = self._clock.now_s()
        figures = await self._quick.run(self._count_newest)
        ended_s = self._clock.now_s()
        self._latest, self._next_s = figures, ended_s + max(FRESH_S, RESTS * (ended_s - began_s))
        if self._filling is None or self._filling.done():
            if not self._whole:
                self._filling = asyncio.create_task(self._fill(DAY_MS), name="count a day's decisions")
            elif ended_s - self._filled_s > AGAIN_S:
                self._filling = asyncio.create_task(self._fill(HOUR_MS), name="count an hour's decisions again")
        return figures

    async def _fill(self, length_ms: int) -> None:
        """Count what is older, the newest first."""
        end, of = _minute(_ms(self._clock.now_at()) - NEWEST), self._round
        try:
            for last in range(end, end - length_ms, -HOUR_MS):
                began_s = self._clock.now_s()
                await self._slow.run(self._count, last - HOUR_MS, last)
                await asyncio.sleep(self._clock.now_s() - began_s)
        except CrowdedError:
            return  # the next look begins anew
        except FallbackrouterError as error:
            get_log("admin").warning("a day's decisions could not be counted", reason=str(error))
            return
        self._whole, self._filled_s = of == self._round, self._clock.now_s()

    def _count_newest(self) -> Figures:
        now_ms = _ms(self._clock.now_at())
        if now_ms - self._until_ms > AT_ONCE or now_ms < self._until_ms - AT_ONCE:
            # Nobody has looked for a while, or the clock jumped: what is known has a gap.
            with self._lock:
                self._lately.clear()
            self._whole = False
            self._round += 1
            self._until_ms = now_ms - AT_ONCE
        self._count(_minute(min(self._until_ms, now_ms) - NEWEST), _minute(now_ms) + MINUTE_MS)
        self._until_ms = now_ms
        five_minutes_ago = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(seconds=SPANS_S[0])
        took = crm_times(self._office.journal, five_minutes_ago, CRM_CALLS)
        with self._lock:
            self._lately.forget(now_ms - DAY_MS - HOUR_MS)
            spans = {length_s: self._lately.span(now_ms - length_s * 1000) for length_s in SPANS_S}
            hour = self._lately.points(now_ms - HOUR_MS, now_ms, MINUTE_MS)
            day = self._lately.points(now_ms - DAY_MS, now_ms, 10 * MINUTE_MS)
        return Figures(spans, self._whole, median(took) if took else None, hour, day)

    def _count(self, since_ms: int, until_ms: int) -> None:
        moments = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (since_ms, until_ms))
        counted = count_lately(self._office.journal, *moments)
        with self._lock:
            self._lately.take(since_ms // SLOT_MS, until_ms // SLOT_MS, counted)

    def _span(self, since_ms: int) -> Span:
        with self._lock:
            return self._lately.span(since_ms)

    def close(self) -> None:
        """Count nothing more."""
        for task in (self._looking, self._filling):
            if task is not None:
                task.cancel()


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _minute(ms: int) -> int:
    return ms - ms % MINUTE_MS
