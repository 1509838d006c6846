"""What the log says of checked rule files; loud where calls are served by fewer rules than the admin thinks."""

from fallbackrouter.jobs.rules_apply import Applied
from fallbackrouter.log import Log

MAX_TOLD = 50
"""The most problems that are logged one by one."""


def tell_of(applied: Applied, rules_log: Log) -> None:
    """Log every problem, and what that means for calls."""
    for problem in applied.problems[:MAX_TOLD]:
        (rules_log.error if problem.severity == "error" else rules_log.warning)(problem.text)
    if len(applied.problems) > MAX_TOLD:
        rules_log.error(
            "more problems are not shown; `fallbackrouter rules check` names all", all=len(applied.problems)
        )
    if applied.held:
        rules_log.warning(
            "the rule files are those that were rolled back, and are left alone; correct them, or take them over all "
            "the same by `fallbackrouter rules apply`",
            rules=applied.count,
        )
    if applied.ok:
        return
    if applied.count is None:
        rules_log.error(
            "NO RULES SERVE: the rule files have errors, and no good set was ever stored; correct them and run "
            "`fallbackrouter rules apply`, until then calls get the CRM's answer or the last resort"
        )
    else:
        rules_log.error("the rule files have errors; the last good rules serve on", rules=applied.count)
