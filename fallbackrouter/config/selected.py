"""Lists of numbers in the configuration -> the numbers that they name; a call worker may import this."""

from collections.abc import Sequence
from pathlib import Path

from fallbackrouter.config.settings import Settings
from fallbackrouter.core.route import printable
from fallbackrouter.core.rule import Condition
from fallbackrouter.core.selector import Selector, SelectorError
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile.files import UnreadableError
from fallbackrouter.rulesfile.lists import Lists
from fallbackrouter.rulesfile.problem import Findings


class SelectedError(ValueError):
    """An entry of a list of numbers that names none.

    Attributes:
        place: which, from 1.
        remedy: what would be right.
    """

    def __init__(self, place: int, what: str, remedy: str) -> None:
        self.place = place
        self.remedy = remedy
        super().__init__(what)


def select_numbers(settings: Settings, base: Path, texts: Sequence[str], *, lists: bool) -> Condition:
    """Return the numbers that a list of the configuration names.

    Args:
        base: what paths are relative to.
        lists: entries may be `@file`.

    Raises:
        SelectedError: one of them names no number.
    """
    if not texts:
        return Condition()
    numbering = Numbering(settings.numbers.region)
    selector, findings = Selector(numbering.read), Findings()
    folder = Lists(base / settings.rules.dir, numbering.read, findings)
    for place, text in enumerate(texts, 1):
        try:
            if lists and text.startswith("@"):
                named = folder.read(text[1:].strip())
                selector.keys.update(named.keys)
                selector.patterns.update(named.patterns)
            else:
                selector.add(text)
        except (SelectorError, UnreadableError) as error:
            raise SelectedError(place, f'is "{printable(text)}": {error}', error.remedy) from None
        bad = next(iter(findings.problems), None)
        if bad is not None:
            raise SelectedError(place, f'is "{text}", whose line {bad.line} is wrong: {bad.what}', bad.remedy)
    return selector.condition()
