"""The duty of making the calls that the CRM wants made."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fallbackrouter.config.calls import build_call_gate, call_queue, calls_wanted
from fallbackrouter.config.selected import SelectedError
from fallbackrouter.control.lines import Message
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.daemon.behind.exchange import AsteriskLink
from fallbackrouter.jobs.dialler import Dialler
from fallbackrouter.log import get_log

LET_GO_S = 0.3
T = TypeVar("T")
log = get_log("jobs")


class MakeCalls:
    """Makes calls by the link that all duties share."""

    def __init__(self, inside: Inside, link: AsteriskLink) -> None:
        calls = inside.settings.calls
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="calls")
        self._queue = call_queue(inside.settings, inside.journal_path, inside.clock)
        self._running: asyncio.Task[None] | None = None
        self._trouble = ""
        self._link = link
        self._dialler = Dialler(
            self._queue,
            link.ami,
            bars=build_call_gate(inside.loaded).bars,
            at_once=calls.at_once,
            max_rate=calls.max_rate,
            clock=inside.clock,
            in_thread=self._in_thread,
            on_trouble=self._take_trouble,
            on_error=lambda error: log.error("making calls failed in our own code", exc_info=error),
        )
        link.on_event(self._dialler.hear)

    @classmethod
    def where_wanted(cls, inside: Inside, link: AsteriskLink | None) -> "MakeCalls | CallsBarred | None":
        """Return the duty, None where the configuration allows no call."""
        if link is None or not calls_wanted(inside.settings):
            return None
        try:
            return cls(inside, link)
        except SelectedError as error:
            # A do-not-call list that cannot be read must not let a call through.
            reason = f"{error}; {error.remedy}"
            log.error("no calls are made, as a list of numbers cannot be read", reason=reason)  # noqa: TRY400 - a user's file, not our code
            return CallsBarred(reason)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _take_trouble(self, trouble: str) -> None:
        if trouble:
            log.warning("calls wait, as the journal cannot be used", reason=trouble)
        else:
            log.info("calls are made again")
        self._trouble = trouble

    async def start(self) -> None:
        """Begin."""
        self._running = asyncio.create_task(self._dialler.run(), name="calls")

    async def close(self) -> None:
        """End; what is under way is followed again after the next start."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running}, timeout=LET_GO_S)
        closing = asyncio.ensure_future(self._in_thread(self._queue.close))
        await asyncio.wait({closing}, timeout=LET_GO_S)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer `call`."""
        return {"call": self._call}

    async def _call(self, _message: Message) -> Message:
        self._dialler.nudge()
        return {"waits": self._trouble or self._link.ami.fault}

    def facts(self) -> Message:
        """Tell of calls that wait, are under way and have ended."""
        counts = self._dialler.counts
        return {
            "calls": {
                "waiting": counts.waiting if counts else None,
                "open": counts.open if counts else None,
                "waits": self._trouble or self._link.ami.fault,
                "trouble": self._trouble,
            },
            "tally": {"calls_sent": self._dialler.sent, "calls_ended": dict(self._dialler.ended)},
        }


class CallsBarred:
    """No calls are made, though they are configured; tells why.

    Args:
        reason: what keeps them from being made.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def start(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    def commands(self) -> Mapping[str, Answer]:
        """Answer `call`."""
        return {"call": self._call}

    async def _call(self, _message: Message) -> Message:
        return {"waits": self._reason}

    def facts(self) -> Message:
        """Tell that none are made."""
        return {"calls": {"waits": self._reason, "barred": self._reason}}
