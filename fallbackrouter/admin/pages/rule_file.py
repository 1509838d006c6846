"""`/rules/files/{name}`: a file of rules is edited, tried, and saved where nobody else saved meanwhile."""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.acts import drafts
from fallbackrouter.admin.acts import rules as acts
from fallbackrouter.admin.guard import form_of, visitor_of
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.acted import acted
from fallbackrouter.admin.pages.page import page, words_of
from fallbackrouter.admin.pages.rules import COMPARE, difference_rows
from fallbackrouter.admin.problem import Problem
from fallbackrouter.office.rule_files import ABSENT, RuleFile, StaleError, read_rule_file, unified
from fallbackrouter.rulesfile.desk import UncheckedError

CHECK, DIFF, BACKTEST = "check", "diff", "backtest"
MAX_EXCERPT_CHARS = 160


class RuleFiles:
    """Answers what is under `/rules/files`."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def page(self, request: Request) -> Response:
        """The editor, with the file as it is."""
        file = await self._read(request)
        return _editor(request, file.name, file.text, file.state)

    async def attempt(self, request: Request) -> Response:
        """The editor with what was typed, and what would come of it: `do`, `text`, `state`."""
        name, text, state = await _typed(request)
        do = (await form_of(request)).get("do", "")
        if do not in {CHECK, DIFF, BACKTEST}:
            raise Problem(422, f"do is one of {CHECK}, {DIFF}, {BACKTEST}")
        try:
            found = await self._tried(do, name, text)
        except UncheckedError as unchecked:
            found = {"checked": drafts.problems_told(unchecked.problems)}
        return _editor(request, name, text, state, **found)

    async def _tried(self, do: str, name: str, text: str) -> dict[str, Any]:
        if do == CHECK:
            return {"checked": drafts.told(await drafts.check(self._house, name, text))}
        if do == BACKTEST:
            return {"report": await drafts.backtest(self._house, name, text)}
        now = (await self._house.quick.run(read_rule_file, self._house.office, name)).text
        changed = difference_rows(await drafts.compare(self._house, name, text))
        return {"differences": changed, "diff": unified(name, now, text)}

    async def save(self, request: Request) -> Response:
        """Save it, and go on to what that would change; what is refused comes back as it was typed."""
        name, text, state = await _typed(request)
        try:
            await acts.save(self._house, visitor_of(request), name, text, state)
        except StaleError as stale:
            # A second save is meant, once the difference was seen: it names the state that the difference is to.
            return _editor(request, name, text, stale.state, status=412, stale=True, diff=stale.diff)
        except UncheckedError as unchecked:
            told = drafts.problems_told(unchecked.problems)
            return _editor(request, name, text, state, status=422, unsaved=True, checked=told)
        words = words_of(request)
        return acted(request, words.t("{name} is saved. It serves once it is applied.", name=name), COMPARE)

    async def _read(self, request: Request) -> RuleFile:
        return await self._house.quick.run(read_rule_file, self._house.office, request.path_params["name"])


async def _typed(request: Request) -> tuple[str, str, str]:
    """Return name, text and state; browsers end lines as DOS does."""
    form = await form_of(request)
    return request.path_params["name"], form.get("text", "").replace("\r\n", "\n"), form.get("state", "")[:100]


def _editor(request: Request, name: str, text: str, state: str, status: int = 200, **found: Any) -> Response:
    lines = text.split("\n")
    nothing = {"checked": None, "differences": None, "report": None, "diff": "", "stale": False, "unsaved": False}
    values: dict[str, Any] = {**nothing, **found}
    problems = values["checked"]["problems"] if values["checked"] else []
    marks = {one["line"]: one["severity"] for one in reversed(problems) if one["file"] == name}
    for one in problems:
        one["excerpt"] = _excerpt(lines, one) if one["file"] == name else ""
    return page(
        request,
        "rule_file.html",
        status,
        file=name,
        quoted=quote(name, safe=""),
        text=text,
        state=state,
        new=state == ABSENT,
        count=len(lines),
        marks=marks,
        **values,
    )


def _excerpt(lines: list[str], problem: dict[str, Any]) -> str:
    """Return the line that a problem is in, and a caret below its column."""
    if not 1 <= problem["line"] <= len(lines) or problem["column"] > MAX_EXCERPT_CHARS:
        return ""
    line = lines[problem["line"] - 1][:MAX_EXCERPT_CHARS].expandtabs(1)
    return f"{line}\n{' ' * (problem['column'] - 1)}^" if line.strip() else ""
