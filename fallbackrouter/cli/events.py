"""`events list`, `show`, `retry`, `drop` and `tail`: what the CRM has to be told, and what became of it."""

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption, LimitOption
from fallbackrouter.cli.output import complain, plain, put_json, put_table, say
from fallbackrouter.core.errors import ControlError, StoreError

if TYPE_CHECKING:
    from fallbackrouter.cli.house import House

app = typer.Typer(help="What the CRM has to be told, and what became of it.", no_args_is_help=True)

FOLLOW_S = 0.5
"""How often `tail` looks for more."""
TELL_S = 3.0
"""How long the running router is waited for."""
BEGIN_WITH = 10
COLUMNS = ("at", "did", "caller", "stage", "seq", "state", "tries", "next try", "answer", "event_id")

Row = Mapping[str, Any]


class State(StrEnum):
    """What an event can have come to."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REFUSED = "refused"
    DEAD = "dead"
    DROPPED = "dropped"


StateOption = Annotated[State | None, typer.Option("--state", help="Only events in this state.")]
DeadOption = Annotated[bool, typer.Option("--dead", help="The same as --state dead.")]
CallOption = Annotated[
    str, typer.Option("--call", metavar="ID", help="Only events of this call: its linked id, or a channel's id.")
]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[EVENT_ID]...", show_default=False)]


@app.command("list")
def list_(
    config: ConfigOption = None,
    state: StateOption = None,
    dead: DeadOption = False,
    call: CallOption = "",
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the newest events, newest first."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.events_read import list_events

    wanted = _state(state, dead=dead) or ""
    rows = asyncio.run(list_events(open_house(config).journal, limit=limit, state=wanted, call=call))
    if as_json:
        for row in rows:
            put_json(row)
    else:
        put_table("", COLUMNS, (_line(row) for row in rows))


@app.command()
def show(
    event: Annotated[str, typer.Argument(metavar="EVENT_ID", help="As `events list` tells it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one event: what is to be told, and how its delivery went."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.events_read import show_event

    row = asyncio.run(show_event(open_house(config).journal, event))
    if row is None:
        raise StoreError(f"there is no event {event}; `fallbackrouter events list` shows the newest")
    if as_json:
        put_json(row)
    else:
        _put_event(row)


@app.command()
def retry(
    event_ids: IdsArgument = None,
    config: ConfigOption = None,
    state: StateOption = None,
    dead: DeadOption = False,
    call: CallOption = "",
    as_json: JsonOption = False,
) -> None:
    """Have events that are dead or refused tried again, at once and from the beginning."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.event_changes import GIVEN_UP, Chosen, retry_events

    chosen = Chosen(tuple(event_ids or ()), _among(_state(state, dead=dead), GIVEN_UP), call)
    _require_choice(event_ids, state, call, dead=dead)
    house = open_house(config)
    if _change(house.journal, chosen, retry_events, "retried", as_json=as_json):
        _have_delivered(house)


@app.command()
def drop(
    event_ids: IdsArgument = None,
    config: ConfigOption = None,
    state: StateOption = None,
    dead: DeadOption = False,
    call: CallOption = "",
    as_json: JsonOption = False,
) -> None:
    """Give up events that are pending, dead or refused: they are kept, and not told to the CRM."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.event_changes import OPEN, Chosen, drop_events

    chosen = Chosen(tuple(event_ids or ()), _among(_state(state, dead=dead), OPEN), call)
    _require_choice(event_ids, state, call, dead=dead)
    _change(open_house(config).journal, chosen, drop_events, "dropped", as_json=as_json)


@app.command()
def tail(
    config: ConfigOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="End after so many; else go on until Ctrl-C.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show events as they are stored, oldest first, beginning with the last ten."""
    from fallbackrouter.cli.house import open_house

    journal = open_house(config).journal
    asyncio.run(_follow(journal, limit, as_json=as_json))


async def _follow(journal: Any, limit: int | None, *, as_json: bool) -> None:
    from fallbackrouter.store.events_read import events_behind, latest_events

    shown = 0
    rows, place = await latest_events(journal, min(BEGIN_WITH, limit or BEGIN_WITH))
    while True:
        for row in rows:
            put_json(row) if as_json else say(plain("  ".join(map(str, _line(row)))))
            shown += 1
            if limit is not None and shown >= limit:
                return
        await asyncio.sleep(FOLLOW_S)
        rows, place = await events_behind(journal, place)


def _state(state: State | None, *, dead: bool) -> str | None:
    if dead and state not in {None, State.DEAD}:
        raise typer.BadParameter("--dead and --state name two states; give one of them")
    return "dead" if dead else state and state.value


def _among(state: str | None, possible: Sequence[str]) -> tuple[str, ...]:
    """Return the states that are meant.

    Raises:
        typer.BadParameter: nothing can be done about events in this state.
    """
    if state is None:
        return tuple(possible)
    if state not in possible:
        raise typer.BadParameter(f"events that are {state} stay so; choose from {', '.join(possible)}")
    return (state,)


def _require_choice(event_ids: object, state: object, call: str, *, dead: bool) -> None:
    if not (event_ids or state or call or dead):
        raise typer.BadParameter("say which: event ids, --call, --state or --dead")


def _have_delivered(house: "House") -> None:
    """Have the running router send what is due, and say what it waits for."""
    from fallbackrouter.control.client import command

    try:
        waits = str(command(house.data_dir, {"do": "deliver"}, within_s=TELL_S).get("waits") or "")
    except ControlError as error:
        waits = str(error)
    if waits:
        complain(f"not sent yet: {plain(waits)}")


def _change(journal: Any, chosen: Any, change: Any, done: str, *, as_json: bool) -> int:
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.store.event_changes import change_chosen

    count: int = change_chosen(journal, chosen, change, SystemClock().now_at())
    if as_json:
        put_json({"v": 1, done: count})
    else:
        say(f"{count} {'event' if count == 1 else 'events'} {done}")
    return count


def _line(row: Row) -> tuple[object, ...]:
    return (
        row["at"],
        row["did"],
        row["caller"] or "withheld",
        row["stage"],
        row["seq"],
        row["state"],
        row["attempts"],
        row["due_at"] or "-",
        row["answer"] or "-",
        row["event_id"],
    )


def _put_event(row: Row) -> None:
    """Print an event's facts, one a line, what the dialplan told last; those that are not known are left out."""
    details = row["details"]
    told = ((name, value) for name, value in row.items() if name not in {"v", "details", "tries"})
    facts = [(name, value) for name, value in told if value not in {None, ""}]
    facts += [(name, value) for name, value in details.items() if name not in {"extra", "notes"}]
    facts += details.get("extra", {}).items()
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        say(plain(f"{name:<{width}} {_shown(value)}"))
    for note in details.get("notes", ()):
        say(plain(f"note: {note}"))
    for one in row["tries"]:
        took = "" if one["took_ms"] is None else f", {one['took_ms']} ms"
        say(plain(f"earlier try: {one['at'] or 'at a time that is not known'}{took}: {one['answer'] or '-'}"))


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={part}" for name, part in value.items())
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
