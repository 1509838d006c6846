"""Channels as Asterisk's Originate names them, and the patterns that they are held against.

A channel is `TECHNOLOGY/NUMBER`, `TECHNOLOGY/NUMBER@PLACE`, and either with the options `/n` of a Local channel. In a
pattern NUMBER may be an Asterisk pattern: `Local/_XXX@inbound`. Anything else is no channel that a CRM may name.
"""

import re
from dataclasses import dataclass, field

from fallbackrouter.core.errors import PatternError
from fallbackrouter.core.pattern import Pattern, parse_pattern

MAX_CHANNEL_CHARS = 160
_CHANNEL = re.compile(r"([A-Za-z][A-Za-z0-9]{0,31})/([A-Za-z0-9_+*#.-]{1,80})(?:@([A-Za-z0-9_.-]{1,80}))?(?:/n)?")
_PATTERN = re.compile(r"([A-Za-z][A-Za-z0-9]{0,31})/([^@/\s]{1,80}|_[^@\s]{1,80})(?:@([A-Za-z0-9_.-]{1,80}))?")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel by its parts; `place` is "" where none is named."""

    technology: str
    number: str
    place: str


def read_channel(text: str) -> Channel | None:
    """Read a channel's name, None where it is none that we let through."""
    found = _CHANNEL.fullmatch(text) if len(text) <= MAX_CHANNEL_CHARS else None
    return Channel(found[1], found[2], found[3] or "") if found else None


@dataclass(frozen=True, slots=True)
class ChannelPattern:
    """Which channels may be called; made by `parse_channel_pattern`.

    Attributes:
        number: the very number, "" where there is a pattern.
    """

    text: str
    technology: str = field(repr=False, compare=False)
    place: str = field(repr=False, compare=False)
    number: str = field(repr=False, compare=False)
    pattern: Pattern | None = field(repr=False, compare=False)

    def matches(self, channel: Channel) -> bool:
        """Tell whether this is one of them; technologies and places are compared letter by letter."""
        if (channel.technology, channel.place) != (self.technology, self.place):
            return False
        return self.pattern.matches(channel.number) if self.pattern else channel.number == self.number


def parse_channel_pattern(text: str) -> ChannelPattern:
    """Read a pattern of channels.

    Raises:
        PatternError: it is none. The text is "reason; remedy".
    """
    found = _PATTERN.fullmatch(text)
    if found is None:
        raise PatternError("it is no channel; write TECHNOLOGY/NUMBER@CONTEXT, such as Local/_XXX@inbound")
    technology, number, place = found[1], found[2], found[3] or ""
    if number.startswith("_"):
        return ChannelPattern(text, technology, place, "", parse_pattern(number))
    if read_channel(text) is None:
        raise PatternError("its number holds what no number holds; begin a pattern with `_`")
    return ChannelPattern(text, technology, place, number, None)
