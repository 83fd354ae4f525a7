from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId


class Outcome(StrEnum):
    WON = "won"
    SEAT_TAKEN = "seat_taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request in the draw (抽签), made in the first seconds after a day's booking opens.
    ``round``: the number of its round. ``request``: equal in repetitions of a request."""

    day: date
    reader_id: ReaderId
    round: int
    seat_id: SeatId
    span: TimeRange
    request: str

    @property
    def id(self) -> str:
        """The ticket's id, made from the reader and the day: a reader has one ticket for each
        day."""
        return f"{self.day.isoformat()}:{self.reader_id}"
