"""`decisions list`, `show` and `tail`: what was decided, and why. Its other commands lie beside it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from fallbackrouter.cli import export, replay, stats
from fallbackrouter.cli.filters import (
    CallerOption,
    DidOption,
    DrillOption,
    RuleOption,
    SinceOption,
    SlowOption,
    SourceOption,
    StatusOption,
    UntilOption,
    wanted_of,
)
from fallbackrouter.cli.options import ConfigOption, JsonOption, LimitOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.core.errors import StoreError

app = typer.Typer(help="What was decided, and why.", no_args_is_help=True)
app.command()(stats.stats)
app.command()(export.export)
app.command()(replay.replay)

FOLLOW_S = 0.5
"""How often `tail` looks for more."""

Row = Mapping[str, Any]


@app.command("list")
def list_(
    did: DidOption = "",
    caller: CallerOption = "",
    source: SourceOption = "",
    status: StatusOption = "",
    rule: RuleOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    slow: SlowOption = "",
    drill: DrillOption = False,
    limit: LimitOption = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show decisions, newest first; of several filters all have to hold."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.search import search

    house = open_house(config)
    numbers = {"did": did, "caller": caller}
    times = {"since": since, "until": until, "slow": slow}
    wanted = wanted_of(house, **numbers, **times, source=source, status=status, rule=rule, drill=drill)
    rows = search(house.journal, wanted, limit=limit)
    if as_json:
        for row in rows:
            put_json(row)
    else:
        put_table("", COLUMNS, (_line(row) for row in rows))


@app.command()
def show(
    decision: Annotated[str, typer.Argument(metavar="ID", help="As FR_DECISION or `decisions list` tell it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one decision with its trail."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.decisions import show_decision

    row = asyncio.run(show_decision(open_house(config).journal, decision))
    if row is None:
        raise StoreError(f"there is no decision {decision}; `fallbackrouter decisions list` shows the newest")
    if as_json:
        put_json(row)
    else:
        put_decision(row)


@app.command()
def tail(
    config: ConfigOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="End after so many; else go on until Ctrl-C.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show decisions as they are made, oldest first, beginning with the last ten."""
    from fallbackrouter.cli.house import open_house

    journal = open_house(config).journal
    asyncio.run(_follow(journal, limit, as_json=as_json))


async def _follow(journal: Any, limit: int | None, *, as_json: bool) -> None:
    from fallbackrouter.store.decisions import list_decisions, newer_than

    rows = list(reversed(await list_decisions(journal, limit=min(10, limit or 10))))
    seen, shown = "", 0
    while True:
        for row in rows:
            put_json(row) if as_json else say("  ".join(str(part) for part in _line(row)))
            seen, shown = row["id"], shown + 1
            if limit is not None and shown >= limit:
                return
        await asyncio.sleep(FOLLOW_S)
        rows = await newer_than(journal, seen)


COLUMNS = ("at", "did", "caller", "stage", "source", "rule", "route", "status", "ms", "id")


def _line(row: Row) -> tuple[object, ...]:
    route = row["route"]
    where = " ".join(str(route[name]) for name in ("app", "num", "time") if route.get(name))
    ms = row["ms"]
    return (
        row["at"],
        row["did"],
        row["caller"] or "withheld",
        row["stage"],
        row["source"],
        row["rule"] or "-",
        where,
        row["status"],
        "-" if ms is None else round(ms, 1),
        row["id"],
    )


def put_decision(row: Row) -> None:
    """Print a decision's facts, and its trail as a table."""
    for name in ("id", "at", "node", "call_id", "did", "caller", "stage", "source", "rule", "status", "ms"):
        value = row[name]
        say(f"{name:<8} {'' if value is None else value}")
    say("route    " + " ".join(f"{name}={value}" for name, value in row["route"].items()))
    trail = row["trail"]
    if "next" in trail:
        say("next     " + " ".join(f"{name}={value}" for name, value in trail["next"].items()))
    put_table(
        "trail",
        ("tier", "verdict", "why", "ms"),
        ((step["tier"], step["verdict"], _why(step), step["ms"]) for step in trail["steps"]),
    )
    times = (f"{name} {ms:.1f}" for name, ms in trail["times_ms"].items() if ms is not None)
    say("ms: " + ", ".join(times))
    for note in trail.get("notes", ()):
        say(f"note: {note}")


def _why(step: Row) -> str:
    words = [step.get("reason", ""), step.get("rule", "")]
    if step.get("age_s") is not None:
        words.append(f"{step['age_s']:.0f} s old")
    words.extend(step.get("notes", ()))
    return "; ".join(word for word in words if word)
