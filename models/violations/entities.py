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
"""The stored answer to an appeal settled by a gate event. Pages replace it by a sentence."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver of a violation by a staff member or (``by`` is ``BY_GATE``) a gate event.
    ``ended_suspension_until``: the former end of a suspension that the waiver has ended."""

    by: str
    reason: str
    at: datetime
    ended_suspension_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Appeal:
    """A reader's appeal against a violation. ``settled_at`` and ``granted`` are None until the
    library answers. ``verdict``: the result of WeChat's check of ``text``."""

    text: str
    at: datetime
    settled_at: datetime | None = None
    answer: str = ""
    granted: bool | None = None
    verdict: TextVerdict = TextVerdict.UNCHECKED


@dataclass(frozen=True, slots=True)
class Violation:
    """A no-show or an expired leave. ``counts``: False for a second violation on the same day,
    which does not count towards a suspension."""

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
    """The number of a reader's violations that count towards a suspension: ``count`` of
    ``limit`` in the last ``days`` days."""

    count: int
    limit: int
    days: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """A time in which the reader may not book. A suspension caused by violations has the id of
    the last violation, so that a repetition adds no second suspension."""

    id: str
    reader_id: ReaderId
    start: datetime
    until: datetime
    violation_ids: tuple[str, ...]
    reason: SuspensionReason | None = None
