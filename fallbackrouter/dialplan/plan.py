"""What a dialplan is made of: values that others have read, checked and resolved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fallbackrouter.core.policy import Policies
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule

CURL = "curl"
ORIGINATE = "originate"
ASTERISK = "asterisk"
FREEPBX = "freepbx"


@dataclass(frozen=True, slots=True)
class Respelling:
    """Numbers as people of a region dial them, and what makes E.164 of them.

    Attributes:
        patterns: Asterisk patterns of what is dialled.
        drop: so many characters are taken away in front.
        prepend: digits that come in front instead.
    """

    patterns: tuple[str, ...]
    drop: int
    prepend: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What the dialplan is made of.

    Attributes:
        rules: override and fallback rules, in the order given.
        policies: their order of tiers counts.
        destination: a route -> `context,exten,priority`, "" where its app has none.
        rule_name: a rule's name -> FR_RULE.
        variables: every variable that an answer sets, but those about it.
        about: the variables that tell of an answer, FR_SOURCE last.
        functions: the dialplan functions that an answer may write.
        destinations: app -> `context,exten,priority`, presets among them.
        configured: the apps whose destination the router itself tells.
        event_stages: stages that get no route.
        ask: `ip:port` of FastAGI.
        tell: `ip:port` of HTTP, "" where nothing listens.
        guard_ms: the longest that a call waits for the router.
        respellings: how numbers become E.164; empty where digits are compared as they come.
        has_region: numbers are compared by E.164.
        max_rules: how many places in the order may be compiled.
        prefix: begins the name of every context.
    """

    rules: tuple[Rule, ...]
    last_resort: Route
    policies: Policies
    destination: Callable[[Route], str]
    rule_name: Callable[[str], str]
    variables: tuple[str, ...]
    about: tuple[str, ...]
    functions: tuple[str, ...] = ()
    destinations: Mapping[str, str] = field(default_factory=dict)
    configured: frozenset[str] = frozenset()
    event_stages: tuple[str, ...] = ()
    ask: str = "127.0.0.1:4573"
    tell: str = "127.0.0.1:4580"
    guard_ms: float = 600
    respellings: tuple[Respelling, ...] = ()
    has_region: bool = False
    max_rules: int = 2_000
    prefix: str = "fallbackrouter"
    target: str = ASTERISK
    events: str = CURL

    def named(self, name: str) -> str:
        """Return the full name of one of the contexts."""
        return f"{self.prefix}-{name}"
