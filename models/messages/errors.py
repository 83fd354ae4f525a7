"""Why a consent is refused."""

from __future__ import annotations

from models.kernel.errors import RuleViolation


class UnknownTemplate(RuleViolation):
    """No message of that name. Details: ``template``."""

    code = "unknown_template"
