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
    from fallbackrouter.jobs.sync import sync_file
    from fallbackrouter.numbering import Numbering

    house = open_house(config)
    if not dry_run:
        house.make_data_dir()
    summary = sync_file(
        source,
        house.routes,
        gate=build_gate(house.settings),
        read_number=Numbering(house.settings.numbers.region).read,
        load_zone=load_zone,
        default_zone=default_zone(house.settings),
        max_shrink=1.0 if force else house.settings.sync.max_shrink,
        allow_empty=force,
        dry_run=dry_run,
        clock=SystemClock(),
    )
    for reject in summary.rejects[:20]:
        complain(f"set aside: row {reject.row_id}: {reject.reason}")
    if len(summary.rejects) > 20:  # noqa: PLR2004 - enough to see what is wrong
        complain(f"… and {len(summary.rejects) - 20} more")
    say(
        f"{summary.taken} routes taken, {len(summary.rejects)} set aside"
        + (" (dry run: nothing changed)" if dry_run else "")
    )
    if not dry_run:
        try:
            command(house.data_dir, {"do": "routes_changed"}, within_s=30.0)
        except ControlError as error:
            say(f"the routes serve from the router's next start ({error})")
