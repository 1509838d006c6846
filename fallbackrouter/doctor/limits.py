"""The limit of open files against `agi.max_calls`: past it no call gets a connection."""

import re
import resource
from pathlib import Path

from fallbackrouter.daemon.descriptors import OWN_FILES
from fallbackrouter.doctor.finding import Finding, fail, ok, warn

NAME = "limits"
_OPEN_FILES = re.compile(r"^Max open files +(\d+|unlimited)", re.MULTILINE)


def check_files(pids: list[int], max_calls: int, questions: int, proc: Path = Path("/proc")) -> list[Finding]:
    """Compare the limit of open files of the call workers, or of this shell where none runs, with what they need.

    Args:
        max_calls: calls held at once by a worker.
        questions: connections to the CRM that a worker may hold.
    """
    limits = {f"call worker {pid}": limit for pid in pids if (limit := _limit_of(pid, proc)) is not None}
    if not limits:
        limits = {"this shell": _own_limit()}
    who, limit = min(limits.items(), key=lambda item: item[1])
    return [_judge(who, limit, max_calls, questions + OWN_FILES)]


def _limit_of(pid: int, proc: Path) -> float | None:
    try:
        found = _OPEN_FILES.search((proc / str(pid) / "limits").read_text(encoding="ascii"))
    except OSError:
        return None
    return float("inf") if found is None or found[1] == "unlimited" else float(found[1])


def _own_limit() -> float:
    """Return the hard limit: a worker raises its soft one to that itself."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return float("inf") if hard == resource.RLIM_INFINITY else float(hard)


def _judge(who: str, limit: float, max_calls: int, others: int) -> Finding:
    needed = max_calls + others
    what = f"{who} may open {limit:.0f} files; agi.max_calls = {max_calls} needs {needed}"
    remedy = f"raise LimitNOFILE of the systemd unit (or `ulimit -n`) to {needed} or more, or lower agi.max_calls"
    if limit <= others:
        return fail(NAME, what, remedy)
    return warn(NAME, what, remedy) if limit < needed else ok(NAME, what)
