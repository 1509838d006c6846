"""How a call that the CRM had made becomes an event for it, once it has ended."""

from fallbackrouter.clock import Clock
from fallbackrouter.core.call import Call, ReadNumber
from fallbackrouter.core.decision import Event
from fallbackrouter.core.outcall import OutCall
from fallbackrouter.store.calls import TellEnd


def end_teller(read: ReadNumber, stage: str, clock: Clock) -> TellEnd:
    """Return what makes the event of a call's end.

    Args:
        stage: the event's; "": nothing is told.
    """

    def tell(call: OutCall) -> Event | None:
        if not stage:
            return None
        wanted = call.wanted
        about = Call(
            did=read(wanted.numbers[0] if wanted.numbers else wanted.exten),
            caller=read(wanted.caller),
            call_id=call.out_id,
            linked_id=call.out_id,
            stage=stage,
            context=wanted.context,
            channel=wanted.channel,
            extra=_facts(call),
        )
        return Event(clock.new_id(), call.ended_at or clock.now_at(), call.node, about)

    return tell


def _facts(call: OutCall) -> tuple[tuple[str, str], ...]:
    facts = {
        "direction": "out",
        "call": call.crm_id,
        "outcome": str(call.state),
        "billsec": "" if call.seconds is None else str(call.seconds),
        "hangup_cause": "" if call.cause is None else str(call.cause),
        "exten": call.wanted.exten,
        "reason": call.reason,
    }
    return tuple((name, value) for name, value in facts.items() if value)
