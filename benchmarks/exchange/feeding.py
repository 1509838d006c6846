"""Turns of calls inside a running Asterisk: so many in flight for some seconds, counted by the dialplan itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.exchange.dialplan import Peer, text
from tests.asterisk.ami import Message
from tests.asterisk.harness import Exchange

QUIET = {
    "cdr.conf": "[general]\nenable = no\n",
    "logger.conf": "[logfiles]\nfull => warning,error\n",
}
"""Nothing is written of a call, neither a record nor a log: it would cost all peers the same, and hide what they do."""
ENDING_S = 120.0
"""Within that time the calls of a turn have to end once nobody begins a new one."""


class QuietExchange(Exchange):
    """An Asterisk that keeps no record of calls."""

    def start(self) -> None:
        """Start it."""
        for name, settings in QUIET.items():
            (self.folder / name).write_text(settings, encoding="utf-8")
        super().start()


@dataclass(frozen=True)
class Turn:
    """What a turn saw: calls per second, calls, and how many of them got all variables."""

    rate: float
    calls: int
    whole: int

    @property
    def failed(self) -> int:
        """Calls without a whole answer."""
        return self.calls - self.whole


class Feeders:
    """Calls one peer after the other, in an Asterisk that nobody else uses.

    Args:
        dids: at least `dialplan.DIDS_EACH` for each feeder.
        in_flight: how many calls at a time.
    """

    def __init__(self, exchange: Exchange, peers: Sequence[Peer], dids: Sequence[str], in_flight: int) -> None:
        self._exchange = exchange
        self._in_flight = in_flight
        exchange.load(text(peers, dids, in_flight))

    def turn(self, peer: Peer, seconds: float) -> Turn:
        """Call for some seconds; what is in flight then ends as a part of the turn."""
        ami = self._exchange.ami
        ami.set_global("going", "1")
        ami.actions("Originate", [self._feeder(peer, number) for number in range(self._in_flight)])
        time.sleep(seconds)
        ami.set_global("going", "0")
        fed = ami.take_all(lambda event: event.get("UserEvent") == "Fed", self._in_flight, ENDING_S)
        rate = sum(int(each["calls"]) / max(1, int(each["ms"])) * 1000 for each in fed)
        return Turn(rate, sum(int(each["calls"]) for each in fed), sum(int(each["whole"]) for each in fed))

    @staticmethod
    def _feeder(peer: Peer, number: int) -> Message:
        return {
            "Channel": f"Local/{number}@feeding/n",
            "Application": "Wait",
            "Data": "3600",
            "Async": "true",
            "Variable": f"PEER={peer.name}",
        }
