"""Computes the statistics of each day once, in the following night."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Final

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.policy.repository import PolicyRepository
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.booking_facts import BookingFacts
from models.reservations.entities import Reservation
from models.statistics.daily import AreaDay, summarise_day
from models.statistics.repository import DailyStatisticsRepository
from models.statistics.room_service import RoomStatistics

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
        readers: ReaderRepository,
        rooms: RoomStatistics,
        *,
        wall_clock: bool,
    ) -> None:
        """``wall_clock``: True if business time is real time. Then reservations' ids, which
        begin with the time of their creation, bound the search for a day's bookings."""
        self._statistics, self._reservations = statistics, reservations
        self._policies, self._reference, self._readers = policies, reference, readers
        self._rooms = rooms
        self._wall_clock = wall_clock
        # A page reads some days of bookings: limited in favour of readers' requests.
        self._pages = asyncio.Semaphore(_PAGES_AT_ONCE)

    async def aggregate_next_day(self, now: datetime) -> int:
        """Computes the statistics of seats and rooms of the first completed day that has none, and
        adds to each reader when they began on it. Returns 1 if there was such a day, else 0."""
        day, areas = await self._next_day(), self._reference.catalog.areas
        if day is None or day >= self._reference.zone.day(now) or not areas:
            return 0
        over = self._reference.zone.midnight(day + _DAY)
        unsettled = await self._reservations.has_live(day) or await self._rooms.has_live(day)
        if now < over + _PATIENCE and unsettled:
            return 0  # deadlines are not settled yet, after a silent gate or an outage
        await self._rooms.count(day)  # before the areas', which say how far the count has come
        rows: dict[str, list[BookingFacts]] = {area: [] for area in areas}
        async for row in self.bookings_on(day):
            rows.setdefault(row.area_id, []).append(row)
        late = await self.late_bookings(day)
        used = {area_id for area_id, mine in rows.items() if mine} | {row.area_id for row in late}
        await self._statistics.put(
            [
                summarise_day(
                    self._reference.zone,
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
        # After the statistics: an interruption loses a day of starts, but none is added twice.
        await self._add_stay_starts(chain(*rows.values()))
        return 1

    async def _add_stay_starts(self, rows: Iterable[BookingFacts]) -> None:
        first = dict[ReaderId, datetime]()
        for row in rows:
            if row.checked_in_at is not None:
                first[row.reader_id] = min(row.start, first.get(row.reader_id, row.start))
        local = self._reference.zone.local
        await self._readers.add_stay_starts({id: local(at).time() for id, at in first.items()})

    async def between(self, first: date, last: date) -> list[AreaDay]:
        """The statistics of the days ``first`` to ``last`` (inclusive), area by area."""
        return await self._statistics.between(first, last)

    async def last_counted(self) -> date | None:
        return await self._statistics.last()

    async def began(self) -> datetime | None:
        """The time at which the library's first reservation was made; None if there is none."""
        return await self._reservations.first_created_at()

    async def _next_day(self) -> date | None:
        last = await self._statistics.last()
        if last is not None:
            return last + _DAY
        made = await self._reservations.first_created_at()
        return self._reference.zone.day(made) if made is not None else None

    async def bookings_on(self, day: date) -> AsyncIterator[BookingFacts]:
        made = await creation_window(self._reference.zone, self._policies, day, self._wall_clock)
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
        """A page of the day's reservations in these venues (None: all) that match ``criteria``,
        sorted and continued after ``after`` like ``ReservationRepository.page_of_day``."""
        made = await creation_window(self._reference.zone, self._policies, day, self._wall_clock)
        async with self._pages:
            return await self._reservations.page_of_day(day, made, venues, criteria, after, limit)

    async def late_bookings(self, day: date) -> list[BookingFacts]:
        """The bookings of the day before ``day`` that lasted past midnight; none if all opening
        hours ended by midnight."""
        before = day - _DAY
        if before not in self._reference.joined_days(day):
            return []
        midnight = self._reference.zone.midnight(day)
        return [
            row
            async for row in self.bookings_on(before)
            if min(row.end, row.ended_at or row.end) > midnight
        ]


async def creation_window(
    zone: Zone, policies: PolicyRepository, day: date, wall_clock: bool
) -> TimeRange | None:
    """The time in which the bookings of that day can have been made, which bounds the search for
    them; None with a simulated clock."""
    if not wall_clock:
        return None
    begin, ahead = zone.midnight(day), await policies.farthest_horizon()
    return TimeRange(begin - (ahead + 2) * _DAY, begin + 2 * _DAY)
