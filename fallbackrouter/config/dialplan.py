"""Settings and rules -> the plan of a dialplan: what `fallbackrouter dialplan`, doctor and the service agree on."""

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from msgspec import structs

from fallbackrouter.agi.answer import AnswerShape, about_names, rule_name
from fallbackrouter.config.build import build_policies, last_resort
from fallbackrouter.config.checks.agi import split_address
from fallbackrouter.config.prompts import prompt_naming
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.errors import DialplanError
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.dialplan.compose import compose
from fallbackrouter.dialplan.freepbx import DESTINATIONS
from fallbackrouter.dialplan.plan import CURL, FREEPBX, Plan, Respelling
from fallbackrouter.dialplan.static import TooLargeError
from fallbackrouter.numbering import Numbering

GUARD_MS = 200
"""What a call waits beyond the router's own budget."""


def dialplan_text(settings: Settings, rules: Sequence[Rule], *, target: str = "", events: str = "") -> str:
    """Return the dialplan of a configuration.

    Args:
        rules: those that serve, in the order given.
        target: asterisk or freepbx; "": as configured.
        events: curl or originate; "": as configured.

    Raises:
        DialplanError: it cannot be made; the text says what to do.
    """
    plan = _plan(settings, rules, target or settings.dialplan.target, events or settings.dialplan.events)
    try:
        return compose(plan)
    except TooLargeError as error:
        raise DialplanError(str(error)) from None


def _plan(settings: Settings, rules: Sequence[Rule], target: str, events: str) -> Plan:
    numbering = Numbering(settings.numbers.region)
    policies = build_policies(settings, numbering.read)
    presets = dict(DESTINATIONS) if target == FREEPBX else {}
    destinations = presets | settings.destinations
    shape = AnswerShape(tuple(settings.answers.variables), destinations)
    longest_ms = max(policies.default.call_ms, *(policy.call_ms for _, policy in policies.by_did), 0)
    if events == CURL and not settings.agi.http_listen:
        raise DialplanError("agi.http_listen is empty, so CURL() can tell nothing; name an address, or use originate")
    return Plan(
        rules=tuple(_without_prompts(rule, settings) for rule in rules),
        last_resort=_silent(last_resort(settings), settings),
        policies=policies,
        destination=shape.destination,
        rule_name=rule_name,
        variables=shape.variables,
        about=about_names(prompts=bool(settings.prompts.dir)),
        functions=tuple(settings.answers.functions),
        destinations=destinations,
        configured=frozenset(settings.destinations),
        event_stages=tuple(settings.events.stages),
        ask=_reachable("agi.listen", settings.agi.listen),
        tell=_reachable("agi.http_listen", settings.agi.http_listen) if settings.agi.http_listen else "",
        guard_ms=longest_ms + GUARD_MS,
        max_rules=settings.dialplan.max_rules,
        target=target,
        events=events,
        has_region=bool(settings.numbers.region),
        respellings=respellings_of(numbering),
    )


def _without_prompts(rule: Rule, settings: Settings) -> Rule:
    """Return a rule without what its callers would hear: where the router is gone, nobody knows what is at hand."""
    if not settings.prompts.dir:
        return rule
    following = None if rule.next_route is None else _silent(rule.next_route, settings)
    return structs.replace(rule, route=_silent(rule.route, settings), next_route=following)


def _silent(route: Route, settings: Settings) -> Route:
    if not settings.prompts.dir:
        return route
    prompts = {name for name, _ in prompt_naming(settings).prompts(dict(route.variables))}
    return replace(route, variables=tuple(pair for pair in route.variables if pair[0] not in prompts))


@lru_cache(maxsize=4)
def respellings_of(numbering: Numbering) -> tuple[Respelling, ...]:
    """Return how numbers become E.164; empty where digits are compared as they come."""
    return tuple(Respelling(one.patterns, one.drop, one.prepend) for one in numbering.respellings())


def _reachable(key: str, listen: Sequence[str]) -> str:
    """Return the address by which an Asterisk on this machine reaches a listener, IPv4 first.

    Raises:
        DialplanError: its port is chosen anew at every start.
    """
    found = [address for address in map(split_address, listen) if address]
    host, port = min(found, key=lambda address: ":" in address[0])
    if not port:
        raise DialplanError(f"{key} leaves the port open, so no dialplan can name it; give it a port such as 4573")
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")  # noqa: PLR2004 - IPv4
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"  # noqa: PLR2004 - IPv6
