from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class InconsistentPolicy(ValueError):
    """Values of a policy that contradict one another. ``field``: the value to correct."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field


class RulesChanged(Conflict):
    code = "rules_changed"


class FilterOff(RuleViolation):
    """The policy does not let readers filter by this feature. Details: ``filter``."""

    code = "filter_off"
