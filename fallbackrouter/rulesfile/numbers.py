"""The `did` and `caller` of a rule -> a NumbersSpec."""

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.selector import Selector, SelectorError
from fallbackrouter.rulesfile.files import UnreadableError
from fallbackrouter.rulesfile.lists import Lists
from fallbackrouter.rulesfile.problem import Report
from fallbackrouter.rulesfile.specs import NumbersSpec
from fallbackrouter.rulesfile.tree import Scalar


class NumbersReader:
    """Reads one condition, text by text.

    Args:
        key: did or caller.
    """

    def __init__(self, key: str, read_number: ReadNumber, lists: Lists, report: Report) -> None:
        self._key = key
        self._selector = Selector(read_number)
        self._lists = lists
        self._report = report
        self._alone: tuple[str, ...] | None = None

    def read(self, texts: list[Scalar]) -> NumbersSpec:
        """Return the condition; texts that name nothing are reported."""
        for scalar in texts:
            if scalar.text.startswith("@"):
                self._add_list(scalar)
            else:
                self._add(scalar)
        selector = self._selector
        if selector.withheld and self._key == "did":
            self._report(texts[0].mark, "a did is never withheld", "write withheld under caller")
        return NumbersSpec(
            any=selector.any,
            withheld=selector.withheld,
            exact=self._exact(len(texts)),
            patterns=tuple(selector.patterns),
        )

    def _exact(self, texts: int) -> tuple[str, ...]:
        # A long list that stands alone is one object in all its rules.
        return self._alone if self._alone is not None and texts == 1 else tuple(sorted(self._selector.keys))

    def _add(self, scalar: Scalar) -> None:
        try:
            self._selector.add(scalar.text)
        except SelectorError as error:
            self._report(scalar.mark, f"{self._key}: {error}", error.remedy)

    def _add_list(self, scalar: Scalar) -> None:
        try:
            numbers = self._lists.read(scalar.text[1:].strip())
        except UnreadableError as error:
            self._report(scalar.mark, f"{self._key}: list {scalar.text}: {error}", error.remedy)
            return
        self._alone = numbers.keys
        self._selector.keys.update(numbers.keys)
        self._selector.patterns.update(numbers.patterns)
