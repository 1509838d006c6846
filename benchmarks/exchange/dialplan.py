"""The dialplan that makes calls and asks each peer where they go.

A feeder is a channel that dials a number, waits until that call has ended, and dials the next one, for as long as the
global PEER names the same peer; so many feeders, so many calls in flight, and nobody outside has a hand in a call. Each
call is a Local channel with a call id of its own. It asks, looks at its variables, and hangs up as busy where it has
all of them: so the feeder knows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DIDS_EACH = 250
"""Numbers of a feeder; Asterisk takes no more than 4,096 bytes for a value."""
DIGITS = 11
NOBODY = "nobody"
"""What the global PEER holds between turns."""
VARIABLES = "app,num,time,auto,audio1,text,digium,select,FR_SOURCE,FR_RULE,FR_DECISION,FR_STATUS,FR_DEST"

_FEEDING = f"""\
[feeding]
exten => _X!,1,Answer()
 same => n,UserEvent(Ready)
 same => n(idle),Wait(0.05)
 same => n,Set(peer=${{GLOBAL(PEER)}})
 same => n,GotoIf($["${{peer}}" = "{NOBODY}"]?idle)
 same => n,UserEvent(Begun)
 same => n,Set(calls=0)
 same => n,Set(whole=0)
 same => n,Set(begun=${{STRFTIME(,,%s%3q)}})
 same => n(again),Set(did=${{DIDS${{EXTEN}}:$[(${{calls}} % {DIDS_EACH}) * {DIGITS}]:{DIGITS}}})
 same => n,Set(CALLERID(num)=7950${{did:-7}})
 same => n,Dial(Local/${{did}}@ask-${{peer}}/n)
 same => n,Set(calls=$[${{calls}} + 1])
 same => n,Set(whole=$[${{whole}} + ("${{DIALSTATUS}}" = "BUSY")])
 same => n,GotoIf($["${{GLOBAL(PEER)}}" = "${{peer}}"]?again)
 same => n,UserEvent(Fed,calls: ${{calls}},whole: ${{whole}},ms: $[${{STRFTIME(,,%s%3q)}} - ${{begun}}])
 same => n,Goto(idle)
"""
_ASKING = """\
[ask-{name}]
exten => _X.,1,Set(FR_SOURCE=)
 same => n,{question}
 same => n,Set(told=${{app}}:${{FR_SOURCE}}:${{ISNULL(${{num}})}}${{ISNULL(${{FR_STATUS}})}})
 same => n,Hangup(${{IF($["${{told}}" = "group:{source}:00"]?17:1)}})
"""
_CALLER = "${EXTEN},${CALLERID(num)},${UNIQUEID},init"


@dataclass(frozen=True)
class Peer:
    """Somebody who is asked where a call goes.

    Args:
        name: the part of its context's name that is its own; a word.
        question: the dialplan's line that asks.
        source: what FR_SOURCE has to be afterwards.
    """

    name: str
    question: str
    source: str


def fast_agi(name: str, port: int) -> Peer:
    """Return a peer that is asked over FastAGI."""
    return Peer(name, f"AGI(agi://127.0.0.1:{port}/ask,${{EXTEN}},init)", "synced")


def script(name: str, program: str, url: str) -> Peer:
    """Return an AGI script that asks a CRM."""
    return Peer(name, f"AGI({program},{url},{_CALLER})", "crm")


def curl(name: str, url: str) -> Peer:
    """Return Asterisk's own CURL(), which needs an answer that is a line of values."""
    return Peer(name, f"Set(ARRAY({VARIABLES})=${{CURL({url}?did=${{EXTEN}}&caller=${{CALLERID(num)}})}})", "crm")


def text(peers: Iterable[Peer], dids: Sequence[str], feeders: int) -> str:
    """Return the dialplan for so many feeders, who share out the numbers."""
    shares = ("".join(dids[n * DIDS_EACH : (n + 1) * DIDS_EACH]) for n in range(feeders))
    lists = "".join(f"DIDS{n}={share}\n" for n, share in enumerate(shares))
    asking = "".join(_ASKING.format(name=peer.name, question=peer.question, source=peer.source) for peer in peers)
    return f"[globals]\nPEER={NOBODY}\n{lists}\n{_FEEDING}\n{asking}"
