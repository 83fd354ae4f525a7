from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.opening_draw import calculation


class Outcome(StrEnum):
    WON = "won"
    SEAT_TAKEN = "seat_taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request in the draw (抽签), made in the first seconds after a day's booking opens.
    ``round``: the number of its round. ``request``: equal in repetitions of a request. ``salt``:
    known to its reader alone. ``place``: by this the round's requests are served."""

    day: date
    reader_id: ReaderId
    round: int
    seat_id: SeatId
    span: TimeRange
    request: str
    salt: str = ""
    place: str = ""

    @property
    def wish(self) -> str:
        """The seat and the time, as they are written in the ticket's application."""
        return f"{self.seat_id} {self.span.start.isoformat()} {self.span.end.isoformat()}"

    @property
    def application(self) -> str:
        """The ticket as it is published: it names nobody."""
        return calculation.application(self.salt, self.wish)

    @property
    def id(self) -> str:
        """The ticket's id, made from the reader and the day: a reader has one ticket for each
        day."""
        return f"{self.day.isoformat()}:{self.reader_id}"


@dataclass(frozen=True, slots=True)
class Draw:
    """The draw of an opening. ``secret`` decides the order. Its hash, the ``commitment``, is
    published before the opening, the secret and the lists after it; until then they are empty
    where they are shown. ``lists``: the applications of each day and round, in the order in which
    they were served."""

    opens_at: datetime
    commitment: str
    committed_at: datetime
    secret: str
    lists: Mapping[tuple[date, int], Sequence[str]]
