"""`drill`: lets the running router treat its CRM as failing, for a while."""

import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from fallbackrouter.cli.options import ConfigOption
from fallbackrouter.cli.output import say
from fallbackrouter.core.errors import ControlError

LOOK_S = 0.5
"""How often the router is asked for what is left."""
WITHIN_S = 10.0
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h)?")
_UNITS = {None: 1, "s": 1, "m": 60, "h": 3600}


def drill(
    fault: Annotated[str, typer.Option("--fault", help="dns, connect, hang, slow, error or garbage.")] = "",
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 60s, 5m, at most 1h.")] = "",
    share: Annotated[float, typer.Option("--share", help="Of the questions to the CRM, above 0 to 1.")] = 1.0,
    end: Annotated[bool, typer.Option("--end", help="End the drill that is on.")] = False,
    config: ConfigOption = None,
) -> None:
    """Test the insurance: the running router treats its CRM as failing, for a while; Ctrl-C ends it."""
    from fallbackrouter.cli.house import open_house

    if end == bool(fault or for_) or bool(fault) != bool(for_):
        raise typer.BadParameter("name --fault and --for, or --end alone")
    if not end:
        for_s = _seconds(for_)
        _check(fault, share)
    data_dir = open_house(config).data_dir
    if end:
        say("the drill is over" if _tell(data_dir, {"do": "drill_end"})["ended"] else "no drill is on")
        return
    _carry_out(data_dir, {"do": "drill", "fault": fault, "for_s": for_s, "share": share})


def _seconds(text: str) -> float:
    from fallbackrouter.crm.drill import MAX_S

    found = _LENGTH.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= MAX_S:
        raise typer.BadParameter("--for is a length of time such as 60s or 5m, at most 1h")
    return seconds


def _check(fault: str, share: float) -> None:
    from fallbackrouter.crm.drill import FAULTS

    if fault not in FAULTS:
        raise typer.BadParameter(f"--fault is one of {', '.join(FAULTS)}")
    if not 0 < share <= 1:
        raise typer.BadParameter("--share is above 0, at most 1")


def _carry_out(data_dir: Path, order: dict[str, Any]) -> None:
    """Begin the drill and stay until it is over; Ctrl-C ends it, also while it begins."""
    number = None
    try:
        began = _tell(data_dir, order)
        number = began["number"]
        _show(began)
        _watch(data_dir, number)
    except KeyboardInterrupt:
        _tell(data_dir, {"do": "drill_end", **({"number": number} if number is not None else {})})
    _put("the drill is over\n")


def _watch(data_dir: Path, number: int) -> None:
    while True:
        time.sleep(LOOK_S)
        now = _tell(data_dir, {"do": "status"})["drill"]
        if now is None or now["number"] != number:
            return
        if sys.stdout.isatty():
            _show(now)


def _show(now: dict[str, Any]) -> None:
    line = f"drill: {now['fault']}, {now['share'] * 100:.4g} % of the questions, {now['left_s']:.0f} s left"
    _put(line + (", Ctrl-C ends it" if sys.stdout.isatty() else "; it ends by itself\n"))


def _put(text: str) -> None:
    """Write over the line that counts down, on a terminal."""
    sys.stdout.write(f"\r\x1b[K{text}" if sys.stdout.isatty() else text)
    sys.stdout.flush()


def _tell(data_dir: Path, message: dict[str, Any]) -> dict[str, Any]:
    from fallbackrouter.control.client import command

    try:
        return command(data_dir, message, within_s=WITHIN_S)
    except ControlError:
        if sys.stdout.isatty():
            _put("\n")
        raise
