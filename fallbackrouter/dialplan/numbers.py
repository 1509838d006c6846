"""Numbers in a dialplan: read as the router reads them, and held against conditions by DIALPLAN_EXISTS.

A number becomes these LOCAL variables, with FR_D for the dialled one and FR_C for the caller:

- `_N`: as dialled, formatting taken out; empty where it is withheld, and then no extension matches;
- `_K`: what exact numbers are compared with; `_E` and `_P`: E.164 without and with plus, empty where it is not known;
- `_W`: 1 where it is withheld.

What a comma, a bracket, a quote or a backslash in a number could move is made a `~` first: no pattern and no exact
number accepts either, so the outcome is the same. A dash in an extension's name means nothing to Asterisk, so in exact
numbers it is a `~` too.
"""

from collections.abc import Iterable, Iterator

from fallbackrouter.core.order import ANY, NUMBER, Part, parts
from fallbackrouter.core.pattern import Pattern
from fallbackrouter.core.rule import Condition
from fallbackrouter.dialplan.plan import Plan
from fallbackrouter.dialplan.spell import Step, context, extension

DID = "FR_D"
CALLER = "FR_C"
MAX_NUMBERS = 20_000
"""The most exact numbers and patterns of all conditions together: Asterisk looks through each list one by one."""

_MOVING = r"\\x2c\\x5b\\x5d\\x22\\x5c"
"""`, [ ] " \\`, as REPLACE takes them."""
_BRACKETS = r"\\x28\\x29"
_WITHHELD = '"^ *(|unknown|<unknown>|anonymous|private) *$"'
_DIALLABLE = '"^[ ()./-]*[+]?[ ()./-]*[0-9*#][ ()./0-9*#-]*$"'


def read_arguments() -> list[Step]:
    """Return the steps that read did and stage from Gosub's arguments, whatever was dialled."""
    top = "${REPLACE(FR_TOP," + _MOVING + _BRACKETS + ")}"
    return [
        Step(f"Set(LOCAL({DID}_N)=${{ARG1}}${{IF($[${{ARGC}} > 2]?~)}})", "a comma in what was dialled parts it"),
        Step("Set(LOCAL(FR_TOP)=${STACK_PEEK(1,e,1)})", "what was dialled in the context that called, whole"),
        Step("GotoIf($[${LEN(${FR_TOP})} = ${LEN(" + top + ")}]?stage)", "has it separators?"),
        Step(f"Set(LOCAL({DID}_N)=${{FR_TOP}})", "it holds separators, so the argument has lost some"),
        Step("Set(LOCAL(FR_STAGE)=${ARG${ARGC}})", "the last argument, whatever was dialled", "stage"),
        Step('GotoIf($[${REGEX("^[a-z0-9_]{1,32}$" ${FR_STAGE})}]?known)', "is it a stage at all?"),
        Step("Set(LOCAL(FR_STAGE)=init)", "a stage that cannot be believed"),
        Step("NoOp()", "the stage is known", "known"),
    ]


def read_number(who: str, plan: Plan) -> list[Step]:
    """Return the steps that read the number in `WHO_N` as the router would.

    Args:
        who: DID or CALLER; the label of what follows is `WHO_done`.
    """
    number = f"{who}_N"
    steps = [
        Step(f"Set(LOCAL({who}_W)=${{REGEX({_WITHHELD} ${{TOLOWER(${{{number}}})}})}})", "withheld: no number"),
        Step(f"Set(LOCAL({number})=${{REPLACE({number},{_MOVING},~)}})", "nothing in it moves an argument"),
        Step(f"GotoIf($[${{REGEX({_DIALLABLE} ${{{number}}})}}]?:{who}_text)", "is it a telephone number?"),
        Step(f"Set(LOCAL({number})=${{FILTER(0-9*#+,${{{number}}})}})", "a number, without its formatting"),
        Step(f"Set(LOCAL({number})=${{REPLACE({number},{_BRACKETS},~)}})", "else a name, as it is", f"{who}_text"),
        Step(f"GotoIf(${{{who}_W}}?:{who}_key)", "is it withheld?"),
        Step(f"Set(LOCAL({number})=)", "then it meets no number and no pattern"),
        Step(
            f'Set(LOCAL({who}_K)=${{IF($["${{{number}:0:1}}" = "+"]?1:0)}})',
            "a plus in front is left out where exact numbers are compared",
            f"{who}_key",
        ),
        Step(f"Set(LOCAL({who}_K)=${{{number}:${{{who}_K}}}})", "what exact numbers are compared with"),
        Step(f"Set(LOCAL({who}_K)=${{REPLACE({who}_K,-,~)}})", "Asterisk overlooks dashes, and we do not"),
    ]
    return [*steps, *_respelled(who, plan)] if plan.has_region else steps


def _respelled(who: str, plan: Plan) -> Iterator[Step]:
    """Yield the steps that find the number's E.164 form."""
    number = f"{who}_N"
    yield Step(f"Set(LOCAL({who}_E)=)", "E.164 digits, where the region tells them")
    yield Step(f"Set(LOCAL({who}_P)=)", "the same with a plus")
    for place, spelling in enumerate(plan.respellings):
        exists = f"${{DIALPLAN_EXISTS({plan.named(f'e164-{place}')},${{{number}}},1)}}"
        yield Step(f"GotoIf({exists}?:{who}_e{place + 1})", why="dialled in another way?", label=f"{who}_e{place}")
        yield Step(f"Set(LOCAL({who}_E)={spelling.prepend}${{{number}:{spelling.drop}}})", "in this one")
        yield Step(f"Goto({who}_found)", "no other way is looked for")
    yield Step(f"Goto({who}_read)", "no whole number of any country", label=f"{who}_e{len(plan.respellings)}")
    yield Step(f"Set(LOCAL({who}_K)=${{{who}_E}})", why="exact numbers are compared by E.164", label=f"{who}_found")
    yield Step(f"Set(LOCAL({who}_P)=+${{{who}_E}})", "patterns are tried on this, too")
    yield Step("NoOp()", "the number is read", f"{who}_read")


def respelling_contexts(plan: Plan) -> Iterator[str]:
    """Yield the contexts that tell which numbers are respelled how."""
    for place, spelling in enumerate(plan.respellings):
        yield context(
            plan.named(f"e164-{place}"),
            (f"exten => {pattern},1,NoOp()" for pattern in spelling.patterns),
            why=f"numbers that become E.164 by {spelling.drop} character(s) less and `{spelling.prepend}` in front",
        )


class Conditions:
    """Collects conditions on numbers: each different list once, in a context of its own.

    Attributes:
        count: how many numbers and patterns there are in all lists.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._exact: dict[frozenset[str], str] = {}
        self._patterns: dict[tuple[str, ...], str] = {}
        self.count = 0

    def test(self, condition: Condition, part: Part, who: str) -> str:
        """Return an expression that is 1 where a part of a condition holds, "" where it always does."""
        if part.rank == ANY:
            return ""
        if part.rank == NUMBER:
            withheld = [f"${{{who}_W}}"] if condition.withheld else []
            return _any(
                [*([self._exists(self._numbers(condition.exact), f"{who}_K")] if condition.exact else []), *withheld]
            )
        name = self._pattern_list(part.patterns)
        spellings = [f"{who}_N", *([f"{who}_E", f"{who}_P"] if self._plan.has_region else [])]
        return _any([self._exists(name, spelling) for spelling in spellings])

    def whole(self, condition: Condition, who: str) -> str:
        """Return an expression that is 1 where a condition holds, "" where it always does."""
        tests = [self.test(condition, part, who) for part in parts(condition)]
        return "" if "" in tests else _any(tests)

    @staticmethod
    def _exists(name: str, variable: str) -> str:
        return f"${{DIALPLAN_EXISTS({name},${{{variable}}},1)}}"

    def _numbers(self, exact: frozenset[str]) -> str:
        if exact not in self._exact:
            self._exact[exact] = self._plan.named(f"numbers-{len(self._exact) + 1}")
            self.count += len(exact)
        return self._exact[exact]

    def _pattern_list(self, patterns: tuple[Pattern, ...]) -> str:
        shapes = {pattern.shape: pattern.text for pattern in reversed(patterns)}
        texts = tuple(sorted(shapes.values()))
        if texts not in self._patterns:
            self._patterns[texts] = self._plan.named(f"patterns-{len(self._patterns) + 1}")
            self.count += len(texts)
        return self._patterns[texts]

    def contexts(self) -> Iterator[str]:
        """Yield the contexts of all lists."""
        for exact, name in self._exact.items():
            yield context(name, _found(number.replace("-", "~") for number in sorted(exact)))
        for patterns, name in self._patterns.items():
            yield context(name, _found(patterns))


def _found(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from extension(name, [Step("NoOp()")])


def _any(tests: list[str]) -> str:
    if not tests:
        return "0"
    return tests[0] if len(tests) == 1 else f"({' | '.join(tests)})"
