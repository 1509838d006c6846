"""`ask`: plays Asterisk against the running service."""

from typing import Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say


def ask(
    did: Annotated[str, typer.Argument(help="The dialled number.")],
    caller: Annotated[str, typer.Option("--caller", help="Who calls; without it the number is withheld.")] = "",
    stage: Annotated[str, typer.Option("--stage", help="The point of the call.")] = "init",
    connect: Annotated[
        str, typer.Option("--connect", metavar="IP:PORT", help="Ask the router that listens there.")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the running router where a call would go, as Asterisk does; counts in no statistics."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.office.ask import play_asterisk, recorded, running_address

    house = open_house(config)
    address = connect or running_address(house.data_dir, house.settings.agi.listen)
    variables = play_asterisk(address, did, caller, stage)
    decision = recorded(house.journal, variables.get("FR_DECISION", ""))
    if as_json:
        put_json({"v": 1, "variables": variables, "decision": decision})
        return
    put_table("variables", ("name", "value"), variables.items())
    if decision is None:
        say("the decision is not on record yet; `fallbackrouter decisions show " + variables["FR_DECISION"] + "`")
    else:
        from fallbackrouter.cli.decisions import put_decision

        put_decision(decision)
