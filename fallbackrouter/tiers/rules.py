"""The tiers `override` and `fallback`: the admin's rules, compiled."""

from datetime import datetime

from fallbackrouter.core.call import Call
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.verdict import Hit, Miss, Verdict

_MISS = Miss()


class RuleTier:
    """Answers from a rulebook, which may be replaced at any moment between two calls."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook

    def swap(self, rulebook: Rulebook) -> None:
        """Answer from another rulebook from the next call on."""
        self._rulebook = rulebook

    def ask(self, call: Call, at: datetime) -> Verdict:
        """Return the winning rule's route.

        Args:
            at: UTC, the moment that windows are held against.
        """
        rule = self._rulebook.first(call, at)
        return _MISS if rule is None else Hit(rule.route, rule=rule.name, next_route=rule.next_route)

    def winner(self, call: Call, at: datetime) -> str:
        """Return the winning rule's name, "" where none wins."""
        rule = self._rulebook.first(call, at)
        return "" if rule is None else rule.name
