"""`[fallbackrouter]`: the question to the router under the guard, and what counts as its answer.

- Only an answer whose FR_SOURCE is a known tier's whole name counts: Asterisk carries out an AGI line that the
  connection's end cut short, and FR_SOURCE is the last of its names.
- Without one, what its functions may have written is put back, and `[fallbackrouter-static]` answers.
"""

from collections.abc import Iterator

from fallbackrouter.core.tier import DEFAULT_ORDER
from fallbackrouter.dialplan.plan import Plan
from fallbackrouter.dialplan.spell import Step, context, extension
from fallbackrouter.dialplan.tell import tell_no_destination

EVENT = "event"


def ask_contexts(plan: Plan) -> Iterator[str]:
    """Yield the texts of the contexts that ask."""
    body = [*extension("s", list(_question(plan))), *extension("T", _gave_up()), *extension("h", [_HANGUP])]
    why = (
        "The question: Gosub(fallbackrouter,s,1(${EXTEN},init)), with the dialled number and the stage.\n"
        f"Afterwards app, num and the like are set, and FR_SOURCE tells who answered. At most {plan.guard_ms:g} ms."
    )
    yield context(plan.prefix, body, why=why)
    sources = (f"exten => {tier},1,NoOp()" for tier in (*DEFAULT_ORDER, EVENT))
    yield context(plan.named("sources"), sources, why="the names that a whole answer ends in")


_HANGUP = Step("Goto(${STACK_PEEK(1,c,1)},h,1)", "a caller who hangs up while asking still runs the caller's own h")
_LIFT = "Set(TIMEOUT(absolute)=${FR_SAVED})"


def _gave_up() -> list[Step]:
    return [
        Step(_LIFT, "the guard fired: the call goes on without the router"),
        Step("Goto(s,judge)", "an answer may have come in the last moment"),
    ]


def _question(plan: Plan) -> Iterator[Step]:
    yield Step("Set(LOCAL(FR_SAVED)=${TIMEOUT(absolute)})", "the call's own timeout, kept")
    yield Step("Set(LOCAL(AGIEXITONHANGUP)=yes)", "a caller who hangs up ends the question; LOCAL, for this one alone")
    for place, function in enumerate(plan.functions):
        yield Step(f"Set(LOCAL(FR_WAS{place})=${{{function}}})", "what an answer may write, kept")
    yield Step("Set(FR_SOURCE=)", "an earlier answer counts no more")
    yield Step(f"Set(TIMEOUT(absolute)={plan.guard_ms / 1000:g})", "the guard: what brings the call back")
    yield Step(
        f"AGI(agi://{plan.ask}/ask,${{ARG1}},${{ARG${{ARGC}}}})", "the stage is the last argument, whatever was dialled"
    )
    yield Step(_LIFT, "answered in time")
    known = f"${{DIALPLAN_EXISTS({plan.named('sources')},${{FR_SOURCE}},1)}}"
    yield Step(f"GotoIf({known}?:lost)", "only a whole name is a whole answer", "judge")
    if plan.destinations:
        yield from _look(plan)
    yield Step("Return()", "back to who asked", "done")
    yield Step("Set(FR_SOURCE=)", "no answer, or half of one", "lost")
    for place, function in enumerate(plan.functions):
        now, was = f"${{URIENCODE(${{{function}}})}}", f"${{URIENCODE(${{FR_WAS{place}}})}}"
        yield Step(f'GotoIf($["x{now}" = "x{was}"]?kept{place})', "half an answer may have written it")
        yield Step(f"Set({function}=${{FR_WAS{place}}})", "as it was")
        yield Step("NoOp()", "as it was", f"kept{place}")
    yield Step(f"Goto({plan.named('static')},s,1)", "Asterisk's own copy of the rules")


def _look(plan: Plan) -> Iterator[Step]:
    """Yield the steps that see whether the destination is there."""
    yield Step("GotoIf($[${LEN(${FR_DEST})} = 0]?done)", "the app has no destination")
    yield Step("GotoIf(${DIALPLAN_EXISTS(${FR_DEST})}?done)", "the destination is in this dialplan")
    yield from tell_no_destination(plan)
    yield Step("GotoIf($[${LEN(${FR_NEXT})} = 0]?lost)", "there is no second one")
    yield Step("GotoIf(${DIALPLAN_EXISTS(${FR_NEXT})}?:lost)", "the second one")
    yield Step("Set(FR_DEST=${FR_NEXT})", "it takes the place of the first")
    yield Step("Set(FR_NEXT=)", "and is the last")
