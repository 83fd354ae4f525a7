from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.records import record
from models.readers.entities import SuspensionReason
from models.text_checks.entities import TextVerdict

BY_GATE: Final = "gate"
ANSWER_BY_GATE: Final = "gate_event"
"""The answer to an appeal whose violation was waived by a gate event; pages show it in words."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """``ended_suspension_until``: the former end of a suspension that the waiver ended."""

    by: str
    reason: str
    at: datetime
    ended_suspension_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Appeal:
    """A reader's appeal; until it is settled, ``settled_at`` and ``granted`` are None. ``verdict``:
    WeChat's check of the text."""

    text: str
    at: datetime
    settled_at: datetime | None = None
    answer: str = ""
    granted: bool | None = None
    verdict: TextVerdict = TextVerdict.UNCHECKED


@dataclass(frozen=True, slots=True)
class Violation:
    """A no-show or an expired leave. ``counts`` is False for the second one of a day."""

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
    """The reader's counting violations: ``count`` of ``limit`` in the last ``days``."""

    count: int
    limit: int
    days: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """The reader may not book. The id is that of the last violation, so a repetition adds none."""

    id: str
    reader_id: ReaderId
    start: datetime
    until: datetime
    violation_ids: tuple[str, ...]
    reason: SuspensionReason | None = None
