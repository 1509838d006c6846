"""Draws how costs grow as an SVG: sizes from left to right (each step ten times as many), costs as times the first.

It brings its own ground and two sets of colours, so that it can be read on a light page and on a dark one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 48, 64
LEAST_TOP = 2.0
ROOM = 1.15
"""The highest value, or the bound, has so much room above it."""
TICK = 0.5
COARSE = 4.0
"""From here on the ticks are far apart: as many as fit."""
STYLE = """
.ground{fill:#fff}text{font:13px sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}
.grid{stroke:#ddd}.bound{stroke:#b3261e;stroke-dasharray:6 4;stroke-width:1.5}.bound-text{fill:#b3261e}
.line{fill:none;stroke-width:2.5}.s0{stroke:#1259a8;fill:#1259a8}.s1{stroke:#a15c00;fill:#a15c00}
@media(prefers-color-scheme:dark){.ground{fill:#161b22}text{fill:#e6e6e6}.grid{stroke:#3a414b}
.bound{stroke:#ff8a80}.bound-text{fill:#ff8a80}.s0{stroke:#6cb4ff;fill:#6cb4ff}.s1{stroke:#ffb454;fill:#ffb454}}
text.s0,text.s1{stroke:none}.line.s0,.line.s1{fill:none}
"""


@dataclass(frozen=True)
class Line:
    """One cost: what it is, and (size, times that at the first size), the smallest size first; sizes above 0."""

    name: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class _Scale:
    """Where a size and a value lie in the picture."""

    first: float
    last: float
    top: float

    def x(self, size: float) -> float:
        span = self.last - self.first or 1.0
        return LEFT + (math.log10(size) - self.first) / span * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)


def picture(title: str, sizes_of: str, lines: Sequence[Line], bound: float) -> str:
    """Return the picture.

    Args:
        title: what stands above it.
        sizes_of: what there are more and more of, below the axis.
        lines: at least one, at most two, each with at least one point.
        bound: how many times the first a cost may be, a line of its own.
    """
    sizes = sorted({size for line in lines for size, _ in line.points})
    highest = max(bound, *(value for line in lines for _, value in line.points))
    scale = _Scale(math.log10(sizes[0]), math.log10(sizes[-1]), max(LEAST_TOP, highest * ROOM))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        _text(LEFT, 22, title, "title", "start"),
        *_axes(scale, sizes, sizes_of),
        *_bound(scale, bound),
    ]
    for nth, line in enumerate(lines):
        parts += _line(scale, nth, line)
    return "\n".join([*parts, "</svg>\n"])


def _axes(scale: _Scale, sizes: Sequence[int], sizes_of: str) -> Iterator[str]:
    step = TICK if scale.top < COARSE else math.ceil(scale.top / 5)
    for nth in range(int(scale.top / step) + 1):
        y = scale.y(nth * step)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield _text(LEFT - 8, y + 4, f"{nth * step:g}", "", "end")
    for size in sizes:
        yield f'<path class="grid" d="M{scale.x(size):.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
        yield _text(scale.x(size), HEIGHT - BOTTOM + 18, f"{size:,}", "", "end" if size == sizes[-1] else "middle")
    yield _text(WIDTH / 2, HEIGHT - 26, f"{sizes_of} (each step: ten times as many)", "", "middle")


def _bound(scale: _Scale, bound: float) -> Iterator[str]:
    y = scale.y(bound)
    yield f'<path class="bound" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
    yield _text(WIDTH - RIGHT, y - 6, f"at most {bound:g} times the first", "bound-text", "end")


def _line(scale: _Scale, nth: int, line: Line) -> Iterator[str]:
    places = [(scale.x(size), scale.y(value)) for size, value in line.points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    yield f'<path class="line s{nth}" d="M{path}"/>'
    yield from (f'<circle class="s{nth}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places)
    yield _text(LEFT + nth * (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 8, f"● {line.name}", f"s{nth}", "start")


def _text(x: float, y: float, text: str, look: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{look}" text-anchor="{anchor}">{escape(text)}</text>'
