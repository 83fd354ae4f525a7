"""Computes each day's statistics once, at night."""

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
    def __init__(
        self,
        statistics: DailyStatisticsRepository,
        reservations: ReservationRepository,
        policies: PolicyRepository,
        reference: ReferenceData,
        *,
        wall_clock: bool,
    ) -> None:
        """``wall_clock``: False on a simulated clock, by which bookings are created at any time."""
        self._statistics, self._reservations = statistics, reservations
        self._policies, self._reference = policies, reference
        self._wall_clock = wall_clock
        # A page reads some days of bookings: limited in favour of readers' requests.
        self._pages = asyncio.Semaphore(_PAGES_AT_ONCE)

    async def aggregate_next_day(self, now: datetime) -> int:
        """Computes the first completed day without statistics. Returns 1 if there was one."""
        day, areas = await self._next_day(), self._reference.catalog.areas
        if day is None or day >= local_date(now) or not areas:
            return 0
        over = local_instant(day + _DAY, time())
        if now < over + _PATIENCE and await self._reservations.has_live(day):
            return 0  # deadlines are not settled yet, after a silent gate or an outage
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
        """The statistics of the days, both inclusive, area by area."""
        return await self._statistics.between(first, last)

    async def last_counted(self) -> date | None:
        return await self._statistics.last()

    async def began(self) -> datetime | None:
        """The time at which the first reservation was made."""
        return await self._reservations.first_created_at()

    async def _next_day(self) -> date | None:
        last = await self._statistics.last()
        if last is not None:
            return last + _DAY
        made = await self._reservations.first_created_at()
        return local_date(made) if made is not None else None

    async def bookings_on(self, day: date) -> AsyncIterator[BookingFacts]:
        made = await creation_window(self._policies, day, self._wall_clock)
        async for booking in self._reservations.booking_facts(day, made):
            yield booking

    async def page_of_day(
        self,
        day: date,
        venues: Collection[VenueId] | None,
        criteria: Mapping[str, str],
        after: str,
        limit: int,
    ) -> list[Reservation]:
        """A page of the day's reservations, as from ``ReservationRepository.page_of_day``."""
        made = await creation_window(self._policies, day, self._wall_clock)
        async with self._pages:
            return await self._reservations.page_of_day(day, made, venues, criteria, after, limit)

    async def late_bookings(self, day: date) -> list[BookingFacts]:
        """Bookings of the day before that lasted past midnight; none if hours ended by then."""
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
    """When bookings of that day can have been created; None if the clock is simulated."""
    if not wall_clock:
        return None
    begin, ahead = local_instant(day, time()), await policies.farthest_horizon()
    return TimeRange(begin - (ahead + 2) * _DAY, begin + 2 * _DAY)
