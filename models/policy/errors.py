from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class RulesChanged(Conflict):
    code = "rules_changed"


class FilterOff(RuleViolation):
    """The policy does not let readers filter by this feature. Details: ``filter``."""

    code = "filter_off"
