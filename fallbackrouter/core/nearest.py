"""Which known name somebody may have meant, for the sentence that refuses an unknown one."""

from collections.abc import Iterable
from difflib import get_close_matches

_MAX_WORD_CHARS = 64


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known name that looks most like a word, whatever their case, "" where none does."""
    names = {name.lower(): name for name in known}
    matches = get_close_matches(word[:_MAX_WORD_CHARS].lower(), names, n=1, cutoff=0.6)
    return names[matches[0]] if matches else ""


def write_instead(word: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown name: the nearest known one, else all of them."""
    names = list(known)
    found = names[0] if len(names) == 1 else nearest(word, names)
    return f"write {found}" if found else "write one of " + ", ".join(names)
