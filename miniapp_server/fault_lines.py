from __future__ import annotations

from models.kernel.errors import DomainError, Malformed, Unavailable
from models.storage.connectivity import MongoUnusable


def fault_line(error: DomainError) -> str:
    """The fault in a line for the operator."""
    if isinstance(error, MongoUnusable):
        return error.line
    if isinstance(error, Unavailable):
        return "MongoDB does not answer"
    if isinstance(error, Malformed):
        return "{field}: {reason}".format_map(error.details)
    return error.code
