"""The nearest free seats for a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from models.booking.desk import Desk
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange, floor_minute, to_local
from models.library.entities import Seat
from models.reservations.entities import Reservation
from models.reservations.occupancy import OccupancyRow

NEAREST_PROPOSED = 3


def overlaps(rows: Sequence[OccupancyRow], span: TimeRange) -> bool:
    return any(row.start < span.end and span.start < row.end for row in rows)


async def nearest_free_seats(
    desk: Desk, seat: Seat, span: TimeRange, reader_id: ReaderId
) -> list[dict[str, str]]:
    """Proposals: the index judges when one is taken up."""
    day = to_local(span.start).date()
    taken = (await desk.board.get_day(day)).by_seat
    free = (
        other
        for other in desk.library.nearest_seats(seat)
        if other.unavailable_reason(day) is None
        and desk.may_use_seat(other, reader_id, day)
        and not overlaps(taken.get(other.id, ()), span)
    )
    return [
        {"id": s.id, "no": s.number, "label": desk.library.seat_label(s)}
        for s in islice(free, NEAREST_PROPOSED)
    ]


async def alternatives_for(desk: Desk, r: Reservation, now: datetime) -> list[dict[str, str]]:
    """Free seats near the reservation's own, for what is left of its time."""
    start = max(floor_minute(now), r.start)
    seat = desk.library.all_seats.get(r.seat_id)
    if seat is None or start >= r.end:
        return []
    return await nearest_free_seats(desk, seat, TimeRange(start, r.end), r.reader_id)
