"""What people who work for the library have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models.reservation import ReaderId

Facts = Mapping[str, object]
"""JSON values: texts, numbers, booleans, and None."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``reader`` is whom it concerns. ``before`` is what stood when it was asked for, ``after``
    what stood then; None where it was refused (``outcome`` is the code) or nobody saw the end of
    it (``outcome`` is empty)."""

    id: str
    at: datetime
    by: ReaderId
    role: str
    deed: str
    target: str
    reader: ReaderId | None
    reason: str
    before: Facts
    after: Facts | None
    outcome: str
