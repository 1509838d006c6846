"""A real Asterisk, started from a root for the length of a test run.

Its rules: the root is mounted read-only in a mount namespace of the process's own, so nothing is left mounted and
nothing in the root changes; all that Asterisk reads and writes lies in one folder of the test's; it is stopped by its
own process id, and dies with the test run if that is killed.
"""

import contextlib
import itertools
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
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
STOP_HERE = """\
UserEvent(Here,token: ${TOKEN})
 same => n,Wait(60)
 same => n,Hangup()"""
"""What a test's dialplan ends in: the call stands still, so that `Exchange.values` can read what it has."""


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Exchange:
    """A running Asterisk with a manager connection.

    Args:
        folder: does not exist yet; the test's own.
    """

    def __init__(self, release: Release, folder: Path) -> None:
        self.release = release
        self.folder = folder
        # all of one length: Asterisk takes a uniqueid that another one begins with for the same
        self._tokens = (f"t{number:06d}" for number in itertools.count(1))
        self.manager_port = free_port()
        write_settings(folder, release.folder, self.manager_port)
        self.start()

    def start(self) -> None:
        """Start it; once it was killed, it comes back with the settings and the dialplan that it had."""
        self._process = self._start()
        try:
            self.ami = self._log_in(self.manager_port)
            self.ami.action("CoreStatus")
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """Kill it at once, its calls with it."""
        self._process.kill()
        self._process.wait(PATIENCE_S)
        self.ami.close()

    def freeze(self) -> None:
        """Stop it in its tracks: its connections stay, and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

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
        self.thaw()
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

    @property
    def records(self) -> list[list[str]]:
        """Its call detail records so far: uniqueid, linkedid, context, disposition."""
        file = self.folder / "log/cdr-custom/calls.csv"
        text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        return [line.split(",") for line in text.splitlines()]

    def load(self, text: str) -> None:
        """Take this dialplan in place of the one before.

        Raises:
            AmiError: Asterisk did not take it.
        """
        (self.folder / "extensions.conf").write_text(f"[general]\nstatic=yes\n{text}\n", encoding="utf-8")
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

    def told(self, name: str, token: str, within_s: float = PATIENCE_S) -> Message:
        """Wait for the user event of that name that carries a call's token.

        Raises:
            TimeoutError: it did not come.
        """
        return self.ami.expect(lambda event: event.get("UserEvent") == name and event["token"] == token, within_s)

    def arrival(self, token: str, within_s: float = PATIENCE_S) -> str:
        """Wait until a call has come to its STOP_HERE, and return its channel.

        Raises:
            TimeoutError: it did not come there.
        """
        return self.told("Here", token, within_s)["Channel"]

    def values(self, token: str, names: Sequence[str], within_s: float = PATIENCE_S) -> list[str]:
        """Wait until a call has come to its STOP_HERE, read its variables and functions raw, and end it.

        No dialplan has a hand in it, so no comma, quote or bracket can change what is read.
        """
        channel = self.arrival(token, within_s)
        said = self.ami.actions("Getvar", [{"Channel": channel, "Variable": name} for name in names])
        self.ami.actions("Hangup", [{"Channel": channel}])
        return [answer.get("Value", "") for answer in said]
