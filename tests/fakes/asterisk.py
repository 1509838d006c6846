"""Plays Asterisk over a FastAGI connection: splits the dialplan's arguments, sends the header, obeys the commands.

It follows res_agi.c, app.c and func_strings.c and shares no code with fallbackrouter.agi, so that a fault there cannot
hide here. Like Asterisk it replies to one command at a time; two commands in one write, which would hang a real call,
are an AssertionError; and a line that the connection's end cuts short is carried out as far as it came.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

MAX_ARGS = 128
ARRAY_SIZE = 100


@dataclass(frozen=True)
class Channel:
    """A call as the exchange knows it; an empty number is one that the exchange spells `unknown`."""

    exten: str = "74951111111"
    caller: str = "79507533333"
    uniqueid: str = "1700000000.57"
    dnid: str = ""
    name: str = "PJSIP/trunk-00000001"
    context: str = "from-trunk"
    caller_name: str = ""

    def expand(self, text: str) -> str:
        """Put the channel's values into a dialplan text; a value is not expanded again."""
        values = {"EXTEN": self.exten, "CALLERID(num)": self.caller, "UNIQUEID": self.uniqueid}
        parts = text.split("${")
        done = [parts[0]]
        for part in parts[1:]:
            name, _, rest = part.partition("}")
            done.append(values.get(name, "") + rest)
        return "".join(done)


@dataclass
class Outcome:
    """What a dialplan sees when the AGI is over.

    Attributes:
        variables: channel variables; what dialplan functions were written stands under `CALLERID(name)` and the like.
        commands: the command lines as they came.
        closed: the router closed the connection (else the time allowed was over).
    """

    variables: dict[str, str] = field(default_factory=dict)
    commands: list[bytes] = field(default_factory=list)
    closed: bool = False
    took_s: float = 0.0


def separate(text: str, size: int = MAX_ARGS, delimiter: str = ",", *, remove: bool = True) -> list[str]:
    """Split as __ast_app_separate_args does; the last of `size` places takes all that is left, unsplit."""
    found: list[str] = []
    at = 0
    paren = bracket = 0
    quote = False
    ended_by_delimiter = False
    while at < len(text) and len(found) < size - 1:
        taken = ""
        ended_by_delimiter = False
        while at < len(text):
            char = text[at]
            if char == "\\":
                literal = text[at + 1 : at + 2]
                taken += literal if remove else char + literal
                at += 2
                continue
            at += 1
            if char == delimiter and not (paren or bracket or quote):
                ended_by_delimiter = True
                break
            if char == '"':
                quote = not quote
                taken += "" if remove else char
                continue
            paren = max(0, paren + (char == "(") - (char == ")"))
            bracket = max(0, bracket + (char == "[") - (char == "]"))
            taken += char
        found.append(taken)
    if at < len(text) or ended_by_delimiter:
        found.append(text[at:])
    return found


def parse_args(line: str) -> list[str]:
    """Split a command line as res_agi.c's parse_args does."""
    argv: list[str] = []
    quoted = escaped = False
    whitespace = True
    for char in line:
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and whitespace:
                argv.append("")
                whitespace = False
            continue
        if char in " \t" and not quoted and not escaped:
            whitespace = True
            continue
        if char == "\\" and not escaped:
            escaped = True
            continue
        if whitespace:
            argv.append("")
            whitespace = False
        argv[-1] += char
        escaped = False
    return argv


def set_variable(variables: dict[str, str], name: str, value: str) -> None:
    """Do what pbx_builtin_setvar_helper does: a name with brackets writes a function, ARRAY among them."""
    if not name.endswith(")"):
        variables[name] = value
        return
    function, _, inner = name.partition("(")
    if function != "ARRAY":
        variables[name] = value
        return
    names = separate(inner[: inner.rindex(")")], ARRAY_SIZE)
    values = separate(value, ARRAY_SIZE)
    for at, one in enumerate(names):
        set_variable(variables, one, values[at] if at < len(values) else "")


def obey(variables: dict[str, str], line: bytes) -> bytes:
    """Carry out one command line and return the reply."""
    argv = parse_args(line.decode())
    if [word.upper() for word in argv[:2]] != ["SET", "VARIABLE"]:
        return b"510 Invalid or unknown command\n"
    if len(argv) != 4:
        usage = b"520-Invalid command syntax.  Proper usage follows:\n"
        return usage + b"Usage: SET VARIABLE <variablename> <value>\n520 End of proper usage.\n"
    set_variable(variables, argv[2], argv[3])
    return b"200 result=1\n"


def header(channel: Channel, script: str, args: Iterable[str]) -> bytes:
    """Return the header block in the order of launch_netscript and setup_env."""
    lines = [
        ("network", "yes"),
        ("network_script", script),
        ("request", f"agi://127.0.0.1/{script}"),
        ("channel", channel.name),
        ("language", "en"),
        ("type", "PJSIP"),
        ("uniqueid", channel.uniqueid),
        ("version", "22.10.1"),
        ("callerid", channel.caller or "unknown"),
        ("calleridname", channel.caller_name or "unknown"),
        ("callingpres", "0"),
        ("callingani2", "0"),
        ("callington", "0"),
        ("callingtns", "0"),
        ("dnid", channel.dnid or "unknown"),
        ("rdnis", "unknown"),
        ("context", channel.context),
        ("extension", channel.exten),
        ("priority", "1"),
        ("enhanced", "0.0"),
        ("accountcode", ""),
        ("threadid", "140000000000000"),
        *((f"arg_{number}", value) for number, value in enumerate(args, 1)),
    ]
    lines = [line for line in lines if line != ("network_script", "")]
    return "".join(f"agi_{name}: {value}\n" for name, value in lines).encode() + b"\n"


def application(channel: Channel, data: str) -> bytes:
    """Return the header block that `AGI(agi://address/DATA)` sends, DATA as written in the dialplan."""
    script, *args = separate(channel.expand(data)) or [""]
    return header(channel, script, args)


def ask_by_gosub(channel: Channel, arguments: str = "${EXTEN},init", path: str = "ask") -> bytes:
    """Return the header block of `Gosub(fallbackrouter,s,1(ARGUMENTS))`, which asks with ARG1 and ARG2."""
    split = [*separate(channel.expand(arguments), remove=False), "", ""]
    script, *args = separate(f"{path},{split[0]},{split[1]}")
    return header(replace(channel, exten="s", context="fallbackrouter"), script, args)


async def call(
    port: int,
    data: str = "ask,${EXTEN},init",
    channel: Channel | None = None,
    *,
    host: str = "127.0.0.1",
    within_s: float = 60.0,
) -> Outcome:
    """Run `AGI(agi://HOST:PORT/DATA)` and return what the dialplan sees."""
    return await exchange(port, application(channel or Channel(), data), host=host, within_s=within_s)


async def exchange(port: int, block: bytes, *, host: str = "127.0.0.1", within_s: float = 60.0) -> Outcome:
    """Connect, send a header block, and obey until the router closes or the time is over."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    outcome = Outcome()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(block)
        async with asyncio.timeout(within_s):
            await _obey_all(reader, writer, outcome)
    except TimeoutError:
        pass
    except ConnectionError:
        outcome.closed = True
    finally:
        outcome.took_s = loop.time() - started_s
        writer.transport.abort()
    return outcome


async def _obey_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outcome: Outcome) -> None:
    while data := await reader.read(65_536):
        while not data.endswith(b"\n"):
            more = await reader.read(65_536)
            if not more:
                break
            data += more
        assert data.count(b"\n") <= 1, "two commands in one write: a real Asterisk would hang here"
        outcome.commands.append(data)
        writer.write(obey(outcome.variables, data.removesuffix(b"\n")))
    outcome.closed = True
