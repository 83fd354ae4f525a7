"""What readers see of areas, plans and seats, from the occupancy."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import NamedTuple

from models.kernel.errors import InvalidRequest
from models.kernel.time_range import (
    TimeRange,
    last_date,
    local_date,
    local_instant,
    next_clock_instant,
)
from models.library.entities import Area, Seat
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations import rules
from models.reservations.live_occupancy import LiveOccupancy
from models.reservations.occupancy import OccupancyRow
from models.seat_map.availability import MapQuery, free_ends, free_starts


class TimeFilter(NamedTuple):
    """The asked day and, where both are given, time: an end that is not after the start is the next
    day's. A tuple, since each look at a plan finds it by this."""

    day: date
    start: time | None
    end: time | None


def parse_time_filter(
    day: date | None, start: time | None, end: time | None, now: datetime
) -> TimeFilter:
    """Today where no day is given. Raises: InvalidRequest where only one of start and end is."""
    if (start is None) != (end is None):
        raise InvalidRequest("end" if end is None else "start", "start and end come together")
    return TimeFilter(day or local_date(now), start, end)


class SeatMapService:
    """What readers see of areas and seats, from the occupancy in memory."""

    def __init__(self, reference: ReferenceData, occupancy: LiveOccupancy) -> None:
        self.reference, self.occupancy = reference, occupancy

    def map_query(
        self, area: Area, asked: TimeFilter, now: datetime, reader: Reader | None = None
    ) -> MapQuery:
        """How the area is looked at for the asked day and time; by the reader's own numbers where
        one is given."""
        policy = self.reference.policy_for(area.id, asked.day, reader)
        span = None
        if asked.start is not None and asked.end is not None:
            start = local_instant(asked.day, asked.start)
            span = TimeRange(start, next_clock_instant(start, asked.end))
        hours = self.reference.opening_hours(policy, asked.day, area.id)
        return MapQuery(asked.day, span, policy, hours, now)

    async def seat_starts(
        self,
        seat: Seat,
        asked: TimeFilter,
        now: datetime,
        reader: Reader,
        exclude: str = "",
    ) -> list[tuple[str, datetime]]:
        """(value, instant) of the starts that are free for the seat on the asked day.

        ``exclude`` names a reservation that would be changed: what it takes is free for it.
        """
        if not self._is_for(seat, asked.day, reader):
            return []
        query = self._query_of(seat, asked, now, reader)
        return free_starts(await self._taken(seat, asked.day, exclude), query)

    async def seat_ends(
        self,
        seat: Seat,
        asked: TimeFilter,
        start: str,
        now: datetime,
        reader: Reader,
        exclude: str = "",
    ) -> list[datetime]:
        """The ends that are free for the seat after ``start`` (``now`` or a clock time)."""
        if not self._is_for(seat, asked.day, reader):
            return []
        query = self._query_of(seat, asked, now, reader)
        wished = None if start == "now" else time.fromisoformat(start)
        selection = rules.TimeSelection(asked.day, wished, time(0))
        begin = rules.decide_start(selection, query.policy, now)
        ends = free_ends(await self._taken(seat, asked.day, exclude), query, begin)
        return [
            end for end in ends if seat.unavailable_reason(last_date(TimeRange(begin, end))) is None
        ]

    def _query_of(self, seat: Seat, asked: TimeFilter, now: datetime, reader: Reader) -> MapQuery:
        return self.map_query(self.reference.catalog.areas[seat.area_id], asked, now, reader)

    def _is_for(self, seat: Seat, day: date, reader: Reader) -> bool:
        in_service = seat.unavailable_reason(day) is None
        return in_service and self.reference.may_use_seat(seat, reader, day)

    async def _taken(self, seat: Seat, day: date, exclude: str) -> list[OccupancyRow]:
        rows = (await self.occupancy.get_day(day)).by_seat.get(seat.id, ())
        return [row for row in rows if row.id != exclude]
