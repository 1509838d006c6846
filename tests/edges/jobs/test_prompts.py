"""Audio that is fetched and text that is spoken: what good sources give, and what bad ones cannot do."""

import asyncio
import shutil
import sys
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.core.prompt import AUDIO, Naming, Prompt
from fallbackrouter.core.prompt_farewell import FAREWELL_MS
from fallbackrouter.crm.audio_client import AudioClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.jobs.prompt_store import Bounds, PromptStore
from fallbackrouter.jobs.prompts import PromptJob
from fallbackrouter.prompts.convert import Converter, kind_of
from fallbackrouter.prompts.ledger import Entry, load_paths
from fallbackrouter.prompts.speech import Speaker
from tests.fakes.audio import MODIFIED, FakeAudio, tone
from tests.fakes.clock import FakeClock

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("sox") is None, reason="needs sox: apt-get install sox"),
]
PATIENCE_S = 60.0
WORDS = Naming(frozenset({"text"}), "en", voices={"en": "en", "ru": "ru"})
SAY = [sys.executable, "-c", "import sys; sys.stdin.read(); sys.stdout.buffer.write(open(sys.argv[1],'rb').read())"]


class House:
    """A job with a folder inside another one, in which nothing else may appear."""

    def __init__(self, outer: Path) -> None:
        self.outer = outer
        self.folder = outer / "prompts"
        self.clock = FakeClock()
        self.named: dict[str, Prompt] = {}
        self.changes = 0
        self.threads = ThreadPoolExecutor(1)
        self.jobs: list[tuple[PromptJob, asyncio.Task[None], AudioClient, Resolver]] = []

    def in_thread(self, work: Callable[[], Any], /) -> Awaitable[Any]:
        return asyncio.get_running_loop().run_in_executor(self.threads, work)

    def _changed(self) -> None:
        self.changes += 1

    async def job(
        self,
        *,
        max_bytes: int = 50_000_000,
        file_bytes: int = 1_000_000,
        within_s: float = 20,
        max_s: float = 20,
        command: list[str] | None = None,
        hosts: tuple[str, ...] = ("127.0.0.1",),
        tokens: dict[str, str] | None = None,
        converter: str = "sox",
        speech_s: float = 30,
    ) -> PromptJob:
        resolver = Resolver(clock=self.clock, max_stale_s=60)
        client = AudioClient(
            hosts=hosts, tokens=tokens or {}, private=(), resolver=resolver, max_bytes=file_bytes, within_s=within_s
        )
        store = PromptStore(
            self.folder,
            bounds=Bounds(max_bytes, 3_600),
            on_change=self._changed,
            in_thread=self.in_thread,
            clock=self.clock,
        )
        job = PromptJob(
            store,
            fetcher=client,
            speaker=Speaker(command or ["espeak-ng", "-v", "{voice}", "--stdout", "--stdin"], speech_s, file_bytes),
            converter=Converter(converter, max_s),
            named=lambda: self.named,
            in_thread=self.in_thread,
            clock=self.clock,
        )
        running = asyncio.create_task(job.run())
        self.jobs.append((job, running, client, resolver))
        return job

    async def close(self) -> None:
        for job, running, client, resolver in self.jobs:
            running.cancel()
            await job.close(5)
            await client.close()
            await resolver.close()
        self.jobs.clear()

    def outside(self) -> list[str]:
        """What lies beside the folder, or in it and is neither ours nor made by us."""
        beside = [path.name for path in self.outer.iterdir() if path != self.folder]
        known = {".wav", ".wav16", ".json"}
        strange = [path.name for path in self.folder.iterdir() if path.suffix not in known and path.name != ".making"]
        return [*beside, *strange, *(path.name for path in (self.folder / ".making").iterdir())]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    await made.close()
    made.threads.shutdown()


@pytest.fixture
async def audio() -> AsyncIterator[FakeAudio]:
    async with FakeAudio().running() as server:
        yield server


async def until(job: PromptJob, prompt: Prompt) -> Entry:
    """Wait until a prompt was tried once more; its entry."""
    before = job.store.entries.get(prompt.key)
    async with asyncio.timeout(PATIENCE_S):
        while (entry := job.store.entries.get(prompt.key)) is None or entry == before or prompt.key in job._doing:
            await asyncio.sleep(0.02)
    return entry


async def had(job: PromptJob, prompt: Prompt) -> Entry:
    """Have a call want it, and wait for the try's end."""
    waiting = asyncio.create_task(until(job, prompt))
    await asyncio.sleep(0)
    job.want([prompt])
    return await waiting


async def test_a_fetched_greeting_can_be_played_at_both_rates(house: House, audio: FakeAudio) -> None:
    job = await house.job()
    prompt = Prompt(AUDIO, audio.url())
    entry = await had(job, prompt)
    assert (entry.reason, entry.seconds) == ("", 1.0)
    path = load_paths(house.folder)[prompt.key]
    assert path == str(house.folder / entry.content)
    for extension, rate in ((".wav", 8_000), (".wav16", 16_000)):
        with wave.open(path + extension, "rb") as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate, 1, 2)
            assert file.getnframes() == rate
    assert [made.stat().st_mode & 0o777 for made in house.folder.glob("*.wav*")] == [0o644, 0o644]
    assert (house.folder / "prompts.json").stat().st_mode & 0o777 == 0o600
    assert house.changes >= 2
    assert not house.outside()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
async def test_a_text_is_spoken_and_known_again(house: House) -> None:
    job = await house.job()
    spoken = [await had(job, WORDS.speech(text, lang)) for text, lang in (("Good day", "en"), ("Добрый день", "ru"))]
    assert all(entry.content and not entry.reason and 0.3 < entry.seconds < 5 for entry in spoken)
    hostile = await had(job, WORDS.speech("--help; $(touch x) `touch x` -w /tmp/x"))
    assert hostile.content
    assert job.spoken == 3
    assert not house.outside()


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("gigabyte", "it is larger than 1 MB"),
        ("endless", "it is larger than 1 MB"),
        ("trickle", "it did not come within 2 s"),
        ("html", "its server says that it is text/html, which is no audio"),
        ("liar", "it is no audio that is known here"),
        ("flac", "sox failed with status"),
        ("moved", "its server answered 302"),
        ("nothing", "its server answered 404"),
    ],
)
async def test_hostile_audio_costs_its_own_try_and_nothing_else(
    house: House, audio: FakeAudio, mode: str, reason: str
) -> None:
    job = await house.job(within_s=2)
    good, bad = Prompt(AUDIO, audio.url()), Prompt(AUDIO, audio.url(mode))
    kept = await had(job, good)
    entry = await had(job, bad)
    assert reason in entry.reason
    assert (entry.content, entry.failures) == ("", 1)
    assert load_paths(house.folder) == {good.key: str(house.folder / kept.content)}
    assert not house.outside()


async def test_garbage_behind_a_header_stays_within_bounds(house: House, audio: FakeAudio) -> None:
    job = await house.job()
    await had(job, Prompt(AUDIO, audio.url("garbage")))
    assert not house.outside()


async def test_a_path_in_a_name_leads_nowhere(house: House, audio: FakeAudio) -> None:
    job = await house.job()
    entry = await had(job, Prompt(AUDIO, audio.url(name="..%2f..%2f..%2fetc%2fpasswd%00.wav")))
    assert entry.content
    assert [path.stem for path in house.folder.glob("*.wav")] == [entry.content]
    assert not house.outside()


async def test_other_hosts_are_not_asked_and_the_token_goes_to_its_origin_alone(house: House, audio: FakeAudio) -> None:
    job = await house.job(tokens={f"http://127.0.0.1:{audio.port}": "secret", "http://127.0.0.1:1": "other"})
    entry = await had(job, Prompt(AUDIO, "http://169.254.169.254/latest/x.wav"))
    assert entry.reason == "169.254.169.254 is not in prompts.hosts"
    await had(job, Prompt(AUDIO, audio.url()))
    assert audio.asked[-1].headers["authorization"] == "Bearer secret"
    async with FakeAudio().running() as other:
        await had(job, Prompt(AUDIO, other.url()))
        assert "authorization" not in other.asked[-1].headers


@pytest.mark.parametrize(("mode", "header"), [("good", "if-none-match"), ("dated", "if-modified-since")])
async def test_what_has_not_changed_is_not_fetched_again(
    house: House, audio: FakeAudio, mode: str, header: str
) -> None:
    prompt = Prompt(AUDIO, audio.url(mode))
    house.named = {prompt.key: prompt}
    job = await house.job()
    first = await until(job, prompt)
    house.clock.move(3_601)
    job._wake.set()
    second = await until(job, prompt)
    assert audio.asked[-1].headers[header] in {audio.etag, MODIFIED}
    assert (second.content, second.reason, job.fetched) == (first.content, "", 1)
    assert second.checked_ms > first.checked_ms


async def test_a_changed_greeting_replaces_the_old_one_whose_files_lie_on_for_a_while(
    house: House, audio: FakeAudio
) -> None:
    prompt = Prompt(AUDIO, audio.url())
    house.named = {prompt.key: prompt}
    job = await house.job()
    first = await until(job, prompt)
    audio.body, audio.etag = tone(2.0), '"two"'
    house.clock.move(3_601)
    job._wake.set()
    second = await until(job, prompt)
    assert (second.seconds, second.etag) == (2.0, '"two"')
    assert {path.stem for path in house.folder.glob("*.wav16")} == {first.content, second.content}
    house.clock.move(FAREWELL_MS / 1000 + 1)
    await job.store.tidy()
    assert {path.stem for path in house.folder.glob("*.wav16")} == {second.content}


async def test_a_source_that_is_gone_leaves_what_was_there(house: House, audio: FakeAudio) -> None:
    prompt = Prompt(AUDIO, audio.url())
    house.named = {prompt.key: prompt}
    job = await house.job()
    first = await until(job, prompt)
    audio.etag = '"two"'
    audio.body = b"no audio"
    house.clock.move(3_601)
    job._wake.set()
    second = await until(job, prompt)
    assert second.reason
    assert second.content == first.content
    assert load_paths(house.folder)[prompt.key].endswith(first.content)


async def test_the_store_is_bounded_and_what_is_named_stays(house: House, audio: FakeAudio) -> None:
    one_second = 16_000 + 32_000 + 88
    named, *others = (Prompt(AUDIO, audio.url(name=f"{number}.wav")) for number in range(5))
    house.named = {named.key: named}
    job = await house.job(max_bytes=3 * one_second)
    await until(job, named)
    for number, prompt in enumerate(others):
        house.clock.move(1)
        audio.body, audio.etag = tone(1.0, 500 + number), f'"{number}"'
        assert (await had(job, prompt)).content
        size = sum(path.stat().st_size for path in house.folder.glob("*.wav*"))
        assert size <= 3 * one_second
    assert set(load_paths(house.folder)) == {named.key, others[2].key, others[3].key}
    house.named |= {prompt.key: prompt for prompt in others[2:]}
    house.clock.move(11)
    job._wake.set()
    async with asyncio.timeout(PATIENCE_S):
        while len(job.store.stays) != 3:
            await asyncio.sleep(0.02)
    audio.body, audio.etag = tone(1.0, 900), '"last"'
    entry = await had(job, others[0])
    assert "no room" in entry.reason
    assert len(load_paths(house.folder)) == 3


async def test_a_restart_knows_what_there_was_and_sweeps_what_nobody_needs(house: House, audio: FakeAudio) -> None:
    job = await house.job()
    prompt = Prompt(AUDIO, audio.url())
    await had(job, prompt)
    await house.close()
    (house.folder / f"{'0' * 32}.wav").write_bytes(b"stray")
    (house.folder / ".making" / "left").write_bytes(b"half")
    again = await house.job()
    async with asyncio.timeout(PATIENCE_S):
        while prompt.key not in again.store.entries:
            await asyncio.sleep(0.02)
    assert not (house.folder / f"{'0' * 32}.wav").exists()
    assert not house.outside()
    assert again.counts["ready"] == 1
    assert await again.purge(everything=True) == 1
    assert not list(house.folder.glob("*.wav*"))


async def test_the_same_audio_is_kept_once_until_nobody_needs_it(house: House, audio: FakeAudio) -> None:
    one, two = (Prompt(AUDIO, audio.url(name=name)) for name in ("one.wav", "two.wav"))
    house.named = {one.key: one}
    job = await house.job()
    kept = [await until(job, one), await had(job, two)]
    assert kept[0].content == kept[1].content
    assert len(list(house.folder.glob("*.wav"))) == 1
    assert job.counts["bytes"] == kept[0].size_bytes
    assert await job.purge(everything=False) == 1
    assert load_paths(house.folder).keys() == {one.key}


async def test_deleted_files_are_had_anew(house: House, audio: FakeAudio) -> None:
    job = await house.job()
    prompt = Prompt(AUDIO, audio.url())
    entry = await had(job, prompt)
    (house.folder / f"{entry.content}.wav").unlink()
    assert load_paths(house.folder) == {}
    job.want([prompt])
    async with asyncio.timeout(PATIENCE_S):
        while load_paths(house.folder) == {} or prompt.key in job._doing:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["no-such-program"], "no-such-program cannot be run"),
        (["false"], "false failed with status 1"),
        (["true"], "true said nothing"),
        (["sleep", "60"], "sleep took longer than 2 s"),
        (["cat", "/dev/zero"], "cat wrote more than it may"),
        ([*SAY, "/etc/hostname"], "it is no audio"),
    ],
)
async def test_a_program_that_speaks_badly_is_ended_and_told_of(house: House, command: list[str], reason: str) -> None:
    job = await house.job(command=command, speech_s=2)
    entry = await had(job, WORDS.speech("Hello"))
    assert reason in entry.reason
    assert not house.outside()


async def test_without_sox_prompts_are_missing_and_nothing_fails(house: House, audio: FakeAudio) -> None:
    job = await house.job(converter="no-sox-here")
    entry = await had(job, Prompt(AUDIO, audio.url()))
    assert entry.reason.startswith("no-sox-here cannot be run")


async def test_a_program_sees_no_secret_of_ours(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FALLBACKROUTER_CRM__TOKEN", "hush-7")
    seen = tmp_path.parent / f"{tmp_path.name}-seen"
    script = f"import os; open({str(seen)!r},'w').write(repr(dict(os.environ)))"
    job = await house.job(command=[sys.executable, "-c", script])
    await had(job, WORDS.speech("Hello"))
    assert "PATH" in seen.read_text(encoding="utf-8")
    assert "hush-7" not in seen.read_text(encoding="utf-8")


async def test_too_long_and_empty_audio_is_refused(house: House, audio: FakeAudio) -> None:
    job = await house.job(max_s=1.5)
    audio.body = tone(3.0)
    assert "lasts longer than 1.5 s" in (await had(job, Prompt(AUDIO, audio.url()))).reason
    audio.body = tone(0.0)
    assert "no sound" in (await had(job, Prompt(AUDIO, audio.url(name="empty.wav")))).reason


def heads() -> Iterator[tuple[bytes, str]]:
    yield tone(0.1)[:64], "wav"
    yield b"ID3\x04", "mp3"
    yield b"\xff\xfb\x90\x64", "mp3"
    yield b"\xff\xfe<\0h\0", "mp3"
    yield b"OggS" + bytes(24) + b"OpusHead", "opus"
    yield b"OggS" + bytes(24) + b"\x01vorbis", "vorbis"
    yield b"fLaC", "flac"
    yield b"<html>", ""
    yield b"@/etc/passwd", ""
    yield b"", ""


@pytest.mark.parametrize(("head", "kind"), list(heads()))
async def test_the_first_bytes_tell_the_kind(head: bytes, kind: str) -> None:
    assert kind_of(head) == kind
