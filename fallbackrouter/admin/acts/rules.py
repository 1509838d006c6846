"""Save, apply, rollback, pin and unpin of rules."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from fallbackrouter.admin.acts.drafts import told
from fallbackrouter.admin.audited import audited
from fallbackrouter.admin.house import House
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import Visitor
from fallbackrouter.core.errors import ControlError, RefusedError
from fallbackrouter.jobs.rules_back import WentBack, go_back
from fallbackrouter.office import pins
from fallbackrouter.office.rule_files import save_rule_file
from fallbackrouter.office.rules import history
from fallbackrouter.rulesfile.check import Checked

APPLY_S = 70.0
TELL_S = 15.0


async def save(house: House, visitor: Visitor, name: str, text: str, state: str) -> Checked:
    """Save a file of rules and return what the check found.

    Args:
        state: the state of the file that was read.

    Raises:
        StaleError: somebody else saved meanwhile.
        UncheckedError: the rules would not check with it.
    """
    async with audited(house, visitor, "rules save", name) as entry:
        former, checked = await house.slow.run(save_rule_file, house.office, name, text, state)
        entry.before, entry.after = former.text, text
    return checked


async def apply(house: House, visitor: Visitor) -> dict[str, Any]:
    """Have the files taken over; return whether that changed anything, and how many rules serve.

    Raises:
        Problem: they do not check.
        ControlError: the service does not answer.
    """
    async with audited(house, visitor, "rules apply") as entry:
        entry.before = {"serving": await house.quick.run(_newest, house.office.journal)}
        try:
            found = await house.snapshot.command({"do": "apply"}, APPLY_S)
        except RefusedError as refusal:
            checked = await house.slow.run(house.office.check, house.office.rules_dir)
            if checked.ok:
                raise
            raise Problem(422, str(refusal), problems=told(checked)["problems"]) from None
        entry.after = {"serving": await house.quick.run(_newest, house.office.journal), "rules": found["rules"]}
    return {"changed": found["changed"], "rules": found["rules"]}


async def rollback(
    house: House, visitor: Visitor, number: int | None, *, keep_files: bool = False
) -> tuple[WentBack, str]:
    """Let former rules serve again; return what became of it, and why the workers do not have them yet.

    Raises:
        RulesError: there are no such rules.
    """
    async with audited(house, visitor, "rules rollback", str(number or "")) as entry:
        entry.before = {"serving": await house.quick.run(_newest, house.office.journal)}

        def back() -> WentBack:
            office = house.office
            return go_back(office.journal, office.rules_dir, number, house.clock.now_at(), keep_files=keep_files)

        went = await house.slow.run(back)
        entry.after = went_json(went)
    return went, await _tell(house)


def went_json(went: WentBack) -> dict[str, Any]:
    """Return what became of a rollback, for programs."""
    return {
        "to": went.to,
        "number": went.number,
        "rules": went.count,
        "files": went.files,
        "why_not": went.why_not,
    }


async def pin(
    house: House, visitor: Visitor, did: str, to: Sequence[str], length: timedelta, *, time: str = "", why: str = ""
) -> tuple[pins.Pinned, str]:
    """Send all calls to a number elsewhere for a while; return the pin, and why the workers do not have it yet.

    Args:
        to: one or two places, such as `group:62`.
        time: how long the first place rings, in seconds; "": as the exchange has it.

    Raises:
        RulesError: it does not check, or cannot be kept.
    """

    def pinned() -> pins.Pinned:
        return pins.pin(house.office, did, pins.read_routes(to, time), length, house.clock.now_at(), why=why)

    async with audited(house, visitor, "rules pin", did) as entry:
        done = await house.slow.run(pinned)
        entry.after = {"did": did, "to": to, "until": done.until.isoformat(), "time": time, "why": why}
    return done, await _tell(house)


async def unpin(house: House, visitor: Visitor, pinned: str) -> tuple[list[str], str]:
    """End the pins of a number, or the pin of a name; return their names; raises RulesError where there are none."""
    async with audited(house, visitor, "rules unpin", pinned) as entry:
        ended = await house.slow.run(pins.unpin, house.office, pinned, house.clock.now_at())
        entry.before = {"pins": ended}
    return ended, await _tell(house)


def _newest(journal: Path) -> Any:
    return next(history(journal), None)


async def _tell(house: House) -> str:
    """Have the workers take the rules that were kept last, and return why they do not yet, "" where they did."""
    try:
        await house.snapshot.command({"do": "rules_changed"}, TELL_S)
    except ControlError as error:
        return f"they serve from the router's next start ({error})"
    return ""
