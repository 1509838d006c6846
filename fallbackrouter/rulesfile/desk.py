"""Where an admin's commands change rules files: found by a rule's name, changed in the text, checked, saved.

Its rules: nothing is saved that does not check as a whole; a file that changed meanwhile is not written over; one
command at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.core.errors import RulesError
from fallbackrouter.core.route import printable
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.draft import CheckFolder, check_changed
from fallbackrouter.rulesfile.edit import rules_of, source_of
from fallbackrouter.rulesfile.files import MAX_FILE_BYTES, UnreadableError, list_rules, read_text
from fallbackrouter.rulesfile.problem import Problem
from fallbackrouter.rulesfile.save import locked, read_if_there, save
from fallbackrouter.rulesfile.spans import Span
from fallbackrouter.rulesfile.specs import TIERS, RuleSpec

_BOM = b"\xef\xbb\xbf"

Transform = Callable[[str], str]
"""A file's text -> the text with a change in it; raises RulesError where it cannot be made."""


class UncheckedError(RulesError):
    """A change that does not check; nothing was saved.

    Attributes:
        problems: what is wrong with it.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("nothing was saved: the rules would not check with this change; correct what is named above")


@dataclass(frozen=True, slots=True)
class Found:
    """A rule in its file.

    Attributes:
        number: its place in the file, counted from 0.
        rule: its keys and values as the file spells them.
        source: it as it stands there, with its comments.
    """

    file: Path
    number: int
    rule: Span
    source: str

    @property
    def name(self) -> str:
        """The rule's name."""
        return _text_of(self.rule, "name")

    @property
    def tier(self) -> str:
        """The rule's tier."""
        return _text_of(self.rule, "tier") or TIERS[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that it has."""
        return tuple(name.text for name, _ in self.rule.pairs)


class Desk:
    """The rules files of one directory.

    Args:
        check: checks a directory as a whole.
    """

    def __init__(self, directory: Path, check: CheckFolder) -> None:
        self.directory = directory
        self._check = check

    def files(self) -> tuple[Path, ...]:
        """Return the rules files in name order.

        Raises:
            RulesError: they cannot be listed.
        """
        try:
            return list_rules(self.directory).paths
        except UnreadableError as error:
            raise RulesError(f"{self.directory}: {error}; {error.remedy}") from None

    def find(self, wanted: str) -> Found:
        """Return the rule of a name.

        Args:
            wanted: the name; with the tier before it (`override/NAME`) where both tiers have one.

        Raises:
            RulesError: there is none, or more than one.
        """
        found = list(self._named(wanted, lambda found: found.name == wanted))
        if not found:
            found = list(self._named(wanted.partition("/")[2], lambda found: f"{found.tier}/{found.name}" == wanted))
        if not found:
            remedy = "`fallbackrouter rules list --files` names all of the files"
            raise RulesError(f'no rule in {self.directory} is called "{printable(wanted)}"; {remedy}')
        if len({rule.tier for rule in found}) > 1:
            raise RulesError(f'two rules are called "{printable(wanted)}"; write override/NAME or fallback/NAME')
        if len(found) > 1:
            places = " and ".join(rule.file.name for rule in found)
            raise RulesError(
                f'more than one rule is called "{printable(wanted)}": in {places}; rename one in an editor'
            )
        return found[0]

    def _named(self, name: str, fits: Callable[[Found], bool]) -> Iterator[Found]:
        """Yield fitting rules; files that show the name as it is are read first, and the others only without a hit."""
        texts = {file: self._text(file) for file in self.files()} if name else {}
        likely = [file for file, text in texts.items() if name in text]
        hit = False
        for file in likely:
            for found in _found_in(file, texts[file]):
                if fits(found):
                    hit = True
                    yield found
        for file in [] if hit else [file for file in texts if file not in likely]:
            yield from (found for found in _found_in(file, texts[file]) if fits(found))

    def _text(self, file: Path) -> str:
        try:
            return read_text(file, MAX_FILE_BYTES).replace("\r\n", "\n")
        except UnreadableError as error:
            raise RulesError(f"{file}: {error}; {error.remedy}") from None

    def change(self, file: Path, transform: Transform, *, alone: bool = False) -> Checked:
        """Change a file's text, and save it where the rules check with it.

        Args:
            file: made where it is not there.
            alone: check it alone: other files may be broken.

        Returns:
            What the check found: warnings at the most.

        Raises:
            UncheckedError: the rules do not check with the change; the file is as it was.
            RulesError: the change cannot be made, or not be saved; the file is as it was.
        """
        with locked(self.directory):
            before = read_if_there(file)
            after = _changed(file, before, transform)
            checked = check_changed(self.directory, {file.name: after}, self._check, alone=alone)
            if not checked.ok:
                raise UncheckedError(checked.problems)
            save(file, before, after)
        return checked

    def alone(self, file: Path) -> tuple[tuple[RuleSpec, ...], bytes | None]:
        """Return the rules of a file, checked alone, and what it holds; None where it is not there.

        Raises:
            UncheckedError: it does not check.
        """
        content = read_if_there(file)
        checked = check_changed(self.directory, {file.name: content}, self._check, alone=True)
        if not checked.ok:
            raise UncheckedError(checked.problems)
        return checked.rules, content


def _changed(file: Path, before: bytes | None, transform: Transform) -> bytes:
    """Return the changed bytes; a byte order mark and line ends of another system stay what they were."""
    whole = before or b""
    bom = _BOM if whole.startswith(_BOM) else b""
    try:
        text = whole.removeprefix(bom).decode()
        plain = text.replace("\r\n", "\n")
        after = transform(plain)
    except UnicodeDecodeError:
        raise RulesError(f"{file}: the text is not UTF-8; save the file as UTF-8") from None
    except RulesError as error:
        raise RulesError(f"{file}: {error}") from None
    return bom + (after.replace("\n", "\r\n") if "\r\n" in text else after).encode()


def _found_in(file: Path, text: str) -> Iterator[Found]:
    try:
        for number, rule in enumerate(rules_of(text)):
            yield Found(file, number, rule, source_of(text, number))
    except RulesError as error:
        raise RulesError(f"{file}: {error}") from None


def _text_of(rule: Span, key: str) -> str:
    value = rule.value(key)
    return value.text if value is not None and value.kind == "text" else ""
