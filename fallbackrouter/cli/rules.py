"""`rules`: what there is to call; and `rules apply`."""

import typer

from fallbackrouter.cli import rules_check, rules_edit, rules_history, rules_list, rules_pin, rules_try
from fallbackrouter.cli.options import ConfigOption
from fallbackrouter.cli.rules_serve import apply_files, check_files, serving_rules

__all__ = ["app", "check_files", "serving_rules"]

app = typer.Typer(help="The admin's static rules.", no_args_is_help=True)

app.command()(rules_check.check)


@app.command()
def apply(config: ConfigOption = None) -> None:
    """Check the rule files, keep them as the rules that serve, and tell the running router."""
    from fallbackrouter.cli.house import open_house

    apply_files(open_house(config), "rules apply")


app.command("list")(rules_list.list_)
app.command()(rules_list.show)
app.command()(rules_edit.add)
app.command()(rules_edit.edit)
app.command()(rules_edit.remove)
app.command()(rules_pin.pin)
app.command()(rules_pin.unpin)
app.command()(rules_try.diff)
app.command()(rules_try.backtest)
app.command()(rules_history.history)
app.command()(rules_history.rollback)
