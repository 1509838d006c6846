"""Many patterns tried on a number at once: a bit for each, so that their count hardly matters."""

from collections.abc import Iterable, Mapping

from fallbackrouter.core.pattern import Pattern, Shape, shape_of, without_dashes


class PatternSet:
    """Patterns, each shape once.

    It goes over a number's characters once and keeps the mask of those patterns that still match; for each of them
    the outcome is that of `Pattern.matches`.

    Attributes:
        bits: the place of each shape in a mask, from 0.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.bits: dict[Shape, int] = {}
        for pattern in patterns:
            self.bits.setdefault(pattern.shape, len(self.bits))
        self._longest = max((len(positions) for positions, _ in self.bits), default=0)
        self._steps = _steps(self.bits, self._longest)
        self._goes_on = _tails(self.bits, ".!", self._longest)
        self._ends = _tails(self.bits, "!", self._longest, exact=True)

    def matching(self, text: str) -> int:
        """Return the mask of the patterns that match a number."""
        alive, matched = (1 << len(self.bits)) - 1, self._spelled(text)
        bare = without_dashes(text)
        for char, step, goes_on in zip(bare, self._steps, self._goes_on, strict=False):
            matched |= alive & goes_on
            alive &= step.get(char, 0)
            if not alive:
                return matched
        tails = self._goes_on if len(bare) > self._longest else self._ends
        return matched | alive & tails[min(len(bare), self._longest)]

    def _spelled(self, text: str) -> int:
        """Return the mask of the one pattern that the number itself spells, 0 where it spells none of these."""
        shape = shape_of(text) if text.startswith("_") else None
        return 1 << self.bits[shape] if shape in self.bits else 0


def _steps(bits: Mapping[Shape, int], longest: int) -> list[dict[str, int]]:
    """Return for each position: character -> mask of the patterns that have this position and accept it there."""
    by_set: list[dict[frozenset[str], int]] = [{} for _ in range(longest)]
    for (positions, _), bit in bits.items():
        one = 1 << bit
        for masks, accepted in zip(by_set, positions, strict=False):
            masks[accepted] = masks.get(accepted, 0) | one
    return [_by_char(masks) for masks in by_set]


def _by_char(masks: Mapping[frozenset[str], int]) -> dict[str, int]:
    step: dict[str, int] = {}
    for accepted, mask in masks.items():
        for char in accepted:
            step[char] = step.get(char, 0) | mask
    shared: dict[int, int] = {}
    return {char: shared.setdefault(mask, mask) for char, mask in step.items()}


def _tails(bits: Mapping[Shape, int], tails: str, longest: int, *, exact: bool = False) -> list[int]:
    """Return for each length of the fixed part the mask of the patterns that have one of these tails.

    Args:
        exact: those without a tail too.
    """
    masks = [0] * (longest + 1)
    for (positions, tail), bit in bits.items():
        if tail in tails if tail else exact:
            masks[len(positions)] |= 1 << bit
    return masks
