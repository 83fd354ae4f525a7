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
"""A reader's daily limit of reports: enough for a walk through a room, too few for a nuisance."""
LONGEST_FAULT_TEXT: Final = 200


class FaultKind(StrEnum):
    """The kind of thing that is broken. The values are stored."""

    CHAIR = "chair"
    DESK = "desk"
    SOCKET = "socket"
    LAMP = "lamp"
    OTHER = "other"


class FaultState(StrEnum):
    """Open, or how the report was closed. The values are stored."""

    OPEN = "open"
    REPAIRED = "repaired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FaultReport:
    """A reader's report that something at a seat is broken. `answer` and `closed_at` are set
    when it is closed. `verdict`: the result of WeChat's check of the text."""

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
