from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from models.kernel.time_range import TimeRange, floor_minute
from models.library.entities import Seat
from models.occupancy.live import LiveOccupancy
from models.policy.entities import Policy
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.reservations.errors import SeatTaken
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import ReservationState

_PROPOSED: Final = 3


def overlaps(rows: Sequence[OccupancyRow], span: TimeRange) -> bool:
    return any(row.start < span.end and span.start < row.end for row in rows)


class SeatAlternatives:
    """By the occupancy in memory, refuses bookings of taken seats and proposes free seats."""

    def __init__(self, reference: ReferenceData, occupancy: LiveOccupancy) -> None:
        self._reference, self._occupancy = reference, occupancy

    async def reject_if_taken(
        self, reader: Reader, seat: Seat, span: TimeRange, policy: Policy
    ) -> int:
        """Refuses the booking if by a fresh occupancy the seat is certainly taken; otherwise
        returns how many bookings the reader has that day by the occupancy (0 if the occupancy is
        not fresh). In a rush most requests are refused here, without the database. If the
        reader's own bookings are in the way, nothing is refused and the claim index decides
        later, since another worker may just have ended them. Raises: SeatTaken."""
        date = self._reference.zone.day(span.start)
        day = self._occupancy.authoritative_day(date)
        if day is None:
            return 0
        rows = day.by_reader.get(reader.id, ())
        own = [r for r in rows if r.state is not ReservationState.OFFERED]
        used = sum(self._reference.zone.day(r.booked_start) == date for r in own)
        if used >= policy.daily_booking_limit or overlaps(own, span):
            return used
        others = [r for r in day.by_seat.get(seat.id, ()) if r.reader_id != reader.id]
        if overlaps(others, span):
            raise SeatTaken(nearest=await self.nearest_free_seats(seat, span, reader))
        return used

    async def nearest_free_seats(
        self, seat: Seat, span: TimeRange, reader: Reader | None
    ) -> list[Mapping[str, Any]]:
        """Up to three seats near ``seat``, bookable for ``span``, as ``Catalog.described``."""
        day, last = self._reference.zone.day(span.start), self._reference.zone.last_day(span)
        taken = (await self._occupancy.get_day(day)).by_seat
        catalog = self._reference.catalog
        free = (
            other
            for other in catalog.nearest_seats(seat)
            # First the test that most seats fail in a rush.
            if not overlaps(taken.get(other.id, ()), span)
            and other.unavailable_reason(day) is None
            and other.unavailable_reason(last) is None
            and self._reference.may_use_seat(other, reader, day)
        )
        return [catalog.described(s) for s in islice(free, _PROPOSED)]

    async def alternatives_for(
        self, r: Reservation, reader: Reader | None, now: datetime
    ) -> list[Mapping[str, Any]]:
        """Up to three free seats near the reservation's seat for the rest of its time, if any."""
        start = max(floor_minute(now), r.start)
        seat = self._reference.catalog.all_seats.get(r.seat_id)
        if seat is None or start >= r.end:
            return []
        return await self.nearest_free_seats(seat, TimeRange(start, r.end), reader)
