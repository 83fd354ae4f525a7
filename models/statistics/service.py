"""Every night what happened in the day is counted, once, so that nobody has to count it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from models.kernel.time_range import TimeRange, local_date, local_instant
from models.library.entities import VenueId
from models.policy.repository import PolicyRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.booking_facts import BookingFacts
from models.reservations.entities import Reservation
from models.statistics.daily import AreaDay, summarise_day
from models.statistics.repository import DailyStatisticsRepository

_DAY: Final = timedelta(days=1)
_PAGES_AT_ONCE: Final = 2
_PATIENCE: Final = timedelta(days=3)


class StatisticsService:
    """Daily statistics, and the bookings that they are made of."""

    def __init__(
        self,
        statistics: DailyStatisticsRepository,
        reservations: ReservationRepository,
        policies: PolicyRepository,
        reference: ReferenceData,
        *,
        wall_clock: bool,
    ) -> None:
        """``wall_clock``: the service's clock is the one on the wall, so that a booking cannot have
        been made long before it could be."""
        self._statistics, self._reservations = statistics, reservations
        self._policies, self._reference = policies, reference
        self._wall_clock = wall_clock
        # Each looks through some days of bookings: readers go first.
        self._pages = asyncio.Semaphore(_PAGES_AT_ONCE)

    async def aggregate_next_day(self, now: datetime) -> int:
        """Count the first day that is over and not counted yet. 1 if there was one."""
        day, areas = await self._next_day(), self._reference.catalog.areas
        if day is None or day >= local_date(now) or not areas:
            return 0
        over = local_instant(day + _DAY, time())
        if now < over + _PATIENCE and await self._reservations.has_live(day):
            return 0  # its last deadlines are not settled yet: gates may be silent, or it was away
        rows: dict[str, list[BookingFacts]] = {area: [] for area in areas}
        async for row in self.bookings_on(day):
            rows.setdefault(row.area_id, []).append(row)
        late = await self.late_bookings(day)
        used = {area_id for area_id, mine in rows.items() if mine} | {row.area_id for row in late}
        await self._statistics.put(
            [
                summarise_day(
                    day,
                    area.id,
                    sum(seat.unavailable_reason(day) is None for seat in area.seats),
                    self._reference.opening_hours(self._reference.policy, day, area.id).intervals,
                    rows[area.id],
                    (row for row in late if row.area_id == area.id),
                )
                for area in areas.values()
                if area.in_use or area.id in used
            ]
        )
        return 1

    async def between(self, first: date, last: date) -> list[AreaDay]:
        """The statistics of the days, area by area."""
        return await self._statistics.between(first, last)

    async def last_counted(self) -> date | None:
        """The last day that was counted."""
        return await self._statistics.last()

    async def began(self) -> datetime | None:
        """When the first reservation was made."""
        return await self._reservations.first_created_at()

    async def _next_day(self) -> date | None:
        last = await self._statistics.last()
        if last is not None:
            return last + _DAY
        made = await self._reservations.first_created_at()
        return local_date(made) if made is not None else None

    async def bookings_on(self, day: date) -> AsyncIterator[BookingFacts]:
        """All bookings of a day."""
        made = await creation_window(self._policies, day, self._wall_clock)
        async for booking in self._reservations.booking_facts(day, made):
            yield booking

    async def page_of_day(
        self,
        day: date,
        venues: Collection[VenueId] | None,
        wanted: Mapping[str, str],
        after: str,
        limit: int,
    ) -> list[Reservation]:
        """A page of the day's reservations, as the repository's ``page_of_day``."""
        made = await creation_window(self._policies, day, self._wall_clock)
        async with self._pages:
            return await self._reservations.page_of_day(day, made, venues, wanted, after, limit)

    async def late_bookings(self, day: date) -> list[BookingFacts]:
        """The bookings of the day before that went on after midnight. Nobody looks for them where
        the library was closed then."""
        before = day - _DAY
        if before not in self._reference.joined_days(day):
            return []
        midnight = local_instant(day, time())
        return [
            row
            async for row in self.bookings_on(before)
            if min(row.end, row.ended_at or row.end) > midnight
        ]


async def creation_window(
    policies: PolicyRepository, day: date, wall_clock: bool
) -> TimeRange | None:
    """When bookings of that day can have been made, under whatever policy; None: at any time, by a
    clock that is not the one on the wall."""
    if not wall_clock:
        return None
    begin, ahead = local_instant(day, time()), await policies.farthest_horizon()
    return TimeRange(begin - (ahead + 2) * _DAY, begin + 2 * _DAY)
