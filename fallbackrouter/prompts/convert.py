"""Audio of several kinds -> the two wav files that Asterisk plays, by sox.

Rules: the kind is told by the file's first bytes, never by its name or by what a server says of it, and sox is told it;
sox sees paths that we made, no others; what it wrote is read back before it counts.
"""

import asyncio
import hashlib
import re
import wave
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.prompts.files import RATES, Made
from fallbackrouter.prompts.program import Bounds, PromptError, run

_HEAD_BYTES = 64
_MP3_FRAME = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]")
"""Eleven bits of sync and a layer that is none of the reserved ones."""
_HEADER_BYTES = 4_096
_SPARE_S = 2.0
CONVERT_S = 60.0
"""What sox may take for one file."""


def kind_of(head: bytes) -> str:
    """Return sox's name of the kind of audio that begins so, "" for none that is taken."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"OggS":
        return "opus" if b"OpusHead" in head else "vorbis"
    if head[:3] == b"ID3" or _MP3_FRAME.match(head):
        return "mp3"
    return {b"fLaC": "flac", b".snd": "au"}.get(head[:4], "")


@dataclass(frozen=True, slots=True)
class Converter:
    """Makes files that Asterisk plays.

    Args:
        program: sox, by name or path.
        max_s: how long a prompt may last.
    """

    program: str
    max_s: float

    async def convert(self, source: Path, folder: Path, *, streamed: bool = False) -> Made:
        """Make the files of a source.

        Args:
            folder: where they are made.
            streamed: it was written to a pipe, so what a wav says of its own length counts for nothing.

        Raises:
            PromptError: it is no audio, too long, empty, or sox cannot be run.
        """
        kind = kind_of(await asyncio.to_thread(_head, source))
        if not kind:
            raise PromptError("it is no audio that is known here (wav, mp3, ogg, flac, au)")
        lengthless = ("--ignore-length",) if streamed and kind == "wav" else ()
        made: dict[str, Path] = {}
        for extension, rate in RATES.items():
            made[extension] = target = folder / f"made{extension}"
            command = [
                *(self.program, "-V0", "-R", *lengthless, "-t", kind, str(source)),
                *("-t", "wav", "-e", "signed-integer", "-b", "16", "-c", "1", "-r", str(rate), str(target)),
                *("trim", "0", f"{self.max_s + _SPARE_S:g}"),
            ]
            await run(command, self._bounds(rate), cwd=folder)
        return await asyncio.to_thread(self._judged, source, made)

    def _judged(self, source: Path, made: dict[str, Path]) -> Made:
        seconds = min(self._seconds(path, RATES[extension]) for extension, path in made.items())
        return Made(_digest(source), made, seconds)

    def _bounds(self, rate: int) -> Bounds:
        return Bounds(CONVERT_S, int((self.max_s + 2 * _SPARE_S) * rate * 2) + _HEADER_BYTES)

    def _seconds(self, path: Path, rate: int) -> float:
        """Return how long a made file lasts.

        Raises:
            PromptError: it is not what was asked for.
        """
        try:
            with wave.open(str(path), "rb") as made:
                shape = (made.getframerate(), made.getnchannels(), made.getsampwidth())
                seconds = made.getnframes() / rate
        except (OSError, EOFError, wave.Error):
            raise PromptError("sox made nothing of it") from None
        if shape != (rate, 1, 2):
            raise PromptError("sox made something else of it than was asked for")
        if not seconds:
            raise PromptError("it is silent: it has no sound in it")
        if seconds > self.max_s:
            raise PromptError(f"it lasts longer than {self.max_s:g} s (prompts.max_s)")
        return seconds


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
