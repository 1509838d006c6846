"""`rules history` and `rules rollback`."""

from typing import Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import complain, put_json, put_table, say
from fallbackrouter.cli.rules_serve import open_journal, tell_router

COLUMNS = ("number", "at", "rules", "by", "serves", "files")


def history(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the rules that were applied, newest first; the newest serve."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.office import rules

    rows = rules.history(open_house(config).journal)
    if as_json:
        for row in rows:
            put_json({"v": 1, **row})
    else:
        put_table("", COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


def rollback(
    number: Annotated[int | None, typer.Argument(metavar="[N]", help="As `rules history` tells it.")] = None,
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Leave the rule files as they are.")] = False,
    config: ConfigOption = None,
) -> None:
    """Let rules serve again that served before, and put their files back; without N, those before the present ones."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.jobs.rules_back import go_back

    house = open_house(config)
    open_journal(house)
    back = go_back(house.journal, house.rules_dir, number, SystemClock().now_at(), keep_files=keep_files)
    tell_router(house, f"{back.count} rules of number {back.to}")
    if back.aside is not None:
        say(f"edits that were never applied lie in {back.aside}")
    if back.files:
        say(f"the files in {house.rules_dir} are those of number {back.to} again")
        return
    complain(
        f"the files in {house.rules_dir} are still what was rolled back ({back.why_not}); a restart leaves them alone, "
        "`fallbackrouter rules apply` takes them over"
    )
