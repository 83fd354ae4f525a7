from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class RulesChanged(Conflict):
    code = "rules_changed"


class FilterOff(RuleViolation):
    """Readers may not filter by this feature. Details: ``filter``."""

    code = "filter_off"
