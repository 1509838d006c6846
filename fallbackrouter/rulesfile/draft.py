"""Checking rules files as they would be with a change in them, before anything is saved."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fallbackrouter.core.errors import RulesError
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.files import MAX_LIST_BYTES
from fallbackrouter.rulesfile.sources import files_in

CheckFolder = Callable[[Path], Checked]
"""Checks every rules file of a directory."""


def check_changed(
    directory: Path, changes: Mapping[str, bytes | None], check: CheckFolder, *, alone: bool = False
) -> Checked:
    """Check a directory as if some of its files were others; nothing in it is touched.

    Args:
        changes: name -> content, None for a file that is not there.
        alone: as if there were no other files.

    Raises:
        RulesError: there is no room for a copy.
    """
    with _copy(directory, changes, () if alone else files_in(directory)) as draft:
        checked = check(draft)
    problems = tuple(
        replace(problem, file=str(directory) + problem.file.removeprefix(str(draft))) for problem in checked.problems
    )
    return replace(checked, problems=problems)


@contextmanager
def _copy(directory: Path, changes: Mapping[str, bytes | None], files: Iterable[Path]) -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix="fallbackrouter-rules-") as name:
            draft = Path(name).resolve()
            for file in files:
                within = file.relative_to(directory)
                if within.as_posix() not in changes:
                    _copy_file(file, draft / within, directory.resolve())
            for changed, content in changes.items():
                if content is not None:
                    (draft / changed).write_bytes(content)
            yield draft
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise RulesError(f"the changed rules cannot be checked in {tempfile.gettempdir()} ({reason})") from None


def _copy_file(file: Path, to: Path, inside: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        if file.is_file() and (not file.is_symlink() or file.resolve().is_relative_to(inside)):
            with file.open("rb") as source:
                # One byte more than is allowed: a file that is too large is found to be so in the copy too.
                content = source.read(MAX_LIST_BYTES + 1)
            to.write_bytes(content)
            return
    except PermissionError:
        pass
    # What cannot be copied is found as it is: not to be read, a pipe, a list that lies elsewhere.
    to.symlink_to(file.resolve())
