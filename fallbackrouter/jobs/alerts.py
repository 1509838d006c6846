"""Tells people of incidents by one way, a command or a webhook: in order, one at a time, each until it is told.

Its rules:

- what is to be told is read from the journal, and how far that has come is kept there: what was not told before a
  restart is told after it. A way that is new begins with what happens from then on;
- what cannot be told is tried again with back-off, for at most `GIVE_UP_S` since it happened; what is refused is not;
- each try has its deadline here, outside of whatever it does. Nothing and nobody waits for an alert.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from fallbackrouter.clock import Clock
from fallbackrouter.core.alerting import Alert, Alerting, Kind
from fallbackrouter.core.backoff import full_jitter_s
from fallbackrouter.core.errors import StoreError
from fallbackrouter.log import get_log
from fallbackrouter.store.alert_log import (
    Place,
    incidents_behind,
    incidents_since,
    load_place,
    newest_incident,
    save_place,
)

LOOK_S = 1.0
AT_ONCE = 100
"""The most incidents read at once."""
FIRST_AGAIN_S = 2.0
MOST_AGAIN_S = 300.0
GIVE_UP_S = 86_400.0
REMEMBERS = timedelta(hours=6)
"""What happened within it is looked at after a start, to know which parts flap."""
JUST_NOW = timedelta(minutes=1)
"""A way that is new tells also what happened within it: while the service was being started."""

T = TypeVar("T")
InThread = Callable[[Callable[[], T]], Awaitable[T]]
log = get_log("jobs")


@dataclass(frozen=True, slots=True)
class Failed:
    """An alert was not told.

    Attributes:
        again: it is worth another try.
    """

    reason: str
    again: bool = True


class Way(Protocol):
    """Tells one alert; may take for ever, and may be cancelled at any moment."""

    @property
    def name(self) -> str:
        """For people and for the record."""
        ...

    async def tell(self, alert_id: str, body: bytes) -> Failed | None:
        """Tell it; never raises but CancelledError."""
        ...


@dataclass(frozen=True, slots=True)
class Daily:
    """A line a day.

    Attributes:
        at: when, by `zone`'s clock.
        summary: makes the line for the day that ends at a moment; blocking, raises StoreError.
    """

    at: time
    zone: tzinfo
    summary: Callable[[datetime], str]


class AlertJob:
    """One way's work.

    Args:
        timeout_s: the most that one try may take.
        calm_s: see core.alerting.
        daily: None for no daily line.
        in_thread: runs what may stall.

    Attributes:
        told: how many alerts were told.
        failures: how many tries failed.
        reason: why the latest try failed, "" where it did not.
    """

    def __init__(
        self,
        way: Way,
        journal: Path,
        *,
        node: str,
        timeout_s: float,
        calm_s: float,
        daily: Daily | None,
        in_thread: InThread[object],
        chance: Callable[[], float],
        clock: Clock,
        look_s: float = LOOK_S,
    ) -> None:
        self._way = way
        self._journal = journal
        self._node = node
        self._timeout_s = timeout_s
        self._alerting = Alerting(calm_s)
        self._daily = daily
        self._run_in_thread = in_thread
        self._chance = chance
        self._clock = clock
        self._look_s = look_s
        self._place: Place | None = None
        self.told = 0
        self.failures = 0
        self.reason = ""

    async def run(self) -> None:
        """Tell for ever."""
        while True:
            try:
                await self.turn()
            except StoreError as error:
                log.debug("alerts wait, as the journal cannot be used", reason=str(error))
            await asyncio.sleep(self._look_s)

    async def turn(self) -> None:
        """Tell what there is to tell now.

        Raises:
            StoreError: the journal cannot be used; what was told is not told again unless it could not be noted.
        """
        place = self._place or await self._begin()
        for incident in await self._in_thread(partial(incidents_behind, self._journal, place.number, AT_ONCE)):
            for alert in self._alerting.take(incident):
                await self._tell(alert)
            await self._come_to(number=incident.number)
        now_at = self._clock.now_at()
        for alert in list(self._alerting.look(now_at)):
            await self._tell(alert)
            await self._come_to()
        if self._daily is not None:
            await self._tell_daily(self._daily, now_at)

    async def _begin(self) -> Place:
        """Find the place where the last run was; the parts that flapped then do so still."""
        place = await self._in_thread(partial(load_place, self._journal, self._way.name))
        if place is None:
            now_at = self._clock.now_at()
            newest = await self._in_thread(partial(newest_incident, self._journal, now_at - JUST_NOW))
            place = Place(newest, now_at)
            await self._in_thread(partial(save_place, self._journal, self._way.name, place))
        since = place.at - REMEMBERS
        known = partial(incidents_since, self._journal, since, place.number, 10 * AT_ONCE)
        for incident in await self._in_thread(known):
            self._alerting.take(incident)
        for _ in self._alerting.look(place.at):
            pass  # was told by the last run
        self._place = place
        return place

    async def _come_to(self, *, number: int | None = None, day: str | None = None) -> None:
        assert self._place is not None  # noqa: S101 - there is one from the first turn on
        at = self._clock.now_at()
        place = replace(self._place, at=at)
        if number is not None:
            place = replace(place, number=number)
        if day is not None:
            place = replace(place, day=day)
        self._place = place
        await self._in_thread(partial(save_place, self._journal, self._way.name, place))

    async def _tell_daily(self, daily: Daily, now_at: datetime) -> None:
        assert self._place is not None  # noqa: S101 - the same
        local = now_at.astimezone(daily.zone)
        today = local.date().isoformat()
        if local.time() < daily.at or self._place.day == today:
            return
        if self._place.day:  # the first of all days is one that nobody has seen whole
            line = await self._in_thread(partial(daily.summary, now_at))
            await self._tell(Alert(Kind.DAILY, "fallbackrouter", "", line, now_at, f"{today}-daily"))
        await self._come_to(day=today)

    async def _tell(self, alert: Alert) -> None:
        """Tell one alert, however long it takes, unless it is refused or has become too old."""
        body = msgspec.json.encode(
            {
                "v": 1,
                "id": alert.alert_id,
                "node": self._node,
                "kind": str(alert.kind),
                "part": alert.part,
                "state": alert.state,
                "reason": alert.reason,
                "count": alert.count,
                "at": alert.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "text": alert.text,
            }
        )
        tries = 0
        while failed := await self._try(f"{self._node}-{alert.alert_id}", body):
            tries += 1
            self.failures += 1
            if not self.reason:
                log.warning("an alert could not be told", by=self._way.name, reason=failed.reason, again=failed.again)
            self.reason = failed.reason
            if not failed.again or (self._clock.now_at() - alert.at).total_seconds() > GIVE_UP_S:
                log.error("an alert is given up", by=self._way.name, alert=alert.text, reason=failed.reason)
                return
            pause_s = full_jitter_s(tries, self._chance(), first_s=FIRST_AGAIN_S, most_s=MOST_AGAIN_S)
            await asyncio.sleep(pause_s)
        self.told += 1
        if self.reason:
            log.info("alerts are told again", by=self._way.name)
        self.reason = ""

    async def _try(self, alert_id: str, body: bytes) -> Failed | None:
        task = asyncio.ensure_future(self._way.tell(alert_id, body))
        try:
            await asyncio.wait({task}, timeout=self._timeout_s)
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            return Failed(f"no end within {self._timeout_s:g} s")
        error = task.exception()
        return task.result() if error is None else Failed(f"it failed in our own code: {type(error).__name__}: {error}")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        result: T = await self._run_in_thread(work)  # type: ignore[assignment] # what it runs is what it returns
        return result
