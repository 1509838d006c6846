"""The `route` of a rule -> variables and functions, through the gate."""

from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import Gate, Refused, Route, printable
from fallbackrouter.rulesfile.keys import Pairs, one_text
from fallbackrouter.rulesfile.problem import Mark, Report

_REMEDIES = {
    "num": "write a number that answers.num (for app external: answers.external) in the configuration lets through",
    "time": "write seconds, such as 60",
}


def read_route(pairs: Pairs, at: Mark, gate: Gate, report: Report) -> Route | None:
    """Check a route; every value that the gate refuses is reported.

    Args:
        at: where the route stands.

    Returns:
        None where something of it is wrong.
    """
    return _Check(pairs, at, gate, report).route()


class _Check:
    """Asks the gate again without each value that it blames, so that every bad one is named in one run."""

    def __init__(self, pairs: Pairs, at: Mark, gate: Gate, report: Report) -> None:
        self._pairs = pairs
        self._at = at
        self._gate = gate
        self._report = report
        self._fields: dict[str, str] = {}
        for name in pairs:
            scalar = one_text(pairs, name, self._tell)
            if scalar is not None:
                self._fields[name] = scalar.text

    def _tell(self, mark: Mark, what: str, remedy: str) -> None:
        self._report(mark, f"route: {what}", remedy)

    def route(self) -> Route | None:
        """Return the route, None where something of it was reported."""
        self._refuse_unknown()
        verdict = self._gate.check(self._fields)
        while isinstance(verdict, Refused):
            # A field that is missing now because it was bad has been reported already.
            if verdict.field in self._fields or verdict.field not in self._pairs:
                self._refuse(verdict)
            if self._fields.pop(verdict.field, None) is None:
                return None
            verdict = self._gate.check(self._fields)
        for note in verdict.notes:
            # A CRM's quotes are stripped and noted; in a rule somebody wrote them on purpose.
            self._tell(self._at, note, "take them out, or set answers.quotes to keep")
        return verdict.route if len(self._fields) == len(self._pairs) else None

    def _refuse_unknown(self) -> None:
        known = sorted(self._gate.variables | self._gate.functions)
        for name in [name for name in self._fields if name not in known]:
            self._tell(self._pairs[name][0], f'"{printable(name)}" is no variable', write_instead(name, known))
            del self._fields[name]

    def _refuse(self, refused: Refused) -> None:
        name = refused.field
        mark = self._pairs[name][1].mark if name in self._pairs else self._at
        self._tell(mark, refused.reason, self._remedy(name))

    def _remedy(self, name: str) -> str:
        if name == "app":
            return write_instead(self._fields.get(name, ""), self._gate.apps)
        if name and name not in self._pairs:
            return f"write {name}: and its value too"
        return _REMEDIES.get(name, "shorten or correct it")
