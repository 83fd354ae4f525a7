from __future__ import annotations

from models.kernel.errors import RuleViolation


class UnknownTemplate(RuleViolation):
    """No template has that name. Details: ``template``."""

    code = "unknown_template"
