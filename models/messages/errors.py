from __future__ import annotations

from models.kernel.errors import RuleViolation


class UnknownTemplate(RuleViolation):
    """No kind of message has the name that the client has sent. Details: ``template``."""

    code = "unknown_template"
