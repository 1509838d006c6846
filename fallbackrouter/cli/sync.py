"""`sync`: takes the CRM's routes over, from its feed or from a file."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import complain, put_json, say
from fallbackrouter.cli.progress import Progress
from fallbackrouter.core.errors import ConfigError, ControlError

if TYPE_CHECKING:
    from fallbackrouter.cli.house import House
    from fallbackrouter.jobs.sync_once import Outcome

MAX_SHOWN = 20
"""Rows set aside that are shown after a sync; `--rejects` shows all that were kept."""


def sync(
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A feed file, JSON or NDJSON, instead of the CRM.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Ask for all routes, not for what has changed.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Take over a feed that drops many routes, or all.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the feed, and change nothing.")] = False,
    rejects: Annotated[
        bool, typer.Option("--rejects", help="Sync nothing; show the rows that the last feed had set aside, and why.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the CRM's routes over; the former ones serve until the new ones are whole."""
    from fallbackrouter.cli.house import open_house

    house = open_house(config)
    if rejects:
        _show_rejects(house, as_json=as_json)
        return
    house.make_data_dir()
    with Progress("routes", all_bytes=source.stat().st_size if source and source.exists() else None) as progress:
        outcome = asyncio.run(_run(house, source, progress, full=full, force=force, dry_run=dry_run))
    _tell(outcome, dry_run=dry_run, as_json=as_json)
    if outcome.new and not dry_run:
        _have_it_serve(house)


async def _run(
    house: "House", source: Path | None, progress: Progress, *, full: bool, force: bool, dry_run: bool
) -> "Outcome":
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.config.build import crm_token
    from fallbackrouter.daemon.sync_run import make_way, sync_from_crm, sync_from_file

    make_way()

    if source is not None:
        return await sync_from_file(
            house.settings,
            base=house.loaded.base,
            source=source,
            clock=SystemClock(),
            force=force,
            dry_run=dry_run,
            on_progress=progress.at,
        )
    if not house.settings.crm.routes_url:
        raise ConfigError("crm.routes_url is not set; set it, or take routes from a file with --from FILE")
    return await sync_from_crm(
        house.settings,
        base=house.loaded.base,
        token=crm_token(house.loaded),
        clock=SystemClock(),
        full=full,
        force=force,
        dry_run=dry_run,
        on_progress=progress.at,
    )


def _tell(outcome: "Outcome", *, dry_run: bool, as_json: bool) -> None:
    from fallbackrouter.daemon.sync_process import told

    if as_json:
        put_json({"v": 1, "dry_run": dry_run, **told(outcome)})
        return
    changes = outcome.changes
    if changes is None:
        say(f"nothing new: the routes are as the CRM has them ({outcome.took_s:.1f} s)")
        return
    for reject in outcome.rejects[:MAX_SHOWN]:
        complain(f"set aside: row {reject.row_id}: {reject.reason}")
    if outcome.set_aside > MAX_SHOWN:
        complain(f"… and {outcome.set_aside - MAX_SHOWN} more; `fallbackrouter sync --rejects` shows them")
    say(
        f"{changes.count} routes: {changes.added} added, {changes.changed} changed, {changes.removed} removed, "
        f"{changes.unchanged} unchanged, {outcome.set_aside} set aside, {outcome.took_s:.1f} s"
        + (" (dry run: nothing changed)" if dry_run else "")
    )


def _have_it_serve(house: "House") -> None:
    from fallbackrouter.control.client import command

    try:
        command(house.data_dir, {"do": "routes_changed"}, within_s=30.0)
    except ControlError as error:
        complain(f"the routes serve from the router's next start ({error})")


def _show_rejects(house: "House", *, as_json: bool) -> None:
    from fallbackrouter.cli.output import put_table
    from fallbackrouter.jobs.sync_state import load_rejects

    kept = load_rejects(house.data_dir)
    if as_json:
        for reject in kept:
            put_json({"v": 1, "id": reject.row_id, "reason": reject.reason})
    elif kept:
        put_table("", ("row", "reason"), ((reject.row_id, reject.reason) for reject in kept))
    else:
        say("the last feed had no row set aside")
