from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Final

from models.library.entities import VenueId
from models.library.rooms import RoomId
from models.policy.open_hours import open_hours
from models.reference_data import ReferenceData
from models.reservation_store.room_block_repository import RoomBlockRepository
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.booking_facts import RoomBookingFacts
from models.reservations.room_booking import LIVE
from models.rooms.rules import hours_of
from models.statistics.room_repository import DailyRoomUseRepository
from models.statistics.room_use import DailyRoomUse, room_use

_DAY: Final = timedelta(days=1)


class RoomStatistics:
    def __init__(
        self,
        days: DailyRoomUseRepository,
        bookings: RoomBookingRepository,
        blocks: RoomBlockRepository,
        reference: ReferenceData,
    ) -> None:
        self._days, self._bookings, self._blocks = days, bookings, blocks
        self._reference = reference

    async def has_live(self, day: date) -> bool:
        """True if a booking of the day still waits for a deadline."""
        return any([b.state in LIVE async for b in self.bookings(day, day)])

    async def count(self, day: date) -> None:
        """Computes and stores the statistics of a completed day. A repeated call replaces them."""
        mine: dict[tuple[RoomId, VenueId], list[RoomBookingFacts]] = {
            (room.id, room.venue_id): [] for room in self._reference.rooms_in_use()
        }
        async for b in self.bookings(day, day):
            mine.setdefault((b.room_id, b.venue_id), []).append(b)
        # Blocks of the day before and after count as well: hours and blocks may cross midnight.
        blocks = await self._blocks.between(day - _DAY, day + _DAY)
        zone, policy, rooms = self._reference.zone, self._reference.policy, self._reference.rooms
        days = []
        for (room_id, venue_id), rows in mine.items():
            hours, room = open_hours(zone, policy, day, venue_id, None), rooms.get(room_id)
            if room is not None:
                hours = hours_of(zone, room, day, hours)
            its_blocks = [b for b in blocks if b.room_id == room_id]
            days.append(room_use(day, room_id, venue_id, hours.intervals, rows, its_blocks))
        await self._days.put(days)

    async def between(self, first: date, last: date) -> list[DailyRoomUse]:
        """The statistics of the days ``first`` to ``last`` (inclusive), room by room."""
        return await self._days.between(first, last)

    def bookings(self, first: date, last: date) -> AsyncIterator[RoomBookingFacts]:
        """The bookings of the days ``first`` to ``last`` (inclusive), the earliest first."""
        return self._bookings.facts(self._reference.zone, first, last)
