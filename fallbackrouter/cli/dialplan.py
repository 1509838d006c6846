"""`dialplan`: what Asterisk asks by, tells by, and routes by when the router is gone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fallbackrouter.cli.options import ConfigOption
from fallbackrouter.cli.output import complain, say
from fallbackrouter.core.errors import AmiError, DialplanError, RulesError

if TYPE_CHECKING:
    from fallbackrouter.cli.house import House
    from fallbackrouter.core.rule import Rule

PATIENCE_S = 10.0
"""How long Asterisk's manager interface may take to let us in."""


def dialplan(
    target: Annotated[
        Literal["asterisk", "freepbx"] | None, typer.Option("--for", help="Whose dialplan; else dialplan.target.")
    ] = None,
    events: Annotated[
        Literal["curl", "originate"] | None, typer.Option(help="How events are told; else dialplan.events.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write this file instead of printing.")] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Write dialplan.file, and have Asterisk reload it.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Print the dialplan that asks, tells, and routes by the rules where the router is gone."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.config.dialplan import dialplan_text
    from fallbackrouter.jobs.dialplan_file import write

    house = open_house(config)
    text = dialplan_text(house.settings, _rules(house), target=target or "", events=events or "")
    if install:
        _install(house, text)
    elif out is not None:
        write(out, text)
    else:
        say(text.rstrip("\n"))


def _rules(house: "House") -> "tuple[Rule, ...]":
    """Return the rules that serve; before a first start, those of the files."""
    from fallbackrouter.cli.rules import check_files, serving_rules
    from fallbackrouter.clock import load_zone
    from fallbackrouter.rulesfile.compiled import dump, load

    specs = serving_rules(house)
    if specs is None:
        checked = check_files(house)
        if not checked.ok:
            raise RulesError("the rule files do not check; `fallbackrouter rules check` names every problem")
        specs = checked.rules
    return load(dump(specs), load_zone)


def _install(house: "House", text: str) -> None:
    import asyncio

    from fallbackrouter.jobs.dialplan_file import install

    named = house.settings.dialplan.file
    if not named:
        raise DialplanError('dialplan.file is empty; write dialplan.file = "/etc/asterisk/fallbackrouter.conf"')
    path = house.loaded.file(named)
    # Asterisk is told in either case: a reload may have failed the last time.
    say(f"{path} is written" if install(path, text) else f"{path} is what it should be already")
    if not house.settings.ami.user:
        complain("ami.user is empty, so Asterisk was not told; run `asterisk -rx 'dialplan reload'`")
        return
    asyncio.run(_reload(house))
    say("Asterisk has reloaded its dialplan")


async def _reload(house: "House") -> None:
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.config.build import ami_secret
    from fallbackrouter.daemon.ami_login import ami_client

    client = ami_client(house.settings.ami, ami_secret(house.loaded), SystemClock())
    await client.start()
    try:
        if not await client.ready(PATIENCE_S):
            raise AmiError(client.fault)
        await client.reload_dialplan()
    finally:
        await client.close()
