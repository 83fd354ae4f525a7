"""What people who work for the library have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models.kernel.ids import ReaderId

JsonObject = Mapping[str, object]
"""JSON values: texts, numbers, booleans, and None."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """``reader`` is whom it concerns. ``before`` is what stood when it was asked for, ``after``
    what stood then; None where it was refused (``outcome`` is the code) or nobody saw the end of
    it (``outcome`` is empty)."""

    id: str
    at: datetime
    actor_id: ReaderId
    role: str
    action: str
    target: str
    reader: ReaderId | None
    reason: str
    before: JsonObject
    after: JsonObject | None
    outcome: str
