"""Violations (违约), their count, and the suspension that follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.records import record
from models.readers.entities import SuspensionReason
from models.text_checks.entities import TextVerdict

BY_GATE: Final = "gate"
"""Who waived a violation that gate events show to be none."""
ANSWER_BY_GATE: Final = "gate_event"
"""The answer to an appeal whose violation was waived by a gate event; pages show it in words."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver of a violation: by whom, why and when. ``ended_suspension_until`` is the former end
    of the suspension that it lifted, if any."""

    by: str
    reason: str
    at: datetime
    ended_suspension_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Appeal:
    """A reader's appeal against a violation. Until it is settled ``settled_at`` and ``granted``
    are None and the library's ``answer`` is empty. ``verdict`` is WeChat's check of the text."""

    text: str
    at: datetime
    settled_at: datetime | None = None
    answer: str = ""
    granted: bool | None = None
    verdict: TextVerdict = TextVerdict.UNCHECKED


@dataclass(frozen=True, slots=True)
class Violation:
    """One per ended reservation. ``counted`` is false for the second one of a day. ``waived``: it
    is forgiven, or was none after all."""

    id: str
    reader_id: ReaderId
    reservation_id: ReservationId
    kind: str
    at: datetime
    day: date
    counts: bool
    waived: bool = False
    waiver: Waiver | None = None
    appeal: Appeal | None = None


@record
class ViolationCount:
    """Where the reader stands: ``count`` of ``limit`` in the last ``days``."""

    count: int
    limit: int
    days: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """Bars the reader from booking. Its id is the triggering violation's, so it exists once."""

    id: str
    reader_id: ReaderId
    start: datetime
    until: datetime
    violation_ids: tuple[str, ...]
    reason: SuspensionReason | None = None
