from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from models.kernel.ids import ReaderId
from models.library.entities import AreaId, SeatId, VenueId
from models.library.rooms import RoomId
from models.reservations.room_booking import RoomState
from models.reservations.state_machine import ReservationState


@dataclass(frozen=True, slots=True)
class BookingFacts:
    """The facts of a reservation that statistics and exports use."""

    seat_id: SeatId
    area_id: AreaId
    reader_id: ReaderId
    state: ReservationState
    created_at: datetime
    start: datetime
    end: datetime
    checked_in_at: datetime | None
    available_from: datetime | None
    ended_at: datetime | None

    @property
    def seated_from(self) -> datetime | None:
        """The instant from which the reader could sit on the seat: the check-in, or later if
        another reader still had the seat then. None without a check-in."""
        if self.checked_in_at is None:
            return None
        return max(self.checked_in_at, self.available_from or self.checked_in_at)


@dataclass(frozen=True, slots=True)
class RoomBookingFacts:
    """The facts of a booking of a room that statistics and exports use. `people`: the number of
    those who have confirmed."""

    day: date
    room_id: RoomId
    venue_id: VenueId
    booker: ReaderId
    people: int
    state: RoomState
    made_at: datetime
    start: datetime
    end: datetime
    checked_in_at: datetime | None
    ended_at: datetime | None
