"""A checked rule with its places in its file, so that what is said of it later can point there."""

from dataclasses import dataclass

from fallbackrouter.rulesfile.problem import Mark
from fallbackrouter.rulesfile.specs import RuleSpec


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule and where it stands.

    Attributes:
        at: where the rule begins.
        windows: where each of its windows stands.
        file: its file's path.
    """

    spec: RuleSpec
    at: Mark
    windows: tuple[Mark, ...]
    file: str
