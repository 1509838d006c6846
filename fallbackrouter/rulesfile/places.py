"""Where a rule's lines begin and end in a file's text, and which comments are its own."""

import re

from fallbackrouter.rulesfile.spans import Span

_COMMENT = re.compile(r"(?:(?<=\s)|\A)#[^\n]*")
_DASH = re.compile(r"[ \t]*-(?:[ \t\r\n]|\Z)")


def line_start(text: str, at: int) -> int:
    """Return where the line of a place begins."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Return where the next line begins."""
    return text.find("\n", at) + 1 or len(text)


def column(text: str, at: int) -> int:
    """Return how far from the left a place is."""
    return at - line_start(text, at)


def dash(text: str, rule: Span) -> int:
    """Return where the dash of a rule stands, for a list that is not in brackets; it may be some lines above."""
    line = line_start(text, rule.start)
    while line and not _DASH.match(text, line):
        line = line_start(text, line - 1)
    return text.index("-", line)


def lead(text: str, rule: Span) -> int:
    """Return where a rule begins, with the comment lines directly above it; those at a file's top are the file's."""
    start = line = line_start(text, dash(text, rule))
    while line:
        above = line_start(text, line - 1)
        if not text[above:line].lstrip(" \t").startswith("#"):
            return line
        line = above
    return start


def comments_in(text: str, span_start: int, span_end: int, value: Span) -> list[str]:
    """Return the comments between the texts of a value, which outlive it."""
    found, at = [], span_start
    for leaf in (*value.leaves(), None):
        upto = span_end if leaf is None else leaf.start
        found += [comment.rstrip() for comment in _COMMENT.findall(text[at:upto])]
        at = span_end if leaf is None else leaf.end
    return found
