"""What is wrong with a key of the configuration."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A key that cannot be used.

    Attributes:
        key: dotted, with the entry where a list is meant: `agi.listen[2]`, counted from 1.
        what: what is wrong, to be read after the key: "must be a whole number, not text".
        remedy: what to write instead.
    """

    key: str
    what: str
    remedy: str


Faults = Iterator[Fault]
