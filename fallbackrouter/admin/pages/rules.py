"""`/rules`: what serves, the files, pins, what was before; and what is done to them but for editing a file."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fallbackrouter.admin.acts import drafts
from fallbackrouter.admin.acts import rules as acts
from fallbackrouter.admin.guard import form_of, visitor_of
from fallbackrouter.admin.house import House
from fallbackrouter.admin.pages.acted import acted
from fallbackrouter.admin.pages.page import page, words_of
from fallbackrouter.admin.problem import Problem
from fallbackrouter.jobs.rules_differ import Difference
from fallbackrouter.jobs.rules_pin import is_pin
from fallbackrouter.office import rules
from fallbackrouter.office.pins import MAX_LENGTH
from fallbackrouter.office.rule_files import rule_files
from fallbackrouter.rulesfile.desk import UncheckedError
from fallbackrouter.rulesfile.specs import RuleSpec
from fallbackrouter.store.hits import Hits

PATH = "/rules"
COMPARE = "/rules/compare"
MOST_ROWS = 300
"""So many rules are shown; those behind are counted, and stand in the files."""
PIN_FOR = timedelta(hours=2)
"""What the form proposes."""
MAX_NUMBER_DIGITS = 15


class Rules:
    """Answers what is under `/rules`, but for the files."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def page(self, request: Request) -> Response:
        """The rules that serve, the files, pins and history."""
        house = self._house
        files = await house.quick.run(rule_files, house.office)
        history = await house.quick.run(lambda: list(rules.history(house.office.journal)))
        serving = await house.slow.run(self._serving)
        until = house.clock.now_at().astimezone(house.office.zone) + PIN_FOR
        return page(
            request,
            "rules.html",
            files=[{"name": file.name, "lines": len(file.text.splitlines())} for file in files],
            history=history,
            until=until.strftime("%Y-%m-%dT%H:%M"),
            zone_name=house.office.zone_name,
            most=MOST_ROWS,
            **serving,
        )

    def _serving(self) -> dict[str, Any]:
        office = self._house.office
        specs = rules.serving_rules(office) or ()
        rows = rules.rule_rows(specs, rules.hits_of(office, self._house.clock.now_at()))
        pins = [rules.rule_row(0, spec, Hits({})) | {"until": spec.valid_until} for spec in specs if is_pin(spec)]
        return {"rows": rows[:MOST_ROWS], "count": len(rows), "pins": pins, "days": rules.DAYS}

    async def compare(self, request: Request) -> Response:
        """What the files would change; with `backtest` also which calls on record would go elsewhere."""
        values: dict[str, Any] = {"checked": None, "differences": None, "report": None}
        try:
            values["differences"] = difference_rows(await drafts.compare(self._house, "", ""))
            if "backtest" in request.query_params:
                values["report"] = await drafts.backtest(self._house, "", "")
        except UncheckedError as unchecked:
            values["checked"] = drafts.problems_told(unchecked.problems)
        return page(request, "rules_compare.html", **values)

    async def apply(self, request: Request) -> Response:
        """Have the files serve."""
        found = await acts.apply(self._house, visitor_of(request))
        words = words_of(request)
        if not found["changed"]:
            return acted(request, words.t("Nothing to apply: the files are what serves."), PATH)
        said = words.n("Applied: {count} rule serves.", "Applied: {count} rules serve.", count=found["rules"])
        return acted(request, said, PATH)

    async def rollback(self, request: Request) -> Response:
        """Let the rules of a number serve again, once what that changes was seen.

        `sure` is the number of the rules that served when it was: where others serve by now, it is shown anew.
        """
        form = await form_of(request)
        number = form.get("number", "")
        if not (number.isascii() and number.isdecimal() and len(number) <= MAX_NUMBER_DIGITS):
            raise Problem(422, "number is that of rules in the history")
        serving, found = await drafts.compare_back(self._house, int(number))
        if form.get("sure") != str(serving):
            seen = {"number": int(number), "serving": serving, "stale": "sure" in form}
            return page(request, "rules_back.html", differences=difference_rows(found), **seen)
        went, waits = await acts.rollback(self._house, visitor_of(request), int(number))
        words = words_of(request)
        said = [words.t("The rules of number {number} serve again.", number=went.to)]
        if not went.files:
            said.append(words.t("Their files are not in the folder again: {why}.", why=words.told(went.why_not)))
        return acted(request, " ".join((*said, words.told(waits))).strip(), PATH)

    async def pin(self, request: Request) -> Response:
        """Send a number's calls elsewhere until a moment: `did`, `to`, `next`, `time`, `until`, `why`."""
        form = await form_of(request)
        did, to = form.get("did", "").strip(), [form.get(name, "").strip() for name in ("to", "next")]
        if not did or not to[0]:
            raise Problem(422, "say which number is pinned, and where to")
        now = self._house.clock.now_at()
        length = self._until(form.get("until", "")) - now
        if not timedelta() < length <= MAX_LENGTH:
            raise Problem(422, f"a pin ends in the future, at most {MAX_LENGTH.days} days from now")
        places, time, why = [one for one in to if one], form.get("time", "").strip(), form.get("why", "")[:200]
        pinned, waits = await acts.pin(self._house, visitor_of(request), did, places, length, time=time, why=why)
        words = words_of(request)
        until = pinned.until.strftime("%Y-%m-%d %H:%M")
        said = [words.t("{did} goes to {to} until {until}.", did=did, to=", ".join(places), until=until)]
        if not pinned.asked:
            said.append(words.t("But its policy asks no overrides: the pin does nothing."))
        return acted(request, " ".join((*said, words.told(waits))).strip(), PATH)

    def _until(self, text: str) -> datetime:
        try:
            until = datetime.fromisoformat(text.strip())
        except ValueError:
            raise Problem(422, "until is a moment such as 2026-11-23T18:00") from None
        return until if until.tzinfo else until.replace(tzinfo=self._house.office.zone)

    async def unpin(self, request: Request) -> Response:
        """End a pin now: `pinned`, its name."""
        ended, waits = await acts.unpin(self._house, visitor_of(request), (await form_of(request)).get("pinned", ""))
        words = words_of(request)
        said = words.t("Ended: {pins}.", pins=", ".join(ended))
        return acted(request, f"{said} {words.told(waits)}".strip(), PATH)

    async def new(self, request: Request) -> Response:
        """Lead to the editor of a file that is not there yet."""
        return RedirectResponse(f"/rules/files/{quote(request.query_params.get('name', '')[:100], safe='')}", 303)


def difference_rows(found: list[Difference]) -> list[dict[str, Any]]:
    """Return differences for the page; at most `MOST_ROWS`."""
    return [
        {
            "kind": one.kind,
            "tier": one.tier,
            "name": one.name,
            "changed": one.keys,
            "rule": _rule(one.after or one.before),
        }
        for one in found[:MOST_ROWS]
    ]


def _rule(spec: RuleSpec | None) -> dict[str, Any]:
    return rules.rule_row(0, spec, Hits({})) if spec else {}
