"""`decisions stats`: how many by tier and by hour, how long they took, and how many were answered locally."""

from typing import TYPE_CHECKING

from fallbackrouter.cli.filters import (
    CallerOption,
    DidOption,
    DrillOption,
    RuleOption,
    SinceOption,
    SlowOption,
    SourceOption,
    StatusOption,
    UntilOption,
    wanted_of,
)
from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say

if TYPE_CHECKING:
    from fallbackrouter.store.statistics import Share, Statistics

DEFAULT_SINCE = "24h"
BAR_COLUMNS = 40


def stats(
    did: DidOption = "",
    caller: CallerOption = "",
    source: SourceOption = "",
    status: StatusOption = "",
    rule: RuleOption = "",
    since: SinceOption = DEFAULT_SINCE,
    until: UntilOption = "",
    slow: SlowOption = "",
    drill: DrillOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add decisions up, those of the last 24 hours unless told; the filters are those of `list`."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.office.stats import stats_json
    from fallbackrouter.store.statistics import statistics

    house = open_house(config)
    numbers = {"did": did, "caller": caller}
    times = {"since": since, "until": until, "slow": slow}
    wanted = wanted_of(house, **numbers, **times, source=source, status=status, rule=rule, drill=drill)
    found = statistics(house.journal, wanted, house.office.zone)
    if as_json:
        put_json(stats_json(found))
    else:
        _show(found)


def _show(found: "Statistics") -> None:
    total = found.all.count
    if not total:
        say("there are no such decisions; `--since 30d` looks further back than the last 24 hours")
        return
    rows = [_tier_line(name, share, total) for name, share in (*found.tiers.items(), ("all", found.all))]
    put_table("by tier", ("tier", "decisions", "share", "p50 ms", "p95 ms", "p99 ms", ""), rows)
    say(f"answered locally: {found.local:,} of {total:,} ({found.local / total:.1%}); degraded: {found.degraded:,}")
    most = max(count for count, _ in found.hours.values())
    hours = [
        (f"{hour:02}:00", f"{count:,}", f"{local / count:.1%}" if count else "", bar(count, most))
        for hour, (count, local) in sorted(found.hours.items())
    ]
    put_table("by hour of the day", ("hour", "decisions", "locally", ""), hours)


def _tier_line(name: str, share: "Share", total: int) -> tuple[object, ...]:
    return (name, f"{share.count:,}", f"{share.count / total:.1%}", *share.ms.values(), bar(share.count, total))


def bar(count: int, most: int) -> str:
    """Return a bar as long as the count's share of the most; whatever is there at all has one."""
    length = round(BAR_COLUMNS * count / most) if most else 0
    return "█" * max(length, 1 if count else 0)
