"""The options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help=(
            "The configuration file; without it FALLBACKROUTER_CONFIG names it, "
            "else it is ./fallbackrouter.toml or /etc/fallbackrouter/config.toml."
        ),
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")]
