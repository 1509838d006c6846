"""The duty of having at hand what callers are to hear: audio by URL, and text that is spoken."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from fallbackrouter.clock import load_zone
from fallbackrouter.config.build import last_resort
from fallbackrouter.config.prompts import crm_origins, prompt_folder, prompt_hosts, prompt_naming
from fallbackrouter.control.lines import Message
from fallbackrouter.core.prompt import AUDIO, SPEECH, Prompt
from fallbackrouter.crm.audio_client import AudioClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.jobs.prompt_store import Bounds, PromptStore
from fallbackrouter.jobs.prompts import PromptJob
from fallbackrouter.log import get_log
from fallbackrouter.prompts.convert import Converter
from fallbackrouter.prompts.ledger import MAX_ENTRIES
from fallbackrouter.prompts.speech import Speaker
from fallbackrouter.rulesfile.compiled import load as load_rules
from fallbackrouter.store.route_prompts import route_results
from fallbackrouter.store.rulesets import latest_ruleset

LET_GO_S = 0.3
MAX_NAMED = MAX_ENTRIES // 2
"""So many prompts that routes and rules name are fetched ahead; those behind are fetched when a call wants them."""
_MB = 1_000_000
T = TypeVar("T")
log = get_log("prompts")


class KeepPrompts:
    """Keeps the folder of prompts."""

    def __init__(self, inside: Inside, folder: Path) -> None:
        prompts = inside.settings.prompts
        self._inside = inside
        self._naming = prompt_naming(inside.settings)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="prompts")
        self._resolver = Resolver(
            clock=inside.clock,
            max_stale_s=inside.settings.crm.dns_max_stale_s,
            nameservers=inside.settings.crm.nameservers,
        )
        self._client = _client(inside, self._resolver)
        self._running: asyncio.Task[None] | None = None
        store = PromptStore(
            folder,
            bounds=Bounds(round(prompts.max_mb * _MB), prompts.recheck_s),
            on_change=lambda: inside.say({"say": "prompts_changed"}),
            in_thread=self._in_thread,
            clock=inside.clock,
        )
        self._job = PromptJob(
            store,
            fetcher=self._client,
            speaker=Speaker(prompts.command, prompts.speech_s, round(prompts.max_file_mb * _MB)),
            converter=Converter(prompts.converter, prompts.max_s),
            named=self._named,
            in_thread=self._in_thread,
            clock=inside.clock,
        )

    @classmethod
    def where_wanted(cls, inside: Inside) -> "KeepPrompts | None":
        """Return the duty, None where no prompts are kept."""
        folder = prompt_folder(inside.settings, inside.loaded.base)
        return None if folder is None else cls(inside, folder)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    # --- what is named --------------------------------------------------------------------------------------------

    def _named(self) -> Mapping[str, Prompt]:
        """Return what the configuration, the rules and the synced routes name, at most MAX_NAMED. Blocking."""
        found: dict[str, Prompt] = {}
        for prompt in self._named_one_by_one():
            if len(found) >= MAX_NAMED:
                break
            found[prompt.key] = prompt
        return found

    def _named_one_by_one(self) -> Iterable[Prompt]:
        for language, phrases in self._inside.settings.prompts.warm.items():
            yield from (self._naming.speech(text, language) for text in phrases)
        for variables in self._variables():
            yield from (prompt for _, prompt in self._naming.prompts(variables))

    def _variables(self) -> Iterable[Mapping[str, str]]:
        yield dict(last_resort(self._inside.settings).variables)
        latest = latest_ruleset(self._inside.journal_path)
        for rule in load_rules(latest.body, load_zone) if latest else ():
            yield dict(rule.route.variables)
            if rule.next_route is not None:
                yield dict(rule.next_route.variables)
        names = ("audio", *self._inside.settings.prompts.spoken)
        yield from route_results(self._inside.journal_path.with_name("routes.db"), names)

    # --- a duty ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin."""
        await self._resolver.start()
        self._running = asyncio.create_task(self._job.run(), name="prompts")

    async def close(self) -> None:
        """End; what was not had is had after the next start."""
        if self._running is not None:
            self._running.cancel()
        await self._job.close(LET_GO_S)
        await self._client.close()
        await self._resolver.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer what workers and people want of prompts."""
        return {"prompts_wanted": self._wanted, "prompt": self._begin, "purge_prompts": self._purge}

    async def _wanted(self, message: Message) -> Message:
        wanted = [msgspec.convert(one, Prompt) for one in message["wanted"]]
        self._job.want(wanted, map(str, message["used"]))
        return {}

    async def _begin(self, message: Message) -> Message:
        what = str(message["what"])
        prompt = (
            self._naming.speech(what, str(message.get("language") or ""))
            if message.get("kind") == SPEECH
            else Prompt(AUDIO, what)
        )
        return {"key": prompt.key, "after_ms": self._job.begin(prompt)}

    async def _purge(self, message: Message) -> Message:
        return {"gone": await self._job.purge(everything=message.get("everything") is True)}

    def facts(self) -> Message:
        """Tell what is there and what is not."""
        job = self._job
        return {
            "prompts": {**job.counts, "trouble": job.store.trouble},
            "tally": {"prompts_fetched": job.fetched, "prompts_spoken": job.spoken, "prompt_failures": job.failed},
        }


def _client(inside: Inside, resolver: Resolver) -> AudioClient:
    settings = inside.settings
    origins = crm_origins(settings)
    return AudioClient(
        hosts=prompt_hosts(settings),
        tokens=dict.fromkeys(origins, inside.token),
        private=origins,
        resolver=resolver,
        max_bytes=round(settings.prompts.max_file_mb * _MB),
        within_s=settings.prompts.fetch_s,
        **{key: _file(inside, getattr(settings.crm, key)) for key in ("ca_file", "client_cert", "client_key")},
    )


def _file(inside: Inside, name: str) -> str:
    return str(inside.loaded.file(name)) if name else ""
