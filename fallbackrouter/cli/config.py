"""`config check` and `config show`."""

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import complain, put_json, say

app = typer.Typer(help="Check and show the configuration.", no_args_is_help=True)


@app.command()
def check(config: ConfigOption = None) -> None:
    """Check the configuration; the first thing that is wrong is named with its remedy."""
    from fallbackrouter.cli.house import open_house

    house = open_house(config)
    for note in house.loaded.notes:
        complain(f"note: {note}")
    say(f"{house.loaded.path or 'the environment'}: the configuration is good")


@app.command()
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every setting in force, defaults included; secrets are hidden."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.config.show import shown, shown_toml

    settings = open_house(config).settings
    if as_json:
        put_json({"v": 1, **shown(settings)})
    else:
        say(shown_toml(settings))
