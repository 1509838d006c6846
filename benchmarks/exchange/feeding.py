"""Turns of calls inside a running Asterisk: so many in flight for some seconds, counted by the dialplan itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.exchange.dialplan import NOBODY, Peer, text
from tests.asterisk.ami import Message
from tests.asterisk.harness import Exchange

QUIET = {
    "cdr.conf": "[general]\nenable = no\n",
    "logger.conf": "[logfiles]\nfull => warning,error\n",
}
"""Nothing is written of a call, neither a record nor a log: it would cost all peers the same, and hide what they do."""
ENDING_S = 300.0
"""Within that time the calls of a turn have to end once nobody begins a new one."""


class QuietExchange(Exchange):
    """An Asterisk that keeps no record of calls."""

    def start(self) -> None:
        """Start it."""
        for name, settings in QUIET.items():
            (self.folder / name).write_text(settings, encoding="utf-8")
        options = self.folder / "asterisk.conf"
        options.write_text(options.read_text(encoding="utf-8").replace("verbose = 3", "verbose = 0"), encoding="utf-8")
        super().start()


@dataclass(frozen=True)
class Turn:
    """What a turn saw.

    Args:
        rate: calls per second: calls in flight by what one took in the mean, from its dialling to its end.
        calls: how many.
        failed: those without a whole answer.
    """

    rate: float
    calls: int
    failed: int

    @property
    def answered(self) -> int:
        """Calls with a whole answer."""
        return self.calls - self.failed


class Feeders:
    """Calls one peer after the other, in an Asterisk that nobody else uses.

    Args:
        dids: at least `dialplan.DIDS_EACH` for each feeder.
        in_flight: how many calls at a time.
    """

    def __init__(self, exchange: Exchange, peers: Sequence[Peer], dids: Sequence[str], in_flight: int) -> None:
        self._ami = exchange.ami
        self._in_flight = in_flight
        exchange.load(text(peers, dids, in_flight))
        self._ami.actions("Originate", [_feeder(number) for number in range(in_flight)])
        self._told("Ready")

    def turn(self, peer: Peer, seconds: float) -> Turn:
        """Call for some seconds from when all have begun; what is in flight then ends as a part of the turn."""
        self._ami.set_global("PEER", peer.name)
        self._told("Begun")
        time.sleep(seconds)
        self._ami.set_global("PEER", NOBODY)
        fed = self._told("Fed")
        calls, whole, ms = (sum(int(event[name]) for event in fed) for name in ("calls", "whole", "ms"))
        return Turn(calls * 1000 * self._in_flight / ms, calls, calls - whole)

    def _told(self, name: str) -> list[Message]:
        """Wait until each feeder has told that; SystemExit where one does not."""
        try:
            return self._ami.take_all(lambda event: event.get("UserEvent") == name, self._in_flight, ENDING_S)
        except TimeoutError as error:
            raise SystemExit(f"Inside Asterisk calls neither went on nor ended ({name}): {error}.") from error


def _feeder(number: int) -> Message:
    channel = f"Local/{number}@feeding/n"
    return {"Channel": channel, "Application": "Wait", "Data": "36000", "Async": "true"}
