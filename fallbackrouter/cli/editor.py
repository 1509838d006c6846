"""A file in an editor: a copy is edited, and kept where what was saved in it cannot be taken."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from fallbackrouter.core.errors import RulesError

EDITORS = ("VISUAL", "EDITOR")
DEFAULT = "vi"
_TAKE_LINE = frozenset({"vi", "vim", "nvim", "nano", "emacs", "ed", "joe", "mg", "micro"})


class Copy:
    """A copy of a file for an editor.

    Args:
        before: the file's bytes.
        line: where the editor is to begin, counted from 1.
    """

    def __init__(self, file: Path, before: bytes, line: int) -> None:
        self._file = file
        self._before = before.decode("utf-8-sig").replace("\r\n", "\n")
        self._line = line
        self._copy: Path | None = None
        self._taken = False

    def __enter__(self) -> Self:
        handle, name = tempfile.mkstemp(prefix=f"{self._file.stem}-", suffix=self._file.suffix)
        with os.fdopen(handle, "w", encoding="utf-8") as copy:
            copy.write(self._before)
        self._copy = Path(name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        copy = self._copy
        if copy is None or not copy.exists():
            return
        if self._taken or copy.read_text(encoding="utf-8", errors="replace") == self._before:
            copy.unlink(missing_ok=True)
        elif isinstance(error, RulesError):
            raise RulesError(f"{error} (what you wrote is kept in {copy})") from None

    @property
    def _path(self) -> Path:
        if self._copy is None:
            raise RuntimeError("the copy is made by `with`")
        return self._copy

    def edit(self) -> str:
        """Open the editor, wait for its end, and return what was saved.

        Raises:
            RulesError: it cannot be started, or ended with a failure.
        """
        words = shlex.split(next((value for name in EDITORS if (value := os.environ.get(name))), DEFAULT))
        place = [f"+{self._line}"] if words and Path(words[0]).name in _TAKE_LINE else []
        try:
            ended = subprocess.run([*words, *place, str(self._path)], check=False).returncode  # noqa: S603 - the admin's own editor
            after = self._path.read_text(encoding="utf-8")
        except OSError as error:
            raise RulesError(f"the editor {words[0]} cannot be started ({error.strerror}); set EDITOR") from None
        except UnicodeDecodeError:
            raise RulesError("what was saved is not UTF-8; save it as UTF-8") from None
        if ended:
            raise RulesError(f"the editor {words[0]} ended with a failure ({ended}); nothing was saved")
        return after

    def merge(self, text: str, after: str) -> str:
        """Return what was saved in the copy, for a file that is still what was copied.

        Raises:
            RulesError: it is another by now.
        """
        if text != self._before:
            raise RulesError("the file was changed by somebody else meanwhile; nothing was written")
        return after

    def done(self) -> None:
        """The copy is of no more use."""
        self._taken = True
