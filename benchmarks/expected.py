"""Compares a run's ratios with those that are expected, and tells which fell."""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure, Section

EXPECTED = Path(__file__).with_name("expected.toml")
FALL = 0.25
"""A ratio may be worse by that share of what is expected: machines differ, and so do two runs."""

Expected = dict[str, dict[str, float]]
"""Ratios by section and name."""


def fallen(sections: Sequence[Section], expected: Expected) -> Iterator[tuple[Section, Figure, float]]:
    """Yield each ratio that is worse than expected by more than a quarter, with what was expected."""
    for section in sections:
        wanted = expected.get(section.name, {})
        for figure in section.figures:
            if not figure.unit and figure.what in wanted and figure.fell(wanted[figure.what], FALL):
                yield section, figure, wanted[figure.what]


def unknown(sections: Sequence[Section], expected: Expected) -> Iterator[str]:
    """Yield what is expected of a section that ran and was not measured: a name that changed hides a fall."""
    for section in sections:
        names = {figure.what for figure in section.figures if not figure.unit}
        yield from (f"{section.name}: {what}" for what in expected.get(section.name, {}) if what not in names)


def check(sections: Sequence[Section], path: Path = EXPECTED) -> int:
    """Print what fell, and return the exit status: 1 where something did, or was not measured."""
    expected: Expected = tomllib.loads(path.read_text(encoding="utf-8"))
    found = [
        f"{section.name}: {figure.what}: {figure.written()}, expected {wanted:.3g}"
        for section, figure, wanted in fallen(sections, expected)
    ]
    found += [f"{name}: expected in {path.name}, and not measured" for name in unknown(sections, expected)]
    for line in found:
        print(line)
    print("Some ratios fell by more than a quarter." if found else "No ratio fell by more than a quarter.")
    return 1 if found else 0
