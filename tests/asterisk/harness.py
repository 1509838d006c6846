"""A real Asterisk, started from a root for the length of a test run.

Its rules: the root is mounted read-only in a mount namespace of the process's own, so nothing is left mounted and
nothing in the root changes; all that Asterisk reads and writes lies in one folder of the test's; it is stopped by its
own process id, and dies with the test run if that is killed.
"""

import base64
import contextlib
import itertools
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.asterisk.ami import PATIENCE_S, Ami, AmiError, Message
from tests.asterisk.roots import Release
from tests.asterisk.settings import INSIDE, SECRET, USER, write_settings

_ENTER = f"""\
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1{INSIDE}"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/tmp"
exec chroot "$1" asterisk -C {INSIDE}/asterisk.conf -f -n
"""
SHOWN = "Shown"
"""The user event by which a dialplan tells a test what it has: see `show`."""


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def show(*expressions: str) -> str:
    """Return a dialplan line that tells the test what these expressions are worth, byte by byte.

    Each travels in base64, in the order given: no comma, quote or bracket can disturb the event.
    """
    values = ",".join(f"v{place}: ${{BASE64_ENCODE(${{{name}}})}}" for place, name in enumerate(expressions))
    return f"UserEvent({SHOWN},token: ${{TOKEN}},{values})"


class Exchange:
    """A running Asterisk with a manager connection.

    Args:
        folder: does not exist yet; the test's own.
    """

    def __init__(self, release: Release, folder: Path) -> None:
        self.release = release
        self.folder = folder
        self._dialplans: dict[str, str] = {}
        self._tokens = (f"t{number}" for number in itertools.count(1))
        port = free_port()
        write_settings(folder, release.folder, port)
        self._process = self._start()
        try:
            self.ami = self._log_in(port)
            self.ami.action("CoreStatus")
        except BaseException:
            self.stop()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        unshare = shutil.which("unshare") or "unshare"
        enter = [unshare, "--mount", "setpriv", "--pdeathsig", "KILL", "sh", "-c", _ENTER, "sh"]
        with (self.folder / "console.log").open("wb") as out:
            return subprocess.Popen(
                [*enter, self.release.folder, self.folder], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def _log_in(self, port: int) -> Ami:
        for _ in range(int(PATIENCE_S * 10)):
            with contextlib.suppress(OSError, AmiError):
                ami = Ami(port, USER, SECRET)
                ami.expect(lambda event: event.get("Event") == "FullyBooted")
                return ami
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        console = (self.folder / "console.log").read_text(encoding="utf-8", errors="replace")
        raise AmiError(f"Asterisk {self.release.name} did not start: {console[-2000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it, politely first."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE_S)
        if hasattr(self, "ami"):
            self.ami.close()

    @property
    def log(self) -> str:
        """What it has written to its log so far."""
        return (self.folder / "log/full").read_text(encoding="utf-8", errors="replace")

    def load(self, name: str, text: str) -> None:
        """Add a dialplan, or replace the one that was loaded by this name, and reload.

        Raises:
            AmiError: Asterisk did not take it.
        """
        self._dialplans[name] = text
        path = self.folder / "extensions.conf"
        path.write_text("\n".join(["[general]", "static=yes", *self._dialplans.values(), ""]), encoding="utf-8")
        said = self.ami.command("dialplan reload")
        if "Dialplan reloaded" not in said:
            raise AmiError(f"the dialplan was not reloaded: {said}")

    def call(self, number: str, context: str, variables: dict[str, str] | None = None, **fields: str) -> str:
        """Place a call that enters the dialplan there, and return the token that its events carry.

        Args:
            variables: set on the channel; commas and line breaks cannot be in them.
            fields: further headers of the manager's Originate, CallerID say.
        """
        token = next(self._tokens)
        pairs = {"TOKEN": token, **(variables or {})}
        self.ami.action(
            "Originate",
            **{
                "Channel": f"Local/{number}@{context}/n",
                "Application": "Wait",
                "Data": "30",
                "Async": "true",
                "Variable": ",".join(f"{name}={value}" for name, value in pairs.items()),
                "ChannelId": f"{token}-out",
                "OtherChannelId": self.call_id(token),
                **fields,
            },
        )
        return token

    def call_id(self, token: str) -> str:
        """Return the uniqueid of the channel that runs the dialplan of a call."""
        return f"{self.release.name}.{token}"

    def shown(self, token: str, within_s: float = PATIENCE_S) -> list[str]:
        """Wait until the call shows its values (`show`), and return them in order."""
        event = self.ami.expect(lambda event: event.get("UserEvent") == SHOWN and event.get("token") == token, within_s)
        return _values(event)


def _values(event: Message) -> list[str]:
    coded = (event.get(f"v{place}") for place in itertools.count())
    return [
        base64.b64decode(value).decode()
        for value in itertools.takewhile(lambda value: value is not None, coded)
        if value is not None
    ]
