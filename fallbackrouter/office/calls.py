"""A call that somebody asks for, from his fields to its place in the queue; for whoever stands at a door."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fallbackrouter.clock import Clock
from fallbackrouter.core.call_gate import CallGate
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.outcall import OutCall
from fallbackrouter.core.route import Refused
from fallbackrouter.store.calls import CallQueue


class CallRefusedError(FallbackrouterError):
    """A call that may not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class CallDesk:
    """Takes calls for one queue; blocking, for one thread at a time.

    Attributes:
        node: this router's name.
        max_per_minute: what one owner may ask for.
        max_waiting: what may wait in all.
    """

    gate: CallGate
    queue: CallQueue
    clock: Clock
    node: str
    max_per_minute: int
    max_waiting: int

    def ask(self, owner: str, fields: Mapping[str, object]) -> tuple[OutCall, bool]:
        """Take a call, and tell whether it is new.

        Args:
            owner: who asks: a token's name, or `cli`.
            fields: by the names of core.call_fields.FIELDS.

        Raises:
            CallRefusedError: the gate does not let it through.
            StoreError: the queue does not take it, or cannot be used; see `CallQueue.ask`.
        """
        now_at = self.clock.now_at()
        asked = self.gate.check(fields, now_at)
        if isinstance(asked, Refused):
            raise CallRefusedError(f"the call is refused: {asked.reason}")
        call = OutCall(
            out_id=self.clock.new_id(),
            at=now_at,
            node=self.node,
            owner=owner,
            crm_id=asked.crm_id,
            wanted=asked.wanted,
            not_after=asked.not_after,
        )
        return self.queue.ask(call, max_per_minute=self.max_per_minute, max_waiting=self.max_waiting)


def call_json(call: OutCall) -> dict[str, object]:
    """Return a call as commands and the API tell it; what is not known is null."""
    wanted = call.wanted
    return {
        "v": 1,
        "call": call.out_id,
        "id": call.crm_id,
        "state": str(call.state),
        "at": _iso(call.at),
        "owner": call.owner,
        "node": call.node,
        "channel": wanted.channel,
        "context": wanted.context,
        "exten": wanted.exten,
        "priority": wanted.priority,
        "callerid": f'"{wanted.caller_name}" <{wanted.caller}>' if wanted.caller_name else wanted.caller,
        "variables": dict(wanted.variables),
        "timeout_s": wanted.timeout_s,
        "not_after": _iso(call.not_after),
        "sent_at": call.sent_at and _iso(call.sent_at),
        "answered_at": call.answered_at and _iso(call.answered_at),
        "ended_at": call.ended_at and _iso(call.ended_at),
        "seconds": call.seconds,
        "cause": call.cause,
        "reason": call.reason,
    }


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
