"""报修: what a reader says is broken at a seat, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.library.entities import SeatId
from models.text_checks.entities import TextVerdict

MAX_FAULT_REPORTS_PER_DAY: Final = 3
"""Of one reader: enough for a walk through a room, too few to be a nuisance."""
LONGEST_FAULT_TEXT: Final = 200


class FaultKind(StrEnum):
    """What is broken. The value is stored."""

    CHAIR = "chair"
    DESK = "desk"
    SOCKET = "socket"
    LAMP = "lamp"
    OTHER = "other"


class FaultState(StrEnum):
    """The value is stored."""

    OPEN = "open"
    REPAIRED = "repaired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FaultReport:
    """``answer`` and ``closed_at`` are there from when it is no longer open on. ``verdict`` is what
    WeChat says of the text."""

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
