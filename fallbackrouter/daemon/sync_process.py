"""`_sync`: one sync in a process of its own, so that a million rows take neither memory nor time from anyone else.

It reads one line of JSON (settings, token, base, full) and writes one line when it is done:

    {"ok": true, "new": true, "full": false, "rows": 12, "set_aside": 0, "took_s": 0.4, "changes": {...} or null}
    {"ok": false, "error": "one sentence", "busy": false}
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from fallbackrouter import log
from fallbackrouter.clock import SystemClock
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.daemon.orphan import die_with_parent
from fallbackrouter.daemon.sync_run import make_way, sync_from_crm
from fallbackrouter.jobs.sync_once import Outcome, SyncBusyError


def main(_arguments: Sequence[str]) -> int:
    """Sync once.

    Returns:
        The exit code: 0 where routes are as the CRM has them, 1 where they stay as they were.
    """
    die_with_parent()
    make_way()
    order = json.loads(sys.stdin.readline())
    settings = msgspec.convert(order["settings"], Settings)
    log.configure(level=settings.log.level, form=settings.log.format, process="sync")
    try:
        outcome = asyncio.run(_sync(settings, order))
    except FallbackrouterError as error:
        _say({"ok": False, "error": str(error), "busy": isinstance(error, SyncBusyError)})
        return 1
    finally:
        log.close()
    _say({"ok": True, **told(outcome)})
    return 0


async def _sync(settings: Settings, order: Mapping[str, Any]) -> Outcome:
    return await sync_from_crm(
        settings,
        base=Path(order["base"]),
        token=str(order["token"]),
        clock=SystemClock(),
        full=bool(order["full"]),
    )


def told(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON."""
    changes = None if outcome.changes is None else asdict(outcome.changes)
    return {
        "new": outcome.new,
        "full": outcome.full,
        "rows": outcome.rows,
        "set_aside": outcome.set_aside,
        "took_s": round(outcome.took_s, 3),
        "changes": changes,
    }


def _say(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
