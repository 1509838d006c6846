"""The rule files as an editor has them: read with their state, checked as drafts, saved where nobody else did.

A file's state is its `ETag`: the digest of its bytes. Who saves names the state that was read; where the file is
another by now, nothing is saved, and the difference is told.
"""

import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.core.errors import RulesError
from fallbackrouter.office.office import Office
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.desk import Desk
from fallbackrouter.rulesfile.draft import check_changed
from fallbackrouter.rulesfile.files import MAX_FILE_BYTES, is_rules_name
from fallbackrouter.rulesfile.save import read_if_there

ABSENT = "absent"
"""The state of a file that is not there."""
MAX_NAME_CHARS = 100
MAX_DIFF_LINES = 2_000


class StaleError(RulesError):
    """Somebody else saved meanwhile; nothing was saved.

    Attributes:
        state: the file's state now.
        text: what it holds now.
        diff: from what it holds now to what was to be saved, unified.
    """

    def __init__(self, name: str, state: str, text: str, diff: str) -> None:
        self.state = state
        self.text = text
        self.diff = diff
        super().__init__(f"{name} was changed by somebody else meanwhile; look at the difference, and save again")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of the rules folder.

    Attributes:
        text: with the line ends that it has.
        state: changes with its bytes.
    """

    name: str
    text: str
    state: str


def rule_files(office: Office) -> list[RuleFile]:
    """Return all files of rules, by name.

    Raises:
        RulesError: the folder or one of them cannot be read.
    """
    return [read_rule_file(office, path.name) for path in Desk(office.rules_dir, office.check).files()]


def read_rule_file(office: Office, name: str) -> RuleFile:
    """Return one file; one that is not there is empty and `ABSENT`.

    Raises:
        RulesError: it is no name of a file of rules, or it cannot be read.
    """
    content = read_if_there(_path(office, name))
    return RuleFile(name, _text(name, content or b""), state_of(content))


def state_of(content: bytes | None) -> str:
    """Return what tells a file's states apart."""
    return ABSENT if content is None else hashlib.sha256(content).hexdigest()[:32]


def check_draft(office: Office, name: str, text: str) -> Checked:
    """Check all rules as if a file held another text; nothing is saved.

    Raises:
        RulesError: it is no name of a file of rules, or too long.
    """
    return check_changed(office.rules_dir, {_path(office, name).name: _bytes(text)}, office.check)


def save_rule_file(office: Office, name: str, text: str, state: str) -> tuple[RuleFile, Checked]:
    """Save a file where all rules check with it, and nobody saved another since its state was read.

    Args:
        state: the state that was read; `ABSENT` for a new file.

    Returns:
        The file as it was, and what the check found: warnings at the most.

    Raises:
        StaleError: the file is another by now.
        UncheckedError: the rules would not check with it.
        RulesError: it cannot be saved.
    """
    path, content = _path(office, name), _bytes(text)
    former: list[RuleFile] = []

    def changed(present: str) -> str:
        before = read_if_there(path)
        now = RuleFile(name, present, state_of(before))
        if now.state != state:
            raise StaleError(name, now.state, present, unified(name, present, text))
        former.append(now)
        return content.decode().replace("\r\n", "\n")

    try:
        checked = Desk(office.rules_dir, office.check).change(path, changed)
    except RulesError as error:
        stale = error.__context__
        if isinstance(stale, StaleError):
            raise stale from None
        raise
    return former[0], checked


def unified(name: str, before: str, after: str) -> str:
    """Return the difference of two texts, unified, cut after some thousand lines."""
    return "".join(_lines(name, before, after))


def _lines(name: str, before: str, after: str) -> Iterator[str]:
    now, yours = (text.splitlines(keepends=True) for text in (before, after))
    for number, line in enumerate(difflib.unified_diff(now, yours, f"{name} (now)", f"{name} (yours)")):
        if number >= MAX_DIFF_LINES:
            yield "…\n"
            return
        yield line if line.endswith("\n") else f"{line}\n"


def _path(office: Office, name: str) -> Path:
    plain = len(name) <= MAX_NAME_CHARS and name.isprintable() and "/" not in name and "\\" not in name
    if not plain or not is_rules_name(name):
        raise RulesError(f"rules stand in files of {office.rules_dir} whose name ends in .yaml or .yml")
    return office.rules_dir / name


def _text(name: str, content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        raise RulesError(f"{name} is larger than {MAX_FILE_BYTES:,} bytes; make it smaller")
    try:
        return content.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        raise RulesError(f"{name}: the text is not UTF-8; save the file as UTF-8") from None


def _bytes(text: str) -> bytes:
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise RulesError("the text holds what is no character; take it out") from None
    if len(content) > MAX_FILE_BYTES:
        raise RulesError(f"the text is larger than {MAX_FILE_BYTES:,} bytes; make it smaller")
    return content
