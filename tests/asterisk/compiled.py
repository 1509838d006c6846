"""The compiled dialplan in a real Asterisk: many rule sets at once, and what each of many calls comes to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from fallbackrouter.agi.answer import ABOUT
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.dialplan.plan import Plan
from fallbackrouter.dialplan.spell import value
from fallbackrouter.dialplan.static import Static
from tests.asterisk.harness import Exchange

VARIABLES = ("app", "num", "time", "text")
NAMES = (*VARIABLES, *ABOUT)


def plan_of(rules: Iterable[Rule], last_resort: Route, **more: object) -> Plan:
    """Return a plan with what tests do not care about filled in."""
    given: dict[str, object] = {
        "policies": Policies(Policy()),
        "destination": lambda _route: "",
        "rule_name": str,
        "variables": VARIABLES,
        "about": ABOUT,
        "event_stages": ("start", "end_auto", "end_failed"),
        **more,
    }
    return Plan(rules=tuple(rules), last_resort=last_resort, **given)  # type: ignore[arg-type]  # a test's own words


@dataclass
class Asked:
    """A static dialplan with calls that go through it one after the other, in one channel."""

    plan: Plan
    calls: Sequence[tuple[str, str, str]]
    """Did, caller and stage of each."""
    answers: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its contexts, and the one that makes the calls."""
        lines = [f"[{self.plan.prefix}-calls]", "exten => s,1,NoOp()"]
        said = "&".join(f"{name}=${{URIENCODE(${{{name}}})}}" for name in NAMES)
        for did, caller, stage in self.calls:
            lines += [
                f" same => n,Set(CALLERID(num)={value(caller)})",
                f" same => n,Set(DIALLED={value(did)})",
                f" same => n,Gosub({self.plan.prefix}-static,s,1(${{DIALLED}},{stage}))",
                f" same => n,UserEvent(Said,token: ${{TOKEN}},said: {said})",
            ]
        lines.append(" same => n,Hangup()")
        return "\n".join([*Static(self.plan).contexts(), *lines, ""])


def ask_all(exchange: Exchange, every: Sequence[Asked]) -> None:
    """Load all of them at once and make all calls; the answers are found in each."""
    exchange.load("\n".join(asked.text for asked in every))
    tokens = {exchange.call("s", f"{asked.plan.prefix}-calls"): asked for asked in every}
    wanted = sum(len(asked.calls) for asked in every)
    for event in exchange.ami.take_all(lambda event: event.get("UserEvent") == "Said", wanted):
        pairs = (pair.partition("=") for pair in event["said"].split("&"))
        tokens[event["token"]].answers.append({name: unquote(text) for name, _, text in pairs})
