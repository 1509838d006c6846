"""A caller hears a greeting that was fetched and a text that was spoken, in a real Asterisk: recorded, and compared."""

import math
import shutil
import struct
import wave
from collections.abc import Iterator, Sequence
from operator import mul
from pathlib import Path

import pytest

from tests.asterisk.crm_process import CrmProcess
from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.routed import Routed, guard
from tests.asterisk.settings import INSIDE
from tests.fakes.audio import FakeAudio, audio_thread, sweep
from tests.fakes.service import wait_until

pytestmark = [
    pytest.mark.asterisk,
    pytest.mark.skipif(not (shutil.which("sox") and shutil.which("espeak-ng")), reason="needs sox and espeak-ng"),
]
DID = "100001"
RATE = 8_000
PIECE = 800
"""Samples that are looked for in the recording."""
ALIKE = 0.8
CONFIG = """
[prompts]
dir = "{folder}"
hosts = ["127.0.0.1"]
"""
HEAR = """\
[hear]
exten => _[0-9]!,1,Gosub(fallbackrouter,s,1(${{EXTEN}},init))
 same => n,Answer()
 same => n,MixMonitor({inside}/heard-${{TOKEN}}.wav)
 same => n,GotoIf($["${{audio1}}" = ""]?text)
 same => n,Playback({inside}/prompts/${{CUT(audio1,/,{last})}})
 same => n(text),GotoIf($["${{text}}" = ""]?done)
 same => n,Playback({inside}/prompts/${{CUT(text,/,{last})}})
 same => n(done),StopMixMonitor()
 same => n,{stop}
"""


@pytest.fixture
def audio() -> Iterator[FakeAudio]:
    with audio_thread() as served:
        served.body = sweep()
        yield served


@pytest.fixture
def routed(exchange: Exchange, audio: FakeAudio, tmp_path: Path) -> Iterator[Routed]:
    """A router whose folder of prompts lies where the Asterisk in its root can read it."""
    folder = exchange.folder / "prompts"
    route = {"app": "group", "num": "62", "audio1": audio.url(), "text": "Your call is number seven"}
    with CrmProcess({DID: route}) as crm, Routed(tmp_path, crm.url, more=CONFIG.format(folder=folder)) as routed:
        routed.start()
        yield routed
    shutil.rmtree(folder, ignore_errors=True)


def samples(path: Path) -> Sequence[int]:
    """Return what a wav of 8 kHz holds."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        data = file.readframes(file.getnframes())
    return struct.unpack(f"<{len(data) // 2}h", data)


def likeness(heard: Sequence[int], source: Sequence[int]) -> float:
    """Return how like the loudest piece of a source the recording is where it is most like it: 1 is the same."""
    places = range(0, max(1, len(source) - PIECE), PIECE)
    start = max(places, key=lambda place: sum(map(abs, source[place : place + PIECE])))
    piece = source[start : start + PIECE]
    own = math.sqrt(sum(map(mul, piece, piece)))
    best = 0.0
    for place in range(len(heard) - len(piece)):
        part = heard[place : place + len(piece)]
        size = math.sqrt(sum(map(mul, part, part)))
        if size > own / 10:
            best = max(best, sum(map(mul, piece, part)) / (own * size))
    return best


def test_a_caller_hears_a_fetched_greeting_and_a_spoken_text(exchange: Exchange, routed: Routed) -> None:
    last = str(exchange.folder / "prompts").count("/") + 2
    exchange.load(guard(routed.port, 30) + HEAR.format(inside=INSIDE, last=last, stop=STOP_HERE))
    names = ("FR_PROMPT", "FR_SOURCE", "audio1", "text")
    token = exchange.call(DID, "hear")
    assert exchange.values(token, names) == ["missing", "live", "", ""]

    def there() -> bool:
        return exchange.values(exchange.call(DID, "hear"), names)[0] == "ok"

    wait_until(there, "the prompts")
    token = exchange.call(DID, "hear")
    _, _, greeting, speech = exchange.values(token, names)
    recording = exchange.folder / f"heard-{token}.wav"
    wait_until(lambda: recording.exists() and samples(recording), "the recording")
    heard = samples(recording)
    sources = [samples(Path(f"{path}.wav")) for path in (greeting, speech)]
    wanted_s = sum(map(len, sources)) / RATE
    assert abs(len(heard) / RATE - wanted_s) < 1.5
    assert all(likeness(heard, source) > ALIKE for source in sources)
    assert likeness(heard, samples_of_nothing_like_it()) < ALIKE


def samples_of_nothing_like_it() -> Sequence[int]:
    """Return what the caller did not hear: a falling tone."""
    data = sweep()[44:]
    return struct.unpack(f"<{len(data) // 2}h", data)[::-1]
