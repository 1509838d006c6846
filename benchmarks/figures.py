"""A figure of a benchmark, what is promised of it, and the table that it stands in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import msgspec

WHOLE_FROM = 100
"""Figures from here on are written without decimals."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Args:
        what: what was measured, in words; unique in its section.
        value: how much.
        unit: `calls/s`, `ms`, `us`, `MiB`; "": a ratio within one run, which `make bench-check` compares.
        least: promised to be at least that; None: nothing is.
        most: promised to be at most that; None: nothing is.
        better: for a ratio with no promise, which way is better: `more` or `less`.
    """

    what: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None
    better: str = "more"

    @property
    def kept(self) -> bool:
        """Tell whether what was promised holds; True where nothing was."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def promise(self) -> str:
        """Return the promise and whether it is kept, in words; "" without one."""
        bounds = [f"at least {self.least:g}"] if self.least is not None else []
        bounds += [f"at most {self.most:g}"] if self.most is not None else []
        return f"{' and '.join(bounds)}: {'kept' if self.kept else 'NOT KEPT'}" if bounds else ""

    @property
    def less_is_better(self) -> bool:
        """Tell which way a ratio falls."""
        return self.most is not None or (self.least is None and self.better == "less")

    def fell(self, expected: float, share: float) -> bool:
        """Tell whether it is worse than expected by more than that share of what was expected."""
        if self.less_is_better:
            return self.value > expected * (1 + share)
        return self.value < expected * (1 - share)

    def written(self) -> str:
        """Return the value with its unit, as a reader wants it."""
        text = f"{self.value:,.0f}" if abs(self.value) >= WHOLE_FROM else f"{self.value:.3g}"
        return f"{text} {self.unit}".rstrip()


@dataclass(frozen=True)
class Section:
    """What one benchmark measured: its name, what it did in a sentence or two, and its figures."""

    name: str
    about: str
    figures: Sequence[Figure]

    @classmethod
    def of(cls, name: str, about: str, figures: Iterable[Figure]) -> Self:
        """Take the figures, in their order."""
        return cls(name, " ".join(about.split()), tuple(figures))

    @property
    def kept(self) -> bool:
        """Tell whether every promise holds."""
        return all(figure.kept for figure in self.figures)

    def text(self) -> str:
        """Return it as a table for a terminal."""
        width = max(len(figure.what) for figure in self.figures)
        lines = [f"{f.what:<{width}}  {f.written():>16}  {f.promise}".rstrip() for f in self.figures]
        return "\n".join([f"== {self.name}", *lines])

    def markdown(self) -> list[str]:
        """Return it as the lines of a page."""
        rows = [f"| {f.what} | {f.written()} | {f.promise} |" for f in self.figures]
        return [f"### {self.name}", "", self.about, "", "| what | how much | promised |", "| --- | ---: | --- |", *rows]


def dump(sections: Sequence[Section]) -> bytes:
    """Write sections as JSON."""
    return msgspec.json.format(msgspec.json.encode(sections), indent=2)


def load(text: bytes) -> list[Section]:
    """Read what `dump` wrote."""
    return msgspec.json.decode(text, type=list[Section])
