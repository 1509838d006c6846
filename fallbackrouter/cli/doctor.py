"""`doctor`: looks at everything that a call depends on, and says what to do about what is wrong."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fallbackrouter.doctor.finding import Finding


def doctor(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    did: Annotated[
        str, typer.Option("--did", metavar="NUMBER", help="The dialled number of the test questions.")
    ] = "0000000000",
    dialplan: Annotated[
        list[Path] | None,
        typer.Option("--dialplan", metavar="FILE", help="Look at this dialplan instead of those in /etc/asterisk."),
    ] = None,
) -> None:
    """Examine configuration, rules, journal, CRM, clock, disk, service and dialplan, side by side; exit 1 on fail."""
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.doctor.examine import Wishes, examine

    findings = examine(Wishes(did, config, tuple(dialplan or ())), os.environ, SystemClock())
    failed = any(finding.level == "fail" for finding in findings)
    if as_json:
        rows = [{"check": one.check, "level": one.level, "what": one.what, "remedy": one.remedy} for one in findings]
        put_json({"v": 1, "ok": not failed, "findings": rows})
    else:
        _put(findings)
    if failed:
        raise typer.Exit(1)


def _put(findings: "Sequence[Finding]") -> None:
    put_table("", ("check", "", "what was seen", "what to do"), (_row(one) for one in findings))
    count = {level: sum(one.level == level for one in findings) for level in ("fail", "warn")}
    say(f"{count['fail']} failed, {count['warn']} warned")


def _row(finding: "Finding") -> tuple[str, str, str, str]:
    return finding.check, finding.level, finding.what, finding.remedy
