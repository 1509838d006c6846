"""`sync`: takes over a routes feed."""

from pathlib import Path
from typing import Annotated

import typer

from fallbackrouter.cli.options import ConfigOption
from fallbackrouter.cli.output import complain, say
from fallbackrouter.core.errors import ControlError


def sync(
    source: Annotated[Path, typer.Option("--from", metavar="FILE", help="A feed file, JSON or NDJSON.")],
    force: Annotated[bool, typer.Option("--force", help="Take over a feed that drops many routes, or all.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the feed, and change nothing.")] = False,
    config: ConfigOption = None,
) -> None:
    """Load a routes feed from a file; the former routes serve until the new ones are whole."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock, load_zone
    from fallbackrouter.config.build import build_gate, default_zone
    from fallbackrouter.control.client import command
    from fallbackrouter.jobs.feed_rows import RowReader
    from fallbackrouter.jobs.sync import Limits, sync_file
    from fallbackrouter.numbering import Numbering

    house = open_house(config)
    settings = house.settings
    house.make_data_dir()
    reader = RowReader(
        gate=build_gate(settings),
        read_number=Numbering(settings.numbers.region).read,
        plain=not settings.numbers.region,
        load_zone=load_zone,
        default_zone=default_zone(settings),
    )
    summary = sync_file(
        source,
        house.routes,
        reader=reader,
        limits=Limits(max_shrink=settings.sync.max_shrink, force=force),
        dry_run=dry_run,
        clock=SystemClock(),
    )
    for reject in summary.rejects[:20]:
        complain(f"set aside: row {reject.row_id}: {reject.reason}")
    if summary.set_aside > 20:  # noqa: PLR2004 - enough to see what is wrong
        complain(f"… and {summary.set_aside - 20} more")
    say(
        f"{summary.changes.count} routes taken, {summary.set_aside} set aside"
        + (" (dry run: nothing changed)" if dry_run else "")
    )
    if not dry_run:
        try:
            command(house.data_dir, {"do": "routes_changed"}, within_s=30.0)
        except ControlError as error:
            say(f"the routes serve from the router's next start ({error})")
