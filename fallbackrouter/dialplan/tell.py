"""Events from where no AGI may run: Dial's `U()`, `h` and hangup handlers.

By CURL() inside its limits or, with `originate`, by a Local channel that asks under the guard in a thread of its own.
Every value is URI-encoded, so none can add a field or move one. The end is told from a hangup handler, which stays with
the channel through transfers; a mark on the channel sees that it is pushed once.
"""

from collections.abc import Iterator, Mapping

from fallbackrouter.dialplan.plan import ORIGINATE, Plan
from fallbackrouter.dialplan.spell import Step, context, extension

NO_DESTINATION = "no_destination"
CONNECT_S = 0.3
ANSWER_S = 0.5
FIELDS = (
    "did",
    "stage",
    "caller",
    "call_id",
    "linked_id",
    "channel",
    "dialstatus",
    "hangup_cause",
    "billsec",
    "answered_by",
    "transferred_to",
    "link",
    "destination",
)
"""What an event tells, in this order; names without a value are told empty."""
_CALLER_SIDE = {
    "caller": "${CALLERID(num)}",
    "call_id": "${UNIQUEID}",
    "linked_id": "${CHANNEL(linkedid)}",
    "channel": "${CHANNEL(name)}",
}
_CALLEE_SIDE = {
    "did": "${FR_CALLED}",
    "caller": "${CONNECTEDLINE(num)}",
    "call_id": "${FR_CALL}",
    "linked_id": "${CHANNEL(linkedid)}",
    "channel": "${CHANNEL(name)}",
    "answered_by": "${CALLERID(num)}",
}
_ENDED = {
    **_CALLER_SIDE,
    "did": "${FR_CALLED}",
    "dialstatus": "${DIALSTATUS}",
    "hangup_cause": "${HANGUPCAUSE}",
    "billsec": "${CDR(billsec)}",
    "answered_by": "${FR_BY}",
    "transferred_to": "${BLINDTRANSFER}",
    "link": "${FR_LINK}",
}


def tell_no_destination(plan: Plan) -> Iterator[Step]:
    """Yield the steps that report that FR_DEST is not in the dialplan, inside the frame that asked."""
    return _tell(plan, NO_DESTINATION, {**_CALLER_SIDE, "did": "${ARG1}", "destination": "${FR_DEST}"})


def _tell(plan: Plan, stage: str, facts: Mapping[str, str]) -> Iterator[Step]:
    """Yield the steps that report an event, without another Gosub.

    Args:
        stage: a stage, or a variable that holds one.
        facts: name -> value, as the dialplan spells it.
    """
    told = {"stage": stage, **facts}
    pairs = "&".join(f"{name}=" + (f"${{URIENCODE({told[name]})}}" if name in told else "") for name in FIELDS)
    if plan.events == ORIGINATE:
        yield from _by_channel(plan, pairs, facts["call_id"])
        return
    yield Step(f"Set(CURLOPT(conntimeout)={CONNECT_S})", "seconds to connect")
    yield Step(f"Set(CURLOPT(httptimeout)={ANSWER_S})", "the longest that this can take")
    yield Step(f"Set(LOCAL(FR_TOLD)=${{CURL(http://{plan.tell}/v1/event,{pairs})}})", "every value is encoded")


def _by_channel(plan: Plan, pairs: str, call_id: str) -> Iterator[Step]:
    key = f"${{FILTER(0-9.,{call_id})}}x${{EPOCH}}x${{RAND(100000,999999)}}"
    yield Step(f"Set(LOCAL(FR_KEY)={key})", "one for each event; it begins with the call's id")
    yield Step(f"Set(DB({plan.prefix}/${{FR_KEY}})={pairs})", "what there is to tell waits in Asterisk's database")
    into = f"exten,{plan.named('idle')},s,1,,a"
    yield Step(f"Originate(Local/${{FR_KEY}}@{plan.named('telling')}/n,{into})", "told in a thread of its own")


def tell_contexts(plan: Plan) -> Iterator[str]:
    """Yield the contexts that a dialplan calls, and those they need."""
    yield _watch(plan)
    yield _answered(plan)
    yield _ended(plan)
    if plan.events == ORIGINATE:
        yield _telling(plan)
        yield context(
            plan.named("idle"),
            extension("s", [Step("Wait(3)", "the other half tells"), Step("Hangup()", "and ends both")]),
        )


def _watch(plan: Plan) -> str:
    steps = [
        Step("GotoIf($[${LEN(${FR_WATCHED})} > 0]?done)", "once for each channel"),
        Step("Set(FR_WATCHED=1)", "a mark on this channel alone"),
        Step("Set(__FR_CALLED=${ARG1})", "known to the phones that it rings, too"),
        Step("Set(__FR_CALL=${UNIQUEID})", "whose call it is"),
        Step(f"Set(CHANNEL(hangup_handler_push)={plan.named('ended')},s,1)", "stays with the call through transfers"),
        Step("Return()", "back to who called", "done"),
    ]
    why = (
        "Tells how the call ended: Gosub(fallbackrouter-watch,s,1(${EXTEN})) at its beginning, before the question.\n"
        "A recording is told by FR_RECORDING or, where MixMonitor runs on this channel, by itself."
    )
    return context(plan.named("watch"), extension("s", steps), why=why)


def _answered(plan: Plan) -> str:
    steps = [*_tell(plan, "start", _CALLEE_SIDE), Step("Return()", "the call goes on")]
    why = "Tells who answered: Dial(PJSIP/62,60,U(fallbackrouter-answered)). Runs on the channel that answered."
    return context(plan.named("answered"), extension("s", steps), why=why)


def _ended(plan: Plan) -> str:
    steps = [
        Step("Set(LOCAL(FR_LINK)=${FR_RECORDING})", "the recording, where the dialplan names it"),
        Step("GotoIf($[${LEN(${FR_LINK})} > 0]?linked)", "it does"),
        Step("Set(LOCAL(FR_LINK)=${MIXMONITOR_FILENAME})", "else MixMonitor's, if it ran here"),
        Step("Set(LOCAL(FR_STAGE)=end_failed)", "an end without a recording", "linked"),
        Step("GotoIf($[${LEN(${FR_LINK})} = 0]?tell)", "there is none"),
        Step("GotoIf($[${LEN(${CDR(answer)})} = 0]?tell)", "what was never answered has no recording"),
        Step("Set(LOCAL(FR_STAGE)=end_auto)", "an end with one"),
        Step("Set(LOCAL(FR_BY)=${CUT(DIALEDPEERNUMBER,@,1)})", "62 of Local/62@from-internal/n", "tell"),
        Step("Set(LOCAL(FR_BY)=${CUT(FR_BY,/,1)})", "62 of PJSIP/62/sip:62@192.0.2.7, too"),
        *_tell(plan, "${FR_STAGE}", _ENDED),
        Step("Return()", "the channel may end"),
    ]
    why = "The hangup handler: end_auto with the recording's path, end_failed where there is none."
    return context(plan.named("ended"), extension("s", steps), why=why)


def _telling(plan: Plan) -> str:
    """Return the context that runs in a Local channel and asks under the guard.

    The channel's own id is of no use to anybody; the call's is believed, as the extension begins with it (agi.build).
    """
    place = {name: at for at, name in enumerate(FIELDS, 1)}
    words = "0-9A-Za-z+*#._@:/ "
    facts = ",".join(_cut(place[name], words) for name in FIELDS if name not in {"did", "stage", "caller"})
    steps = [
        Step(f"Set(FR_TELL=${{DB_DELETE({plan.prefix}/${{EXTEN}})}})", "what there is to tell, taken out"),
        Step(f"Set(FR_CALLED={_cut(place['did'], words)})", "the dialled number"),
        Step(f"Set(FR_STAGE={_cut(place['stage'], words)})", "the stage"),
        Step(f"Set(FR_CALLER={_cut(place['caller'], words)})", "the caller"),
        Step("Set(CALLERID(num)=${FR_CALLER:7})", "its name and the equals sign are left out"),
        Step("Set(AGIEXITONHANGUP=yes)", "a hangup ends the question"),
        Step(f"Set(TIMEOUT(absolute)={plan.guard_ms / 1000:g})", "the guard"),
        Step(f"AGI(agi://{plan.ask}/event,${{FR_CALLED:4}},${{FR_STAGE:6}},{facts})", "the event"),
        Step("Hangup()", "told"),
    ]
    over = extension("T", [Step("Hangup()", "the guard fired")])
    return context(
        plan.named("telling"), extension("_[0-9].", steps), over, why="A Local channel that tells, and ends."
    )


def _cut(place: int, words: str) -> str:
    """Return what was told at a place, `name=value`, without what could move an argument."""
    return f"${{FILTER({words}=\\x2d,${{URIDECODE(${{CUT(FR_TELL,&,{place})}})}})}}"
