"""`calls make`, `list`, `show` and `cancel`: the calls that the CRM has made, by hand."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption, LimitOption
from fallbackrouter.cli.output import complain, plain, put_json, put_table, say
from fallbackrouter.core.errors import ConfigError, ControlError, FallbackrouterError, StoreError

if TYPE_CHECKING:
    from fallbackrouter.cli.house import House
    from fallbackrouter.core.outcall import OutCall
    from fallbackrouter.store.calls import CallQueue

app = typer.Typer(help="Calls that the CRM has made.", no_args_is_help=True)

OWNER = "cli"
TELL_S = 3.0
"""How long the running router is waited for."""
COLUMNS = ("at", "state", "channel", "exten", "callerid", "seconds", "cause", "owner", "id", "reason", "call")


class State(StrEnum):
    """What a call can have come to."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    TALKING = "talking"
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


CallArgument = Annotated[str, typer.Argument(metavar="CALL", help="As `calls list` tells it, in the last column.")]


@app.command()
def make(
    config: ConfigOption = None,
    channel: Annotated[str, typer.Option("--channel", help="Whom to ring, such as Local/632@inbound.")] = "",
    to: Annotated[str, typer.Option("--to", help="In place of --channel: a number; needs --via.")] = "",
    via: Annotated[str, typer.Option("--via", help="The context that dials it.")] = "",
    context: Annotated[str, typer.Option("--context", help="Where the call comes in once it is answered.")] = "",
    exten: Annotated[str, typer.Option("--exten", help="The extension there.")] = "",
    priority: Annotated[str, typer.Option("--priority", help="The priority there.")] = "1",
    callerid: Annotated[str, typer.Option("--callerid", help='A number, or "name" <number>.')] = "",
    variable: Annotated[list[str] | None, typer.Option("--variable", metavar="NAME=VALUE", help="Repeatable.")] = None,
    crm_id: Annotated[str, typer.Option("--id", help="The same id again is the same call.")] = "",
    timeout: Annotated[int | None, typer.Option("--timeout", help="Seconds that it rings.")] = None,
    not_after: Annotated[str, typer.Option("--not-after", help="Seconds from now, or a moment with its zone.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Have a call made: somebody is rung, and comes into the dialplan once he answers."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.office.calls import call_json

    fields: dict[str, object] = {
        "channel": channel,
        "to": to,
        "via": via,
        "context": context,
        "exten": exten,
        "priority": priority,
        "callerid": callerid,
        "id": crm_id,
        "timeout_s": timeout,
        "not_after": _moment(not_after),
        "variables": dict(_pair(text) for text in variable or ()),
    }
    house = open_house(config)
    call = _ask(house, {name: value for name, value in fields.items() if value is not None and value != ""})
    _nudge(house)
    if as_json:
        put_json(call_json(call))
    else:
        say(f"{call.out_id} {call.state}")


@app.command("list")
def list_(
    config: ConfigOption = None,
    state: Annotated[State | None, typer.Option("--state", help="Only calls in this state.")] = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the newest calls, newest first."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.office.calls import call_json

    rows = [call_json(call) for call in _queue(open_house(config)).newest(limit, state.value if state else "")]
    if as_json:
        for row in rows:
            put_json(row)
    else:
        put_table("", COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


@app.command()
def show(call: CallArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one call: what was asked for, and how far it has come."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.office.calls import call_json

    found = _queue(open_house(config)).one(call)
    if found is None:
        raise StoreError(f"there is no call {call}; `fallbackrouter calls list` shows the newest")
    if as_json:
        put_json(call_json(found))
        return
    for name, value in call_json(found).items():
        if name != "v" and value is not None and value != "":
            say(plain(f"{name:<12} {value}"))


@app.command()
def cancel(call: CallArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Have a call that waits not be made."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.office.calls import call_json

    queue = _queue(open_house(config))
    ended = queue.cancel(call, SystemClock().now_at(), "it was cancelled by a command")
    put_json(call_json(ended)) if as_json else say(f"{ended.out_id} {ended.state}")


def _queue(house: "House") -> "CallQueue":
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.config.calls import PATIENT_MS, call_queue

    return call_queue(house.settings, house.journal, SystemClock(), busy_ms=PATIENT_MS)


def _ask(house: "House", fields: dict[str, object]) -> "OutCall":
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.config.calls import call_desk

    desk = call_desk(house.loaded, SystemClock())
    if desk is None:
        raise ConfigError("no calls are made: fill calls.contexts and calls.channels, and set ami.user (docs/calls.md)")
    return desk.ask(OWNER, fields)[0]


def _nudge(house: "House") -> None:
    """Have the running router look, and say what the call waits for."""
    from fallbackrouter.control.client import command

    try:
        waits = str(command(house.data_dir, {"do": "call"}, within_s=TELL_S).get("waits") or "")
    except ControlError as error:
        waits = str(error)
    if waits:
        complain(f"not made yet: {plain(waits)}")


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise FallbackrouterError(f"--variable {plain(text)} has no value; write NAME=VALUE")
    return name, value


def _moment(text: str) -> str | float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text
