"""Text -> a wav, by a program of the admin's: the text on its stdin, the wav on its stdout."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.core.prompt import Prompt
from fallbackrouter.prompts.program import Bounds, PromptError, run

MEMORY_BYTES = 8 * 1024**3
"""Programs that speak well load large models."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Speaks.

    Args:
        command: program and arguments; `{voice}` and `{language}` are put in.
        within_s: what it may take.
        max_bytes: of its wav.
    """

    command: Sequence[str]
    within_s: float
    max_bytes: int

    async def speak(self, prompt: Prompt, folder: Path) -> Path:
        """Return the wav of a text, inside the folder.

        Raises:
            PromptError: the program failed, or wrote nothing.
        """
        filled = {"{voice}": prompt.voice, "{language}": prompt.language}
        command = [_put_in(argument, filled) for argument in self.command]
        path = folder / "spoken"
        bounds = Bounds(self.within_s, self.max_bytes, MEMORY_BYTES)
        await run(command, bounds, cwd=folder, said=prompt.what.encode() + b"\n", into=path)
        if not path.stat().st_size:
            raise PromptError(f"{Path(command[0]).name} said nothing; is there a voice {prompt.voice}?")
        return path


def _put_in(argument: str, filled: dict[str, str]) -> str:
    for name, value in filled.items():
        argument = argument.replace(name, value)
    return argument
