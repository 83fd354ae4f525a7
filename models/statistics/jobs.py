"""Every night what happened in the day is counted, once, so that nobody has to count it again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from typing import Final

from models.booking.desk import Desk
from models.kernel.time_range import TimeRange, local_date, local_instant
from models.reservations.booking_facts import BookingFacts
from models.statistics.daily import summarise_day

_DAY: Final = timedelta(days=1)
_PATIENCE: Final = timedelta(days=3)


async def aggregate_next_day(desk: Desk, now: datetime, wall_clock: bool) -> int:
    """Count the first day that is over and not counted yet. 1 if there was one.

    ``wall_clock``: the service's clock is the one on the wall.
    """
    day = await _next(desk)
    if day is None or day >= local_date(now) or not desk.library.areas:
        return 0
    over = local_instant(day + _DAY, time())
    if now < over + _PATIENCE and await desk.reservations.has_live(day):
        return 0  # its last deadlines are not settled yet: gates may be silent, or it was away
    rows: dict[str, list[BookingFacts]] = {area: [] for area in desk.library.areas}
    async for row in bookings_on(desk, day, wall_clock):
        rows.setdefault(row.area_id, []).append(row)
    await desk.days.put(
        [
            summarise_day(
                day,
                area.id,
                sum(seat.unavailable_reason(day) is None for seat in area.seats),
                desk.opening_hours(desk.policy, day, area.id).hours,
                rows[area.id],
            )
            for area in desk.library.areas.values()
        ]
    )
    return 1


async def _next(desk: Desk) -> date | None:
    last = await desk.days.last()
    if last is not None:
        return last + _DAY
    made = await desk.reservations.first_created_at()
    return local_date(made) if made is not None else None


async def bookings_on(desk: Desk, day: date, wall_clock: bool) -> AsyncIterator[BookingFacts]:
    """All bookings of a day."""
    made = await creation_window(desk, day, wall_clock)
    async for brief in desk.reservations.booking_facts(day, made):
        yield brief


async def creation_window(desk: Desk, day: date, wall_clock: bool) -> TimeRange | None:
    """When bookings of that day can have been made, under whatever rules; None: at any time, by a
    clock that is not the one on the wall."""
    if not wall_clock:
        return None
    begin, ahead = local_instant(day, time()), await desk.policies.farthest_horizon()
    return TimeRange(begin - (ahead + 2) * _DAY, begin + 2 * _DAY)
