"""This machine's dialplan: does every place that asks the router ask by an address, and under the guard?"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from fallbackrouter.doctor.finding import Finding, fail, ok, skip, warn
from fallbackrouter.doctor.guard import read_dialplan

NAME = "dialplan"
FOLDER = Path("/etc/asterisk")
MAX_FILES = 2_000
MAX_FILE_BYTES = 8_000_000


def check_dialplan(files: Sequence[Path], ports: Collection[int], folder: Path) -> list[Finding]:
    """Look at dialplan files. Blocking.

    Args:
        files: named by the user; none: every .conf of `folder`.
        ports: of `agi.listen`.
    """
    findings: list[Finding] = []
    asks = unread = 0
    for path in files or _found(folder):
        try:
            text = _text_of(path)
        except OSError as error:
            unread += 1
            if files:
                why = (error.strerror or "no reason given").lower()
                findings.append(fail(NAME, f"{path} cannot be read ({why})", "name a file that this user may read"))
            continue
        reading = read_dialplan(text, ports)
        asks += reading.asks
        findings += [warn(NAME, f"{path}:{one.line}: {one.what}", one.remedy) for one in reading.remarks]
    return findings or [_all_well(asks, 0 if files else unread, folder)]


def _all_well(asks: int, unread: int, folder: Path) -> Finding:
    if asks:
        return ok(NAME, f"{asks} place(s) ask the router, by an address and under the guard")
    if unread:
        return skip(NAME, f"{unread} file(s) of {folder} may not be read by this user; run as one who may")
    return skip(NAME, "no dialplan here asks the router; --dialplan FILE names one that lies elsewhere")


def _found(folder: Path) -> Iterable[Path]:
    try:
        return sorted(path for path in folder.rglob("*.conf") if path.is_file())[:MAX_FILES]
    except OSError:
        return []


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
