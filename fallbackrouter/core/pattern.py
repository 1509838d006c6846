"""Asterisk's extension patterns: what they match, and which of two is the more specific."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of Asterisk's, such as `_7499XXXXXXX`."""

    text: str

    def matches(self, number: str) -> bool:
        """Tell whether Asterisk would match this number."""
        return self.text == number


def parse_pattern(text: str) -> Pattern:
    """Read a pattern."""
    return Pattern(text)
