"""`@file`: the lines of a list inside the rules directory, bounded, with their comments taken off."""

from collections.abc import Iterator
from pathlib import Path

from fallbackrouter.rulesfile.files import MAX_LIST_BYTES, UnreadableError, read_text


def read_lines(directory: Path, name: str, max_lines: int) -> Iterator[tuple[int, str]]:
    """Yield a list's lines that say something, each with its number, counted from 1.

    Args:
        name: the path after `@`, relative to the rules directory.

    Raises:
        UnreadableError: it lies outside, or cannot be read as a whole.
    """
    lines = read_text(_path(directory, name), MAX_LIST_BYTES).split("\n")
    if len(lines) > max_lines:
        raise UnreadableError(f"the list has more than {max_lines:,} lines", "split it into several lists")
    return ((number, text) for number, text in enumerate(map(_without_comment, lines), 1) if text)


def _path(directory: Path, name: str) -> Path:
    try:
        inside = directory.resolve()
        path = (inside / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise UnreadableError("this is no file's name", "write the list's path after @") from error
    if not name or not path.is_relative_to(inside):
        raise UnreadableError("a list lies inside the rules directory", "put it there, and write its path after @")
    return path


def _without_comment(line: str) -> str:
    """Return a line without its comment: `#` begins one at the line's start or after a blank, as `*72#` is a number."""
    text = line.strip()
    if "#" not in text:
        return text
    if text.startswith("#"):
        return ""
    return text.replace("\t", " ").partition(" #")[0].rstrip()
