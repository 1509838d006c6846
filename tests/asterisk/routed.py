"""A router with a configuration of its own, for calls from a real Asterisk; and the dialplan by which they ask it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.asterisk.harness import STOP_HERE, free_port
from tests.fakes.service import ROOT, Service, alive, children_of, wait_until

VARIABLES = ("app", "num", "time", "auto", "audio1", "text", "digium", "select")
ABOUT = ("FR_SOURCE", "FR_RULE", "FR_DECISION", "FR_STATUS", "FR_DEST", "FR_NEXT")

_CONFIG = """\
data_dir = "var"
node = "under-test"

[agi]
listen = ["127.0.0.1:{port}"]
http_listen = ["127.0.0.1:{http_port}"]

[budget]
call_ms = {call_ms}
live_ms = {live_ms}
fresh_ms = {live_ms}
journal_ms = {journal_ms}

[crm]
url = "{crm_url}"

[answers]
quotes = "keep"

[destinations]
group = "ext-group,{{num}},1"

[admin]
listen = ""
[last_resort]
app = "group"
num = "100"
time = "60"
"""

_GUARD = """\
[fallbackrouter]
exten => s,1,Set(LOCAL(FR_SAVED)=${{TIMEOUT(absolute)}})
 same => n,Set(LOCAL(AGIEXITONHANGUP)=yes)
 same => n,Set(FR_SOURCE=)
 same => n,Set(TIMEOUT(absolute)={within_s})
 same => n,AGI(agi://127.0.0.1:{port}/ask,${{ARG1}},${{ARG2}})
 same => n,Set(TIMEOUT(absolute)=${{FR_SAVED}})
 same => n,Return()
exten => T,1,Set(TIMEOUT(absolute)=${{FR_SAVED}})
 same => n,Return()
exten => h,1,Goto(${{STACK_PEEK(1,c,1)}},h,1)
"""
_DOORS = """\
[ask]
exten => _[0-9]!,1,Set(auto=stale)
 same => n,Gosub(fallbackrouter,s,1(${{EXTEN}},init))
 same => n,{stop}

[cur]
exten => _[0-9]!,1,Set(FR_SOURCE=)
 same => n,Set(auto=stale)
 same => n,AGI(agi://127.0.0.1:{port}/cur,${{EXTEN}},${{CALLERID(num)}},${{UNIQUEID}},init,,)
 same => n,{stop}

[route]
exten => _[0-9]!,1,Set(FR_SOURCE=)
 same => n,Set(auto=stale)
 same => n,AGI(agi://127.0.0.1:{port}/route?did=${{EXTEN}}&caller=${{CALLERID(num)}}&stage=init)
 same => n,{stop}
"""


def guard(port: int, within_s: float) -> str:
    """Return the guarded question: a call waits that long for an answer, whatever the router does."""
    return _GUARD.format(port=port, within_s=within_s)


def doors(port: int) -> str:
    """Return a context for each way to ask: guarded `[ask]`, the old one-liner `[cur]`, and `[route]`."""
    return _DOORS.format(port=port, stop=STOP_HERE)


class Routed:
    """A router that serves calls.

    Args:
        folder: its own; rules go to `rules/` in it before `start`.
        budget: keys of `[budget]` that are other than this patient default.
        more: further tables of the configuration.
    """

    def __init__(
        self, folder: Path, crm_url: str = "", budget: Mapping[str, int] | None = None, more: str = ""
    ) -> None:
        self.folder = folder
        self.config = folder / "fallbackrouter.toml"
        self.port, self.http_port = free_port(), free_port()
        # patient: what is tested is what arrives, on a machine that may be busy
        patient = {"call_ms": 20_000, "live_ms": 8_000, "journal_ms": 10_000} | dict(budget or {})
        text = _CONFIG.format(port=self.port, http_port=self.http_port, crm_url=crm_url, **patient)
        self.config.write_text(f"{text}\n{more}", encoding="utf-8")
        (folder / "rules").mkdir()
        self._service: Service | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._service is not None:
            self.thaw()
            self._service.end()

    @property
    def service(self) -> Service:
        """The running service."""
        assert self._service is not None
        return self._service

    def start(self) -> None:
        """Start it, and wait until it takes calls; also once it was stopped."""
        if self._service is not None:
            self._service.end()
        arguments = ["-m", "fallbackrouter", "serve", "--config", str(self.config)]
        self._service = Service(arguments, self.folder, self.folder / "var")
        self._service.ready()

    def stop(self) -> None:
        """Stop it as an operator would."""
        self.service.signal(signal.SIGTERM)
        assert self.service.wait() == 0, self.service.stderr

    def kill(self) -> None:
        """Kill all its processes at once, as a machine that runs out of memory would; none can start another."""
        pids = [self.service.pid]
        _signal(self.service.pid, signal.SIGSTOP)
        pids += children_of(self.service.pid)
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        self.service.wait()
        wait_until(lambda: not any(alive(pid) for pid in pids), "no process is left")

    def run(self, *arguments: str) -> str:
        """Run a command against it and return what that printed."""
        command = [sys.executable, "-m", "fallbackrouter", *arguments, "--config", str(self.config)]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write_rules(self, name: str, rules: list[dict[str, object]]) -> None:
        """Write a rules file; JSON is YAML too."""
        (self.folder / "rules" / name).write_text(json.dumps(rules, ensure_ascii=False), encoding="utf-8")

    def feed(self, rows: list[dict[str, object]]) -> None:
        """Load a routes feed."""
        file = self.folder / "feed.json"
        file.write_text(json.dumps({"routes": rows, "full": True}), encoding="utf-8")
        self.run("sync", "--from", str(file))

    def freeze(self) -> None:
        """Stop all its processes in their tracks, the watching one first."""
        for pid in (self.service.pid, *children_of(self.service.pid)):
            _signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        for pid in (*children_of(self.service.pid), self.service.pid):
            _signal(pid, signal.SIGCONT)

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Read the journal, straight from the file."""
        with closing(sqlite3.connect(f"file:{self.folder}/var/journal.db?mode=ro", uri=True)) as journal:
            journal.row_factory = sqlite3.Row
            return [dict(row) for row in journal.execute(query, values)]

    def decision(self, decision_id: str) -> dict[str, Any]:
        """Return the journal's row of a decision; it may still be on its way there."""
        query = "SELECT * FROM decisions WHERE id = ?"
        wait_until(lambda: self.rows(query, decision_id), f"decision {decision_id} in the journal")
        return self.rows(query, decision_id)[0]


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended by itself
        os.kill(pid, number)
