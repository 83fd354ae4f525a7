"""Why a wish is against the policy, or a change of it is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class RulesChanged(Conflict):
    """Somebody else has changed the rules meanwhile."""

    code = "rules_changed"


class FilterOff(RuleViolation):
    """The library does not let seats be looked for by this mark. Details: ``filter``."""

    code = "filter_off"
