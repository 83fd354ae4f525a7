"""Fault reports (报修): what is broken at a seat, and how the report was closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.library.entities import SeatId
from models.text_checks.entities import TextVerdict

MAX_FAULT_REPORTS_PER_DAY: Final = 3
"""Reports of one reader: enough for a walk through a room, too few to be a nuisance."""
LONGEST_FAULT_TEXT: Final = 200


class FaultKind(StrEnum):
    """The values are stored."""

    CHAIR = "chair"
    DESK = "desk"
    SOCKET = "socket"
    LAMP = "lamp"
    OTHER = "other"


class FaultState(StrEnum):
    """The values are stored."""

    OPEN = "open"
    REPAIRED = "repaired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FaultReport:
    """``answer``, ``closed_at``: set on closing. ``verdict``: of WeChat's text check."""

    id: str
    reader_id: ReaderId
    seat_id: SeatId
    kind: FaultKind
    text: str
    at: datetime
    state: FaultState = FaultState.OPEN
    answer: str = ""
    closed_at: datetime | None = None
    verdict: TextVerdict = TextVerdict.UNCHECKED
