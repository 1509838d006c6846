"""`ask`: plays Asterisk against the running service."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.core.errors import ControlError

WAIT_S = 5.0
"""How long `ask` waits for an answer; a router that works needs far less."""
LINE_BYTES = 8192


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

    house = open_house(config)
    address = connect or _running_address(house.data_dir, house.settings.agi.listen)
    variables = _play_asterisk(address, did, caller, stage)
    decision = _recorded(house.journal, variables.get("FR_DECISION", ""))
    if as_json:
        put_json({"v": 1, "variables": variables, "decision": decision})
        return
    put_table("variables", ("name", "value"), variables.items())
    if decision is None:
        say("the decision is not on record yet; `fallbackrouter decisions show " + variables["FR_DECISION"] + "`")
    else:
        from fallbackrouter.cli.decisions import put_decision

        put_decision(decision)


def _running_address(data_dir: Path, configured: list[str]) -> str:
    """Return where the running service listens; the configuration's word where it cannot be asked."""
    from fallbackrouter.control.client import command

    try:
        listen = command(data_dir, {"do": "status"}, within_s=2.0).get("listen")
    except ControlError:
        return configured[0]
    return str(listen[0]) if isinstance(listen, list) and listen else configured[0]


def _play_asterisk(address: str, did: str, caller: str, stage: str) -> dict[str, str]:
    from fallbackrouter.agi.peer import header_block, read_command
    from fallbackrouter.clock import SystemClock

    host, _, port = address.rpartition(":")
    block = header_block(
        "test",
        (did, stage),
        caller=caller or "unknown",
        call_id=f"ask-{SystemClock().new_id()}",
        extension=did,
    )
    variables: dict[str, str] = {}
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=WAIT_S) as connection:
            connection.sendall(block)
            lines = connection.makefile("rb")
            while line := lines.readline(LINE_BYTES):
                variables.update(read_command(line))
                connection.sendall(b"200 result=1\n")
    except ConnectionError as error:
        if not variables.get("FR_SOURCE"):
            raise ControlError(
                f"nothing answers at {address} ({error.strerror}); start it with `fallbackrouter serve`"
            ) from None
    except TimeoutError:
        raise ControlError(
            f"{address} did not answer within {WAIT_S:.0f} s; see its log and `fallbackrouter doctor`"
        ) from None
    if not variables.get("FR_SOURCE"):
        raise ControlError(f"{address} closed the connection without an answer; is this address in agi.allow?")
    return variables


def _recorded(journal: Path, decision: str) -> dict[str, Any] | None:
    """Return the decision once it is on record, with its times; None where it does not come."""
    from fallbackrouter.store.decisions import show_decision

    row = None
    for _ in range(20):
        row = asyncio.run(show_decision(journal, decision))
        if row is not None and row["ms"] is not None:
            break
        time.sleep(0.1)
    return row
