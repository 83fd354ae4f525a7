"""Every night what happened in the day is counted, once, so that nobody has to count it again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta

from models.booking.desk import Desk
from models.overview import Brief, tally
from models.timerange import TimeRange, at, local_date

_DAY = timedelta(days=1)


async def count_days(desk: Desk, now: datetime, wall_clock: bool) -> int:
    """Count the first day that is over and not counted yet. 1 if there was one.

    ``wall_clock``: the service's clock is the one on the wall.
    """
    last = await desk.days.last()
    day = last + _DAY if last is not None else await desk.reservations.first_day()
    if day is None or day >= local_date(now) or not desk.library.areas:
        return 0
    rows: dict[str, list[Brief]] = {area: [] for area in desk.library.areas}
    async for row in bookings_of(desk, day, wall_clock):
        rows.setdefault(row.area_id, []).append(row)
    await desk.days.put(
        [
            tally(
                day,
                area.id,
                sum(seat.disabled is None for seat in area.seats),
                desk.open_day(desk.policy, day, area.id).hours,
                rows[area.id],
            )
            for area in desk.library.areas.values()
        ]
    )
    return 1


def bookings_of(desk: Desk, day: date, wall_clock: bool) -> AsyncIterator[Brief]:
    """All bookings of a day."""
    begin = at(day, time())
    made = TimeRange(begin - (desk.policy.horizon_days + 2) * _DAY, begin + 2 * _DAY)
    return desk.reservations.briefs(day, made if wall_clock else None)
