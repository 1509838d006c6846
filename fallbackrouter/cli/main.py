"""The command `fallbackrouter`: what there is to call, and how failures are told.

Exit codes: 0 done, 1 refused or failed (one sentence on stderr that says what to do), 2 wrong usage.
"""

import sys
from collections.abc import Sequence

import typer

from fallbackrouter import __version__
from fallbackrouter.cli import (
    admin,
    ask,
    calls,
    config,
    decisions,
    dialplan,
    doctor,
    drill,
    events,
    explain,
    journal,
    prompts,
    routes,
    rules,
    service,
    sync,
)
from fallbackrouter.cli.output import complain, say
from fallbackrouter.core.errors import FallbackrouterError

app = typer.Typer(
    name="fallbackrouter",
    help="Call-routing insurance for Asterisk and FreePBX: every call gets an answer in time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(service.serve)
app.command()(service.init)
app.command()(ask.ask)
app.command()(explain.explain)
app.command()(doctor.doctor)
app.command()(drill.drill)
app.add_typer(rules.app, name="rules")
app.add_typer(decisions.app, name="decisions")
app.add_typer(events.app, name="events")
app.add_typer(calls.app, name="calls")
app.add_typer(prompts.app, name="prompts")
app.add_typer(journal.app, name="journal")
app.command()(sync.sync)
app.add_typer(routes.app, name="routes")
app.command()(dialplan.dialplan)
app.add_typer(admin.app, name="admin")
app.add_typer(config.app, name="config")


@app.command()
def version() -> None:
    """Print the version."""
    say(f"fallbackrouter {__version__}")


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    try:
        app(args=list(sys.argv[1:] if argv is None else argv), prog_name="fallbackrouter")
    except FallbackrouterError as error:
        complain(f"fallbackrouter: {error}")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
