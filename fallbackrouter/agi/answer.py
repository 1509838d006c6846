"""What an answer sets in the dialplan: one value for every configured name, and what is said about the answer.

- Every name is set, to empty where the route has none, so that nothing of an earlier answer survives.
- All variables go in one ARRAY, the last command, and `FR_SOURCE` is the last of them: Asterisk carries out a line that
  the connection's end cuts short, so only what stands behind all else tells that all else is there.
- Nothing here can fail or outgrow an AGI line for a route that passed the gate: what is said about it is bounded.

Source: DESIGN's contract, "Answer variables"; `answer_variables` serves AGI and HTTP alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from fallbackrouter.agi.commands import array_name, set_array, set_function, set_values
from fallbackrouter.core.decision import OK, UNRECORDED, Decision, Event
from fallbackrouter.core.prompt import Placed
from fallbackrouter.core.route import MAX_DEST_COST, MAX_RULE_CHARS, Route, leaves_room_for_next, line_cost, printable

ABOUT = ("FR_RULE", "FR_DECISION", "FR_STATUS", "FR_DEST", "FR_NEXT", "FR_SOURCE")
"""What is said about an answer, in this order, after its own variables; FR_SOURCE last."""
PROMPT = "FR_PROMPT"
"""Whether what the caller is to hear is at hand; said before FR_SOURCE, and only where prompts are kept."""
PROMPT_BYTES = len(PROMPT) + 1 + len("missing,")
"""What it takes of an AGI line; the configured names have so much less of MAX_NAMES_BYTES."""
EVENT_SOURCE = "event"
MAX_NAMES_BYTES = 280
"""The most bytes of all configured names together, with their commas."""
MAX_RULE_COST = 160
"""The most bytes of a rule's name on the line, escaping included."""
MAX_TEMPLATE_COST = 80
_SURELY_FITS = MAX_RULE_COST // 4
"""Characters of ASCII that fit, whatever they are: one takes four bytes at the most."""

_DEST_NUM = re.compile(r"[0-9A-Za-z_+*#.-]*")
_NUM = "{num}"


class Prompts(Protocol):
    """What is kept of audio and speech; answers at once, from memory."""

    def place(self, route: Route) -> Placed:
        """Put paths in the place of a route's prompts."""
        ...


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """Which variables an answer sets, and where its apps lie in the dialplan.

    Args:
        variables: the configured names, `app` among them.
        destinations: app -> `context,exten,priority` with `{num}`.
        prompts: what is kept of audio and speech; None: URLs and texts are handed on as they are.

    Attributes:
        names: everything that an answer sets, in its order; FR_SOURCE last.
        array: these names as the command spells them.

    Raises:
        ValueError: a name that is none or begins with `FR_`, a destination that is none, or more than one AGI line
            takes.
    """

    variables: tuple[str, ...]
    destinations: Mapping[str, str] = field(default_factory=dict)
    prompts: Prompts | None = None

    names: tuple[str, ...] = field(init=False, compare=False)
    array: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        names = (*self.variables, *about_names(prompts=self.prompts is not None))
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "array", array_name(names))
        for name in self.variables:
            if name.upper().startswith("FR_"):
                raise ValueError(f"{name} cannot be a variable of an answer: names with FR_ are the router's own")
        most = names_room(prompts=self.prompts is not None)
        if len(",".join(self.variables)) > most:
            raise ValueError(f"the names of an answer's variables take more than {most} bytes together")
        for app, template in self.destinations.items():
            if line_cost(template) > MAX_TEMPLATE_COST or printable(template) != template:
                raise ValueError(f"the destination of {app} is no short context,exten,priority")

    def destination(self, route: Route) -> str:
        """Return `context,exten,priority` for a route, "" where its app is not mapped or its num does not fit in."""
        template = self.destinations.get(route.app, "")
        return _filled(template, route.num) if template else ""

    def next_destination(self, decision: Decision) -> str:
        """Return the destination after the first one, "" where there is none or the line has no room for it."""
        following = decision.next_route
        return "" if following is None or not leaves_room_for_next(decision.route) else self.destination(following)


def about_names(*, prompts: bool) -> tuple[str, ...]:
    """Return what is said about an answer; `prompts`: audio and speech are kept here."""
    return (*ABOUT[:-1], PROMPT, ABOUT[-1]) if prompts else ABOUT


def names_room(*, prompts: bool) -> int:
    """Return how many bytes all configured names may take together, with their commas."""
    return MAX_NAMES_BYTES - (PROMPT_BYTES if prompts else 0)


def answer_variables(decision: Decision, recorded: bool, shape: AnswerShape) -> list[tuple[str, str]]:
    """Return every variable that the answer sets, with its value.

    Args:
        recorded: the decision is in the journal by now.
    """
    return list(zip(shape.names, _values(decision, recorded, shape), strict=True))


def _values(decision: Decision, recorded: bool, shape: AnswerShape) -> list[str]:
    """Return the values of an answer's variables, in the order of `shape.names`."""
    route = decision.route
    given = dict(route.variables)
    prompts: tuple[str, ...] = ()
    if shape.prompts is not None:
        placed = shape.prompts.place(route)
        given |= placed.values
        prompts = (placed.status,)
    return [
        *[given.get(name, "") for name in shape.variables],
        rule_name(decision.rule),
        decision.decision_id,
        decision.status if recorded else UNRECORDED,
        shape.destination(route) if shape.destinations else "",
        shape.next_destination(decision) if shape.destinations else "",
        *prompts,
        decision.source,
    ]


def question_commands(decision: Decision, recorded: bool, shape: AnswerShape) -> list[str]:
    """Return the commands that carry an answer, functions first, in the order that they have to be sent."""
    commands = [set_function(name, value) for name, value in decision.route.functions]
    commands.append(set_values(shape.array, _values(decision, recorded, shape)))
    return commands


def event_variables(event: Event, recorded: bool) -> list[tuple[str, str]]:
    """Return what is set when an event was taken; `unrecorded` tells the dialplan that it may send it again."""
    status = OK if recorded else UNRECORDED
    return [("FR_DECISION", event.decision_id), ("FR_STATUS", status), ("FR_SOURCE", EVENT_SOURCE)]


def event_commands(event: Event, recorded: bool) -> list[str]:
    """Return the command that says that an event was taken."""
    return [set_array(event_variables(event, recorded))]


@lru_cache(maxsize=4_096)
def _filled(template: str, num: str) -> str:
    """Put a number into a destination; "" where it would not be whole, or would be more than one."""
    if _NUM in template:
        template = template.replace(_NUM, num) if num and _DEST_NUM.fullmatch(num) else ""
    return template if line_cost(template) <= MAX_DEST_COST else ""


def rule_name(rule: str) -> str:
    """Return a rule's name as FR_RULE carries it: printable, and cut to what the line has room for."""
    if len(rule) <= _SURELY_FITS and rule.isascii() and rule.isprintable():
        return rule
    return _cut_rule_name(rule)


@lru_cache(maxsize=4_096)
def _cut_rule_name(rule: str) -> str:
    name = printable(rule, MAX_RULE_CHARS)
    while line_cost(name) > MAX_RULE_COST:
        name = name[:-1]
    return name
