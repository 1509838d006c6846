"""Calls that are answered, recorded and ended in a real Asterisk, by the dialplan that is given or generated."""

import http
import re
import urllib.parse
import urllib.request
from pathlib import Path

from tests.asterisk.ami import PATIENCE_S, Message
from tests.asterisk.generated import generated
from tests.asterisk.harness import Exchange
from tests.asterisk.routed import Routed
from tests.asterisk.settings import INSIDE, ROUTER, SECRET
from tests.fakes.service import wait_until

DOC = Path(__file__).parents[2] / "docs/dialplan.md"
ANSWERS, RINGS = "1", "2"
"""The last digit of a number: somebody answers and talks, or the phone rings on."""
PASTED = "pasted"
WAYS = (PASTED, "curl", "originate")
"""The dialplan of the document, and what `fallbackrouter dialplan --events` makes."""
RECORDINGS = "spool/monitor"
_TRUNK = f"""
[from-trunk-told]
exten => _X.,1,Set(__TOKEN=${{TOKEN}})
 same => n,Gosub(fallbackrouter-watch,s,1(${{EXTEN}}))
 same => n,Gosub(fallbackrouter,s,1(${{EXTEN}},init))
 same => n,MixMonitor({INSIDE}/{RECORDINGS}/${{UNIQUEID}}.wav,b)
 same => n,Dial(Local/4${{EXTEN:-1}}@agents/n,60,U(fallbackrouter-answered))
 same => n,Hangup()

[ext-group]
exten => _X.,1,Hangup()
"""
_AGENTS = f"""
[agents]
exten => _X{ANSWERS},1,Answer()
 same => n,UserEvent(Answered,token: ${{TOKEN}})
 same => n,Milliwatt()
exten => _X{RINGS},1,Ringing()
 same => n,UserEvent(Ringing,token: ${{TOKEN}})
 same => n,Wait(60)
"""


def settings(exchange: Exchange, grace_s: float) -> str:
    """Return the tables by which a router knows an Asterisk's manager interface."""
    connect = f"127.0.0.1:{exchange.manager_port}"
    return f'[ami]\nconnect = "{connect}"\nuser = "{ROUTER}"\nsecret = "{SECRET}"\ngrace_s = {grace_s}\n'


def dialplan(routed: Routed, way: str) -> str:
    """Return one of WAYS by which calls are told of, with phones that answer or ring."""
    return (_pasted(routed) if way == PASTED else _generated(routed, way)) + _AGENTS


def _generated(routed: Routed, way: str) -> str:
    text = generated(routed, events=way)
    return re.sub(r"CURLOPT\((\w+)\)=0\.\d", r"CURLOPT(\1)=30", text) + _TRUNK


def _pasted(routed: Routed) -> str:
    """Return what docs/dialplan.md gives to paste."""
    blocks = re.findall(r"```ini\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    text = "\n".join(block for block in blocks if "[fallbackrouter]" in block or "[call-ended]" in block)
    put = {
        "127.0.0.1:4573": f"127.0.0.1:{routed.port}",
        "127.0.0.1:4580": f"127.0.0.1:{routed.http_port}",
        "(absolute)=0.6": "(absolute)=30",  # patient, on a machine that may be busy
        "(conntimeout)=0.3": "(conntimeout)=30",
        "(httptimeout)=0.5": "(httptimeout)=30",
        "PJSIP/62": "Local/4${EXTEN:-1}@agents/n",
        "/var/spool/asterisk/monitor": f"{INSIDE}/{RECORDINGS}",
        "Set(__FR_CALLED": "Set(__TOKEN=${TOKEN})\n same => n,Set(__FR_CALLED",
    }
    for what, instead in put.items():
        assert what in text, what
        text = text.replace(what, instead)
    return text


def place(exchange: Exchange, number: str, caller: str = "79507533333") -> str:
    """Place a call, and return its token."""
    return exchange.call(number, "from-trunk-told", Data="600", CallerID=caller)


def hang_up(exchange: Exchange, token: str) -> None:
    """Hang up as the caller would."""
    channels = exchange.ami.command("core show channels concise").splitlines()
    [own] = [line.split("!")[0] for line in channels if line.endswith(f"!{token}-out")]
    exchange.ami.action("Hangup", Channel=own)


def live_channels(exchange: Exchange) -> list[Message]:
    """Return the channels that live, as the manager interface lists them."""
    exchange.ami.forget_events()
    exchange.ami.action("CoreShowChannels")
    found: list[Message] = []
    while True:
        event = exchange.ami.expect(lambda one: one["Event"].startswith("CoreShowChannel"))
        if event["Event"] != "CoreShowChannel":
            return found
        found.append(event)


def wait_gone(exchange: Exchange, call_id: str) -> None:
    """Wait until no channel of that id lives."""
    wait_until(lambda: f"!{call_id}\n" not in exchange.ami.command("core show channels concise") + "\n", "the end")


def report(routed: Routed, **fields: str) -> None:
    """Report an event as a dialplan's CURL() does."""
    body = urllib.parse.urlencode(fields).encode()
    url = f"http://127.0.0.1:{routed.http_port}/v1/event"
    with urllib.request.urlopen(url, body, timeout=PATIENCE_S) as answer:
        assert answer.status == http.HTTPStatus.OK


def told(routed: Routed, call_id: str) -> list[str]:
    """Return the stages that the journal has of a call, in order; an inferred one says so."""
    rows = routed.rows("SELECT stage, details FROM events WHERE call_id = ? ORDER BY seq", call_id)
    return [row["stage"] + " inferred" * ('"inferred":"true"' in row["details"]) for row in rows]


def wait_told(routed: Routed, call_id: str, stages: list[str]) -> None:
    """Wait until the journal has these stages of a call, and no others."""
    wait_until(lambda: told(routed, call_id) == stages, f"{stages} of {call_id}: {told(routed, call_id)}")
