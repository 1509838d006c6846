"""The duty of telling people of incidents, by a command, a webhook, or both, each on its own."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from random import SystemRandom

from fallbackrouter.config.build import default_zone, node_name, zone_of
from fallbackrouter.control.lines import Message
from fallbackrouter.crm.event_client import EventClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.jobs.alert_command import CommandWay
from fallbackrouter.jobs.alert_summary import summary
from fallbackrouter.jobs.alert_webhook import WebhookWay
from fallbackrouter.jobs.alerts import AlertJob, Daily, Way
from fallbackrouter.log import get_log

LET_GO_S = 0.3
DAY = timedelta(days=1)
log = get_log("jobs")


class Alerts:
    """Tells of incidents."""

    def __init__(self, inside: Inside) -> None:
        alerts, clock = inside.settings.alerts, inside.clock
        self._inside = inside
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="alerts")
        self._tasks: list[asyncio.Task[None]] = []
        self._resolver = Resolver(clock=clock, max_stale_s=inside.settings.crm.dns_max_stale_s)
        self._client = self._make_client() if alerts.webhook else None
        ways: list[Way] = [CommandWay(alerts.command)] if alerts.command else []
        if self._client is not None:
            ways.append(WebhookWay(self._client))
        self._jobs = [self._make_job(way) for way in ways]

    @classmethod
    def where_wanted(cls, inside: Inside) -> "Alerts | None":
        """Return the duty, None where nobody wants to be told."""
        return cls(inside) if inside.settings.alerts.command or inside.settings.alerts.webhook else None

    def _make_client(self) -> EventClient:
        alerts = self._inside.settings.alerts
        return EventClient(
            url=alerts.webhook,
            token=alerts.webhook_token,
            resolver=self._resolver,
            max_in_flight=1,
            keepalive_s=0.0,
            ca_file=str(self._inside.loaded.file(alerts.webhook_ca_file)) if alerts.webhook_ca_file else "",
            client_cert="",
            client_key="",
            clock=self._inside.clock,
            key="alerts.webhook",
        )

    def _make_job(self, way: Way) -> AlertJob:
        alerts = self._inside.settings.alerts
        return AlertJob(
            way,
            self._inside.journal_path,
            node=node_name(self._inside.settings),
            timeout_s=alerts.timeout_s,
            calm_s=alerts.calm_s,
            daily=self._daily() if alerts.daily else None,
            in_thread=self._in_thread,
            chance=SystemRandom().random,
            clock=self._inside.clock,
        )

    def _daily(self) -> Daily:
        zone = zone_of(default_zone(self._inside.settings))
        path = self._inside.journal_path

        def line(until: datetime) -> str:
            return summary(path, until - DAY, until, zone)

        return Daily(time.fromisoformat(self._inside.settings.alerts.daily), zone, line)

    async def start(self) -> None:
        """Begin."""
        await self._resolver.start()
        if self._client is not None:
            await self._client.start()
        self._tasks += [asyncio.create_task(self._run(job), name="alerts") for job in self._jobs]

    async def _run(self, job: AlertJob) -> None:
        try:
            await job.run()
        except Exception:
            log.exception("telling alerts failed in our own code, and has ended")

    async def close(self) -> None:
        """End; what was not told is told after the next start."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LET_GO_S)
        if self._client is not None:
            await self._client.close()
        await self._resolver.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer nothing."""
        return {}

    def facts(self) -> Message:
        """Tell how the telling goes."""
        reasons = [job.reason for job in self._jobs if job.reason]
        return {
            "alerts": {"reason": reasons[0] if reasons else ""},
            "tally": {
                "alerts_told": sum(job.told for job in self._jobs),
                "alert_failures": sum(job.failures for job in self._jobs),
            },
        }

    async def _in_thread(self, work: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
