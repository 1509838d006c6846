"""The examination: which checks there are, how long each may take, and what each needs of the configuration."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fallbackrouter.clock import Clock
from fallbackrouter.config.build import crm_token
from fallbackrouter.config.load import Loaded, load_settings
from fallbackrouter.control.client import command
from fallbackrouter.core.errors import ConfigError, ControlError
from fallbackrouter.crm.inspect import place_of
from fallbackrouter.crm.tls import make_context
from fallbackrouter.doctor import (
    asterisk,
    dialplan,
    disk,
    events,
    hours,
    http_door,
    installed,
    journal,
    limits,
    names,
    prompts,
    question,
    reach,
    routes,
    rules,
    service,
)
from fallbackrouter.doctor.apart import Job, run_apart
from fallbackrouter.doctor.finding import Finding, failed_by, ok, skip, warn
from fallbackrouter.doctor.place import data_dir_of, journal_of
from fallbackrouter.doctor.run import Check, in_thread, run

CONFIG = "config"
STATUS_S = 3.0
TELL_S = 1.0
"""What a check's process may take beyond its deadline to tell that it was too late."""

_NO_CONFIG = "needs a configuration that can be used"
_CRM = "see the other lines on the CRM"
_DISK = "see that the disk of data_dir answers"
DEADLINES = {
    CONFIG: (10.0, "see that the disk with the configuration answers"),
    "rules": (30.0, "the rules are very many, or their disk hangs: `rules check` takes as long"),
    "journal": (10.0, f"{_DISK}, and that no program holds journal.db"),
    "dns": (10.0, _CRM),
    "tcp": (15.0, _CRM),
    "tls": (20.0, _CRM),
    "crm": (25.0, _CRM),
    "clock": (20.0, _CRM),
    "events": (10.0, f"{_DISK}, and that no program holds journal.db"),
    "routes": (10.0, _DISK),
    "asterisk": (20.0, "see that Asterisk answers: `asterisk -rx 'core show uptime'`"),
    "prompts": (60.0, "see that the programs of [prompts] answer, and the disk of prompts.dir"),
    "disk": (10.0, _DISK),
    "service": (10.0, "restart the service"),
    "agi": (12.0, "restart the service"),
    "dialplan": (20.0, "see that the disk with the dialplan answers"),
    "limits": (10.0, "see the other lines on the service"),
}
"""Each check in the order in which they are told: its seconds, and the remedy where it takes longer."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person who examines may choose.

    Attributes:
        did: the number that test questions ask for.
        config: the configuration file; None: found as every command finds it.
        dialplan: files to look at; none: those of /etc/asterisk.
        nameservers: `address:port`; none: the machine's.
    """

    did: str
    config: Path | None = None
    dialplan: tuple[Path, ...] = ()
    nameservers: tuple[str, ...] = ()


def examine(wishes: Wishes, environ: Mapping[str, str], clock: Clock) -> list[Finding]:
    """Run every check in a process of its own; a second where all is well, half a minute where everything hangs."""

    def work(name: str) -> list[Finding]:
        return asyncio.run(look(name, wishes, environ, clock))

    jobs = [Job(name, within_s + TELL_S, late, partial(work, name)) for name, (within_s, late) in DEADLINES.items()]
    return run_apart(jobs, clock)


async def look(name: str, wishes: Wishes, environ: Mapping[str, str], clock: Clock) -> list[Finding]:
    """Run one check of DEADLINES."""

    async def found() -> list[Finding]:
        try:
            loaded = await in_thread(lambda: load_settings(wishes.config, environ))
        except ConfigError as error:
            return [failed_by(CONFIG, error) if name == CONFIG else skip(name, _NO_CONFIG)]
        return _notes(loaded) if name == CONFIG else await Examination(loaded, wishes, clock).looks[name]()

    return await run(Check(name, *DEADLINES[name], found))


def _notes(loaded: Loaded) -> list[Finding]:
    notes = [warn(CONFIG, note, "see docs/configuration.md") for note in loaded.notes]
    return notes or [ok(CONFIG, f"{loaded.path or 'the environment'}: the configuration is good")]


class Examination:
    """The checks of one configuration.

    Attributes:
        looks: each check by its name; all of DEADLINES but `config`.
    """

    def __init__(self, loaded: Loaded, wishes: Wishes, clock: Clock) -> None:
        self._loaded = loaded
        self._settings = loaded.settings
        self._wishes = wishes
        self._clock = clock
        self.looks: Mapping[str, Callable[[], Coroutine[Any, Any, list[Finding]]]] = {
            "rules": self._rules,
            "journal": self._journal,
            "dns": self._dns,
            "tcp": self._tcp,
            "tls": self._tls,
            "crm": self._crm,
            "clock": self._clocks,
            "events": self._events,
            "routes": self._routes,
            "asterisk": self._asterisk,
            "prompts": self._prompts,
            "disk": self._disk,
            "service": self._service,
            "agi": self._agi,
            "dialplan": self._dialplan,
            "limits": self._limits,
        }

    async def _rules(self) -> list[Finding]:
        return await rules.check_rules(self._loaded)

    async def _journal(self) -> list[Finding]:
        return await in_thread(lambda: journal.check_journal(journal_of(self._loaded)))

    async def _events(self) -> list[Finding]:
        journal_path, url, now_at = journal_of(self._loaded), self._settings.crm.url, self._clock.now_at()
        return await in_thread(lambda: events.check_events(journal_path, url, now_at))

    async def _routes(self) -> list[Finding]:
        folder, settings, now_at = data_dir_of(self._loaded), self._settings, self._clock.now_at()
        return await in_thread(
            lambda: routes.check_routes(folder, settings.crm.routes_url, now_at, settings.sync.stale_after_s)
        )

    async def _asterisk(self) -> list[Finding]:
        return await asterisk.check_asterisk(self._loaded, self._clock)

    async def _prompts(self) -> list[Finding]:
        return await prompts.check_prompts(self._loaded)

    async def _disk(self) -> list[Finding]:
        return await in_thread(lambda: disk.check_disk(data_dir_of(self._loaded)))

    async def _known(self) -> names.Known:
        crm = self._settings.crm
        asker = names.Names(journal_of(self._loaded), crm.dns_max_stale_s, self._clock, self._wishes.nameservers)
        return await asker.learn(place_of(crm.url).host)

    async def _dns(self) -> list[Finding]:
        return (await self._known()).findings if self._settings.crm.url else _no_crm(names.NAME)

    async def _tcp(self) -> list[Finding]:
        if not self._settings.crm.url:
            return _no_crm(reach.TCP)
        return await reach.Reach(place_of(self._settings.crm.url), None, self._clock).tcp(
            (await self._known()).addresses
        )

    async def _tls(self) -> list[Finding]:
        if not self._settings.crm.url:
            return _no_crm(reach.TLS)
        way = reach.Reach(place_of(self._settings.crm.url), await self._context(), self._clock)
        return await way.tls((await self._known()).addresses)

    async def _crm(self) -> list[Finding]:
        if not self._settings.crm.url:
            return _no_crm(question.NAME)
        asker = question.Question(self._loaded, self._wishes.did, self._clock)
        return await asker.ask(place_of(self._settings.crm.url).host, (await self._known()).addresses)

    async def _clocks(self) -> list[Finding]:
        zone = hours.check_zone(self._settings.rules.timezone)
        crm = self._settings.crm
        if not crm.url:
            return [skip(hours.NAME, "there is no CRM to compare this machine's clock with"), zone]
        host, addresses = place_of(crm.url).host, (await self._known()).addresses
        if not addresses:
            return [*names.nowhere(hours.NAME), zone]
        resolver = question.resolver_of(host, addresses, self._clock)
        token, context = crm_token(self._loaded), await self._context()
        return [await hours.compare_clocks(crm.url, token, resolver, context, self._clock), zone]

    async def _context(self) -> ssl.SSLContext | None:
        """Return the service's TLS context; None where crm.url is http.

        Raises:
            ConfigError: a certificate cannot be used.
        """
        crm = self._settings.crm
        if not place_of(crm.url).secure:
            return None
        files = [question.file_of(self._loaded, text) for text in (crm.ca_file, crm.client_cert, crm.client_key)]
        return await in_thread(lambda: make_context(*files))

    async def _status(self) -> service.Status:
        """Ask the running service.

        Raises:
            ControlError: it does not run, or does not answer.
        """
        data_dir = data_dir_of(self._loaded)
        return await in_thread(lambda: command(data_dir, {"do": "status"}, STATUS_S))

    async def _service(self) -> list[Finding]:
        try:
            status = await self._status()
        except ControlError as error:
            return [failed_by(service.WORKERS, error)]
        return service.check_processes(status, self._settings.agi.heartbeat_ms)

    async def _listening(self, key: str) -> list[str]:
        """Return where the service listens; the configuration's word where it cannot be asked."""
        try:
            return [str(one) for one in (await self._status())[key]]
        except (ControlError, KeyError):
            return list(getattr(self._settings.agi, key))

    async def _agi(self) -> list[Finding]:
        agi, call_ms = self._settings.agi, self._settings.budget.call_ms
        door = service.Door(agi.allow, call_ms, self._wishes.did, self._clock)
        spoken = await door.knock(await self._listening("listen") or agi.listen)
        return [*spoken, *await http_door.knock(await self._listening("http_listen"), agi.allow)]

    async def _dialplan(self) -> list[Finding]:
        ports = {int(one.rpartition(":")[2]) for one in (*self._settings.agi.listen, *await self._listening("listen"))}
        asks = await in_thread(lambda: dialplan.check_dialplan(self._wishes.dialplan, ports, dialplan.FOLDER))
        return [*asks, *await in_thread(lambda: installed.check_installed(self._loaded))]

    async def _limits(self) -> list[Finding]:
        agi, crm = self._settings.agi, self._settings.crm
        try:
            workers = (await self._status()).get("workers") or []
        except ControlError:
            workers = []
        pids = [int(worker["pid"]) for worker in workers if "pid" in worker]
        return limits.check_files(pids, agi.max_calls, crm.max_in_flight + crm.max_late)


def _no_crm(check: str) -> list[Finding]:
    return [skip(check, "there is no crm.url, so no CRM is asked")]
