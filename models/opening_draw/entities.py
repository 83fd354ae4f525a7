"""抽签: a reader's ticket in the draw at an opening."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId


class Outcome(StrEnum):
    """How a ticket was served: with the seat, as the seat is taken, or refused."""

    WON = "won"
    SEAT_TAKEN = "seat_taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One request of a reader for a seat in the first seconds of a day's booking.

    ``round`` is the second after the opening in which it is collected, 0 for the first one.
    ``request`` is the same for a repetition of the same request.
    """

    day: date
    reader_id: ReaderId
    round: int
    seat_id: SeatId
    span: TimeRange
    request: str

    @property
    def id(self) -> str:
        """A reader has one ticket for a day, so the id is theirs and the day's."""
        return f"{self.day.isoformat()}:{self.reader_id}"
