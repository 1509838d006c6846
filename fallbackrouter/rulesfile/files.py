"""Reading files of the rules directory: which there are, each bounded and UTF-8."""

import stat
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 1_000
MAX_FILE_BYTES = 2_000_000
MAX_LIST_BYTES = 10_000_000
_SUFFIXES = (".yaml", ".yml")


class UnreadableError(Exception):
    """A file that cannot be read as a whole.

    Attributes:
        remedy: what would be right, in plain words.
        line: counted from 1.
    """

    def __init__(self, what: str, remedy: str, line: int = 1) -> None:
        self.remedy = remedy
        self.line = line
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Listing:
    """The rules files of a directory, in name order."""

    paths: tuple[Path, ...]
    missing: bool = False


def list_rules(directory: Path) -> Listing:
    """Return the `*.yaml` and `*.yml` files of a directory in name order; hidden ones are an editor's business.

    Raises:
        UnreadableError: the directory cannot be listed, or holds too many files.
    """
    try:
        names = [path for path in directory.iterdir() if is_rules_name(path.name)]
    except FileNotFoundError:
        return Listing((), missing=True)
    except OSError as error:
        raise UnreadableError(
            f"the rules directory cannot be read: {_reason(error)}", "correct it, or set rules.dir"
        ) from error
    if len(names) > MAX_FILES:
        raise UnreadableError(f"there are more than {MAX_FILES} rules files", "put the rules into fewer files")
    return Listing(tuple(sorted(names, key=lambda path: path.name)))


def is_rules_name(name: str) -> bool:
    """Tell whether a file of the rules directory holds rules, by its name."""
    return name.endswith(_SUFFIXES) and not name.startswith(".")


def read_text(path: Path, max_bytes: int) -> str:
    """Return a file's text, without a byte order mark.

    Raises:
        UnreadableError: it is no regular file, too large, not UTF-8, or cannot be read.
    """
    body = _read_bytes(path, max_bytes)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise UnreadableError("the text is not UTF-8", "save the file as UTF-8", line) from error


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    try:
        # A pipe or a device would block the reader, or never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableError("this is not a regular file", "replace it with a text file")
        with path.open("rb") as file:
            body = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise UnreadableError(f"the file cannot be read: {_reason(error)}", "check its name and permissions") from error
    if len(body) > max_bytes:
        raise UnreadableError(f"the file is larger than {max_bytes // 1_000_000} MB", "split it into several files")
    return body


def _reason(error: Exception) -> str:
    return (error.strerror or "unknown error").lower() if isinstance(error, OSError) else "its name is not valid"
