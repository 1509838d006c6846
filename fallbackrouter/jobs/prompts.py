"""Has at hand what callers are to hear: fetches, speaks, converts, and asks again. No call waits for it.

Its rules: what a route names, or is always wanted, comes first; what calls wanted follows; a source that failed is
tried later and later, and what was there stays; few at once, each with a deadline of its own.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.prompt import AUDIO, Prompt
from fallbackrouter.crm.audio_client import Known, Sink
from fallbackrouter.jobs.prompt_store import InThread, PromptStore, known_of
from fallbackrouter.log import get_log
from fallbackrouter.prompts import files
from fallbackrouter.prompts.ledger import Entry, entry_of
from fallbackrouter.prompts.program import PromptError

LOOK_S = 5.0
"""How often it looks for what is due, where nobody wakes it."""
NAMED_S = 10.0
"""How often it looks what routes and rules name."""
AT_ONCE = 3
MAX_ASKED = 1_000
"""Prompts that wait because a call wanted them; more are dropped, the next call names them again."""

log = get_log("prompts")


class Fetch(Protocol):
    """Fetches audio; crm.audio_client does."""

    async def fetch(self, url: str, known: Known, sink: Sink) -> Known | None:
        """Fetch it; None where it is as it was."""
        ...


class Speak(Protocol):
    """Speaks; prompts.speech does."""

    async def speak(self, prompt: Prompt, folder: Path) -> Path:
        """Return a wav inside the folder."""
        ...


class Convert(Protocol):
    """Makes what Asterisk plays; prompts.convert does."""

    async def convert(self, source: Path, folder: Path, *, streamed: bool = False) -> files.Made:
        """Make the files of a source."""
        ...


class PromptJob:
    """Fills the store.

    Args:
        named: what routes, rules and the configuration name now, by key; blocking.
        in_thread: does what may stall, in one thread of its own.

    Attributes:
        fetched, spoken, failed: how many so far.
    """

    def __init__(
        self,
        store: PromptStore,
        *,
        fetcher: Fetch,
        speaker: Speak,
        converter: Convert,
        named: Callable[[], Mapping[str, Prompt]],
        in_thread: InThread,
        clock: Clock,
    ) -> None:
        self.store = store
        self._fetcher = fetcher
        self._speaker = speaker
        self._converter = converter
        self._look_named = named
        self._in_thread = in_thread
        self._clock = clock
        self._named: Mapping[str, Prompt] = {}
        self._asked: dict[str, Prompt] = {}
        self._doing: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._named_due_s = 0.0
        self.fetched = self.spoken = self.failed = 0

    # --- asked from outside ---------------------------------------------------------------------------------------

    def want(self, prompts: Iterable[Prompt], used: Iterable[str] = ()) -> None:
        """Take note of what calls wanted and did not get, and of what they used."""
        for key in used:
            self.store.touch(key)
        for prompt in prompts:
            self.store.touch(prompt.key)
            if len(self._asked) < MAX_ASKED:
                self._asked[prompt.key] = prompt
                self._wake.set()

    def begin(self, prompt: Prompt) -> int:
        """Begin to have a prompt, whatever was tried before.

        Returns:
            A moment, in ms of Unix time: the try has ended once the prompt's `tried_ms` is not before it.
        """
        self._begin(prompt)
        return self.store.now_ms()

    async def purge(self, *, everything: bool) -> int:
        """Let go of what no route names, or of everything; returns how many left."""
        gone = await self.store.purge(everything=everything)
        self._wake.set()
        return gone

    @property
    def counts(self) -> dict[str, int]:
        """How many can be played, how many of the named ones cannot, and the bytes of all."""
        return self.store.counts(self._named)

    # --- going on -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the store filled for ever; whatever goes wrong is told, and tried again."""
        while not await self.store.open():
            await self._rest()
        while True:
            try:
                await self._round()
            except FallbackrouterError as error:
                log.warning("what routes name of prompts cannot be read", reason=str(error))
            except Exception:
                log.exception("keeping prompts failed in our own code")
            await self._rest()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), LOOK_S)
        except TimeoutError:
            return
        self._wake.clear()

    async def _round(self) -> None:
        await self.store.tidy()
        now_s = self._clock.now_s()
        if now_s >= self._named_due_s:
            self._named_due_s = now_s + NAMED_S
            self.store.stays = self._named = await self._in_thread(self._look_named)
        await self.store.look_after(self._asked)
        for prompt in self._due():
            if len(self._doing) >= AT_ONCE:
                break
            self._asked.pop(prompt.key, None)
            self._begin(prompt)

    def _due(self) -> list[Prompt]:
        """Return what to do next: what is named or asked for and not there, then what has to be asked for again."""
        now_ms = self.store.now_ms()
        wanted = {**self._named, **self._asked}
        lacking = {key: prompt for key, prompt in wanted.items() if self._lacks(key, now_ms)}
        self._asked = {key: prompt for key, prompt in self._asked.items() if key in lacking}
        aged = {key: entry.prompt for key, entry in self.store.entries.items() if self._aged(key, entry, now_ms)}
        return [prompt for key, prompt in {**lacking, **aged}.items() if key not in self._doing]

    def _lacks(self, key: str, now_ms: int) -> bool:
        entry = self.store.entries.get(key)
        return entry is None or (not entry.content and entry.next_ms <= now_ms)

    def _aged(self, key: str, entry: Entry, now_ms: int) -> bool:
        """Tell whether audio has to be asked for again: what is named, or was wanted since it was asked for last."""
        old = entry.checked_ms + self.store.bounds.recheck_s * 1000 <= now_ms
        wanted = key in self._named or entry.used_ms > entry.checked_ms
        return bool(entry.kind == AUDIO and entry.content and old and wanted and entry.next_ms <= now_ms)

    # --- one prompt -----------------------------------------------------------------------------------------------

    def _begin(self, prompt: Prompt) -> None:
        if prompt.key not in self._doing:
            doing = self._doing[prompt.key] = asyncio.create_task(self._have(prompt), name="prompt")
            doing.add_done_callback(lambda _: self._ended(prompt.key))

    def _ended(self, key: str) -> None:
        self._doing.pop(key, None)
        self._wake.set()

    async def _have(self, prompt: Prompt) -> None:
        """Have a prompt; whatever goes wrong is noted."""
        entry = self.store.entries.get(prompt.key) or replace(entry_of(prompt), used_ms=self.store.now_ms())
        try:
            await self._make(prompt, entry)
        except (PromptError, FallbackrouterError, OSError) as error:
            reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
            await self._note_failed(prompt.key, entry, reason)
        except Exception as error:
            log.exception("a prompt failed in our own code")
            await self._note_failed(prompt.key, entry, f"failed in our own code ({type(error).__name__})")

    async def _note_failed(self, key: str, entry: Entry, reason: str) -> None:
        self.failed += 1
        await self.store.note_failed(key, entry, reason)

    async def _make(self, prompt: Prompt, entry: Entry) -> None:
        corner = await self._in_thread(lambda: files.corner(self.store.folder))
        try:
            place = Path(corner.name)
            if prompt.kind == AUDIO:
                await self._make_fetched(prompt, entry, place)
            else:
                spoken = await self._speaker.speak(prompt, place)
                made = await self._converter.convert(spoken, place, streamed=True)
                self.spoken += 1
                await self.store.keep(prompt.key, entry, made, Known())
        finally:
            await self._in_thread(corner.cleanup)

    async def _make_fetched(self, prompt: Prompt, entry: Entry, place: Path) -> None:
        source = place / "fetched"
        told = await self._fetch(prompt.what, known_of(prompt, entry), source)
        if told is None:
            await self.store.note_same(prompt.key, entry)
            return
        made = await self._converter.convert(source, place)
        self.fetched += 1
        await self.store.keep(prompt.key, entry, made, told)

    async def _fetch(self, url: str, known: Known, source: Path) -> Known | None:
        file = await self._in_thread(lambda: source.open("wb"))

        async def write(piece: bytes) -> None:
            await self._in_thread(lambda: file.write(piece))

        try:
            return await self._fetcher.fetch(url, known, write)
        finally:
            await self._in_thread(file.close)

    async def close(self, within_s: float) -> None:
        """End what is under way, and save what was used."""
        doing = list(self._doing.values())
        for task in doing:
            task.cancel()
        if doing:
            await asyncio.wait(doing, timeout=within_s)
        await self.store.close()
