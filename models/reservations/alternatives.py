"""The nearest free seats for a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from models.kernel.time_range import TimeRange, floor_minute, last_date, local_date
from models.library.entities import Seat
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.reservations.live_occupancy import LiveOccupancy
from models.reservations.occupancy import OccupancyRow

_PROPOSED: Final = 3


def overlaps(rows: Sequence[OccupancyRow], span: TimeRange) -> bool:
    return any(row.start < span.end and span.start < row.end for row in rows)


class SeatAlternatives:
    """Proposes other seats; the claim index decides when one is taken up."""

    def __init__(self, reference: ReferenceData, occupancy: LiveOccupancy) -> None:
        self._reference, self._occupancy = reference, occupancy

    async def nearest_free_seats(
        self, seat: Seat, span: TimeRange, reader: Reader | None
    ) -> list[dict[str, str]]:
        """Up to three seats near ``seat`` that the reader could have for ``span``."""
        day = local_date(span.start)
        taken = (await self._occupancy.get_day(day)).by_seat
        catalog = self._reference.catalog
        free = (
            other
            for other in catalog.nearest_seats(seat)
            if other.unavailable_reason(day) is None
            and other.unavailable_reason(last_date(span)) is None
            and self._reference.may_use_seat(other, reader, day)
            and not overlaps(taken.get(other.id, ()), span)
        )
        return [
            {"id": s.id, "no": s.number, "label": catalog.seat_label(s)}
            for s in islice(free, _PROPOSED)
        ]

    async def alternatives_for(
        self, r: Reservation, reader: Reader | None, now: datetime
    ) -> list[dict[str, str]]:
        """Free seats near the reservation's own that its reader could have for what is left of its
        time."""
        start = max(floor_minute(now), r.start)
        seat = self._reference.catalog.all_seats.get(r.seat_id)
        if seat is None or start >= r.end:
            return []
        return await self.nearest_free_seats(seat, TimeRange(start, r.end), reader)
