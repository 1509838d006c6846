"""A Tryton of the tests' own: its database, the bridge in docs/examples before it, and its users.

Everything runs by the Python of .venv-tryton, which `make proof` makes.
"""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

from tests.fakes.service import ROOT, wait_until

PYTHON = ROOT / ".venv-tryton" / "bin" / "python"
BRIDGE = ROOT / "docs" / "examples" / "tryton" / "bridge.py"
TOKEN = "the-routers-token"  # noqa: S105 - of a bridge on loopback, for a test
SETUP_S = 600


class Desk:
    """Tryton and its bridge.

    Args:
        folder: holds everything.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "trytond.conf"
        self._bridge: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where the bridge listens."""
        return f"http://127.0.0.1:{self.port}"

    def make(self, parties: int) -> None:
        """Make the database and fill it."""
        databases = self._folder / "databases"
        databases.mkdir()
        (databases / "crm.sqlite").touch()
        (self._folder / "password").write_text("a password of the tests", encoding="utf-8")
        self._config.write_text(f"[database]\nuri = sqlite://\npath = {databases}\n", encoding="utf-8")
        admin = PYTHON.with_name("trytond-admin")
        words = ["--all", "-u", "party", "--activate-dependencies", "--email", "admin@crm.example"]
        self._run([str(admin), "-c", str(self._config), "-d", "crm", *words])
        self.do("fill", str(parties))

    def do(self, *task: str) -> None:
        """Let a user of Tryton do something; see parties.py."""
        self._run([str(PYTHON), "-m", "tests.tryton.parties", str(self._config), "crm", *task])

    def _run(self, command: list[str]) -> None:
        environ = {**os.environ, "TRYTONPASSFILE": str(self._folder / "password")}
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=SETUP_S, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def open(self) -> None:
        """Start the bridge; once it was killed, it comes back on the port that it had."""
        words = ["--config", str(self._config), "--database", "crm", "--keep", str(self._folder / "bridge.db")]
        with (self._folder / "bridge.log").open("ab") as log:
            self._bridge = subprocess.Popen(
                [str(PYTHON), str(BRIDGE), *words, "--listen", f"127.0.0.1:{self.port}"],
                env={**os.environ, "FALLBACKROUTER_TOKEN": TOKEN},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._bridge.stdout is not None
        line = self._bridge.stdout.readline()
        assert line, f"the bridge did not start: {(self._folder / 'bridge.log').read_text(encoding='utf-8')}"
        self.port = int(line.rpartition(":")[2])

    def kill(self) -> None:
        """End the bridge with SIGKILL."""
        if self._bridge is not None and self._bridge.stdout is not None:
            self._bridge.kill()
            self._bridge.wait(30)
            self._bridge.stdout.close()
        self._bridge = None

    def events(self) -> list[dict[str, object]]:
        """Return the events that the bridge has stored, in the order in which they came."""
        file = sqlite3.connect(f"file:{self._folder}/bridge.db?mode=ro", uri=True)
        try:
            return [json.loads(event) for (event,) in file.execute("SELECT event FROM events ORDER BY rowid")]
        finally:
            file.close()

    def wait_for_events(self, count: int) -> list[dict[str, object]]:
        """Wait until so many events are stored."""
        wait_until(lambda: len(self.events()) >= count, f"{count} events in the bridge", 120)
        return self.events()
