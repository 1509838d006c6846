"""The dialplan that `fallbackrouter dialplan` makes, in a real Asterisk, with a context that calls it."""

from collections.abc import Sequence

from fallbackrouter.config.dialplan import dialplan_text
from fallbackrouter.config.load import load_settings
from fallbackrouter.core.rule import Rule
from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.routed import Routed

ENTER = f"""
[enter]
exten => _X!,1,Set(TIMEOUT(absolute)=99)
 same => n,Set(AGIEXITONHANGUP=as it was)
 same => n,Set(CALLERID(name)=Before)
 same => n,Set(num=stale)
 same => n,Gosub(fallbackrouter-watch,s,1(${{EXTEN}}))
 same => n,Set(BEGAN=${{STRFTIME(,,%s.%3q)}})
 same => n,Gosub(fallbackrouter,s,1(${{EXTEN}},init))
 same => n,Set(TOOK=$[${{STRFTIME(,,%s.%3q)}} - ${{BEGAN}}])
 same => n,{STOP_HERE}
exten => h,1,UserEvent(Own,token: ${{TOKEN}})
"""
"""Calls ask by this context, and stand still with what they were told."""


def generated(
    routed: Routed,
    rules: Sequence[Rule] | None = None,
    *,
    ask: int | None = None,
    tell: int | None = None,
    target: str = "",
    events: str = "",
) -> str:
    """Return the dialplan of a router's configuration.

    Args:
        rules: compiled in place of those that serve, so that one can be told from the other.
        ask: a port to ask at instead of the router's own; `tell` the same for events.
    """
    if rules is None:
        options = [f"--for={target}"] * bool(target) + [f"--events={events}"] * bool(events)
        text = routed.run("dialplan", *options)
    else:
        text = dialplan_text(load_settings(routed.config, {}).settings, rules, target=target, events=events)
    text = text.replace(f"agi://127.0.0.1:{routed.port}/", f"agi://127.0.0.1:{ask or routed.port}/")
    return text.replace(f"http://127.0.0.1:{routed.http_port}/", f"http://127.0.0.1:{tell or routed.http_port}/")


def install(exchange: Exchange, text: str, more: str = ENTER) -> None:
    """Have an Asterisk take a generated dialplan, with the contexts that a test calls it from."""
    exchange.load(f"{text}\n{more}")
    refused = [line for line in exchange.log.splitlines() if "extensions.conf" in line and "WARNING" in line]
    assert not refused, refused[:5]
