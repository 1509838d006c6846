"""Writes what was measured into docs/performance.md, between its marks; what stands around them is written by hand."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Section, dump, load
from tests.proof.machine import longest_stop_ms
from tests.proof.report import head

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
KEPT = ROOT / ".make" / "performance.json"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
COMMAND = "make bench"


def merged(former: Sequence[Section], now: Sequence[Section]) -> list[Section]:
    """Return all sections, those of this run in place of their former selves."""
    fresh = {section.name: section for section in now}
    kept = [fresh.pop(section.name, section) for section in former]
    return kept + list(fresh.values())


def within(text: str, lines: Sequence[str]) -> str:
    """Return a page with its figures replaced; ValueError where the marks are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks its marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"


def write(sections: Sequence[Section]) -> None:
    """Keep the figures beside those of sections that did not run now, and write the page."""
    former = load(KEPT.read_bytes()) if KEPT.exists() else []
    every = merged(former, sections)
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_bytes(dump(every))
    machine = head("", COMMAND).splitlines()
    lines = ["", *(line for line in machine if line.startswith("- "))]
    lines += [f"- its processors stood still for up to {longest_stop_ms():.0f} ms at a time when this was written", ""]
    for section in every:
        lines += [*section.markdown(), ""]
    PAGE.write_text(within(PAGE.read_text(encoding="utf-8"), lines), encoding="utf-8")
