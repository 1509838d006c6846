"""A recording's path as the dialplan told it -> the link that the CRM gets, once the file is complete.

Its rules: a path that names no file (`/.wav`) or leads out of `recordings.dir`, symbolic links followed, is left out,
with a note in the event; a file is complete when it holds more than an empty WAV and has come to rest; one that is not
so within `wait_s` of its event is not waited for any longer. Blocking, as disks are: callers have a thread for it.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

EMPTY_BYTES = 44
"""A WAV's header alone."""
REST_S = 2.0
"""A file that was not written to for so long is complete."""
PLACEHOLDERS = ("path", "name", "call_id", "linked_id", "node")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a recording's path.

    Attributes:
        ready: False where it is worth another look later; `note` says why.
        link: what the CRM is told, "" where it is left out.
        note: what the CRM is told beside or in place of it, "" where there is nothing to tell.
    """

    ready: bool
    link: str = ""
    note: str = ""


class Recordings:
    """Looks recordings up.

    Args:
        folder: where they lie; None: paths are handed on as they were told, without a look.
        template: of the URL, with `{path}` (below the folder), `{name}`, `{call_id}`, `{linked_id}`, `{node}`; "": the
            path as it was told.
        wait_s: how long after its event a recording may take to be complete.
    """

    def __init__(self, folder: Path | None, template: str, wait_s: float) -> None:
        self._folder = folder
        self._template = template
        self._wait_s = wait_s

    @property
    def looks(self) -> bool:
        """The disk is looked at."""
        return self._folder is not None

    def look(self, told: str, known: Mapping[str, str], age_s: float, at: datetime) -> Seen:
        """Look a path up; may hang with its disk.

        Args:
            told: the path, hostile.
            known: the values of `call_id`, `linked_id`, `node`.
            age_s: of the event.
            at: now, UTC.
        """
        if not _stem(told):
            return Seen(ready=True, note="the link names no file: left out")
        if self._folder is None:
            return Seen(ready=True, link=told)
        try:
            root, file = os.path.realpath(self._folder), os.path.realpath(self._folder / told)
            below = os.path.relpath(file, root) if file.startswith(root.rstrip("/") + "/") else ""
            if not below:
                return Seen(ready=True, note="the link is outside of recordings.dir: left out")
            return self._judge(told, below, self._fault(Path(file), at), known, age_s)
        except (OSError, ValueError):
            return Seen(ready=True, note="the link is no path of a file that can be read: left out")

    def unseen(self, fault: str, age_s: float) -> Seen:
        """Return what follows where a recording cannot be had: another look, or none any more."""
        if age_s < self._wait_s:
            return Seen(ready=False, note=f"its recording {fault}")
        return Seen(ready=True, note=f"{self._wait_s:g} s after the call its recording {fault}: the link is left out")

    def _judge(self, told: str, below: str, fault: str, known: Mapping[str, str], age_s: float) -> Seen:
        if fault and (fault != _GROWS or age_s < self._wait_s):
            return self.unseen(fault, age_s)
        return Seen(ready=True, link=self._spell(told, below, known), note=f"its recording {fault}" if fault else "")

    def _fault(self, file: Path, at: datetime) -> str:
        """Say why a file is not complete, "" where it is.

        Raises:
            OSError: it can never be.
        """
        try:
            found = file.stat()
        except FileNotFoundError:
            return "is not there"
        if not stat.S_ISREG(found.st_mode):
            raise IsADirectoryError
        if found.st_size <= EMPTY_BYTES:
            return "is empty"
        return "" if abs(at.timestamp() - found.st_mtime) >= REST_S else _GROWS

    def _spell(self, told: str, below: str, known: Mapping[str, str]) -> str:
        if not self._template:
            return told
        values = {**known, "name": below.rpartition("/")[2]}
        quoted = {name: quote(os.fsencode(value), safe="") for name, value in values.items()}
        quoted["path"] = quote(os.fsencode(below), safe="/")
        return _PLACEHOLDER.sub(lambda found: quoted[found[1]], self._template)


def _stem(told: str) -> str:
    """Return a file's name without its ending; "" of `/.wav`, which an empty variable in a dialplan makes."""
    name = told.rpartition("/")[2]
    return (name.rpartition(".")[0] if "." in name else name).strip(". ")


_GROWS = "still grows"
