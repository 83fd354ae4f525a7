from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from models.kernel.errors import Malformed
from models.kernel.time_range import (
    TimeRange,
)
from models.kernel.zone import Zone
from models.library.entities import Area, Seat
from models.occupancy.live import LiveOccupancy
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations import rules
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import ReservationState
from models.seat_map.availability import MapQuery, free_ends, free_starts


class TimeFilter(NamedTuple):
    """The time for which a reader wants a seat: a day, and a period of it if `end` is set.
    `start` None: the period begins at the moment of each request. An `end` that is not after the
    start is on the next day. A tuple, since it is used as a cache key."""

    day: date
    start: time | None
    end: time | None


def parse_time_filter(
    zone: Zone,
    day: date | None,
    start: time | None,
    end: time | None,
    now: datetime,
    from_now: bool = False,
) -> TimeFilter:
    """The time that a reader has chosen. ``day`` None: today. ``from_now``: the period begins at
    the moment of each request. Raises: Malformed if only one of ``start`` and ``end`` is set, or
    if ``from_now`` is combined with another day."""
    if (start is None and not from_now) != (end is None):
        raise Malformed("end" if end is None else "start", "start and end must be sent together")
    if from_now and day not in (None, zone.day(now)):
        raise Malformed("start", "now is allowed only for today")
    return TimeFilter(day or zone.day(now), start, end)


@dataclass(frozen=True, slots=True)
class StartChoice:
    """A start that the reader can book, and its possible ends. `value`: ``now`` or a clock time."""

    value: str
    start: datetime
    ends: list[datetime]


@dataclass(frozen=True, slots=True)
class SeatDay:
    """A seat's times on a day, for one reader. `hours`: when the area is open. `longest`: the
    longest booking allowed. `choices`: starts that the reader can book. `taken`: other readers'
    reservations of the seat. `own`: the reader's, of any seat. The lists are sorted by start."""

    hours: tuple[TimeRange, ...]
    longest: timedelta
    choices: list[StartChoice]
    taken: list[OccupancyRow]
    own: list[OccupancyRow]


class SeatMapService:
    def __init__(self, reference: ReferenceData, occupancy: LiveOccupancy) -> None:
        self.reference, self.occupancy = reference, occupancy

    def map_query(
        self, area: Area, time_filter: TimeFilter, now: datetime, reader: Reader | None = None
    ) -> MapQuery:
        """The time and rules for an area's map, with the policy of the ``reader``, if any."""
        policy = self.reference.policy_for(area.id, time_filter.day, reader)
        hours = self.reference.opening_hours(policy, time_filter.day, area.id)
        span = None
        if time_filter.end is not None:
            if time_filter.start is not None:
                start = self.reference.zone.instant(time_filter.day, time_filter.start)
            else:
                upcoming = hours.upcoming(now)
                start = max(now, upcoming.start) if upcoming is not None else now
            span = TimeRange(start, self.reference.zone.next_instant(start, time_filter.end))
        return MapQuery(self.reference.zone, time_filter.day, span, policy, hours, now)

    async def seat_day(
        self, seat: Seat, time_filter: TimeFilter, now: datetime, reader: Reader, exclude: str = ""
    ) -> SeatDay:
        """The times of a seat, and the starts that the reader can book. ``exclude``: the id of a
        reservation that counts as free, because the reader is about to change it."""
        query = self._query_of(seat, time_filter, now, reader)
        taken, own = await self._taken(seat, time_filter.day, reader, exclude)
        choices = []
        if self._is_for(seat, time_filter.day, reader):
            for value, start, ends in free_starts(_in_order(taken, own), query):
                ends = _in_service(self.reference.zone, seat, start, ends)
                if ends:
                    choices.append(StartChoice(value, start, ends))
        return SeatDay(query.opening.intervals, query.policy.longest, choices, taken, own)

    async def seat_ends(
        self, seat: Seat, time_filter: TimeFilter, start: str, now: datetime, reader: Reader
    ) -> list[datetime]:
        """The ends to which the reader can book the seat from ``start`` (``now`` or a time)."""
        if not self._is_for(seat, time_filter.day, reader):
            return []
        query = self._query_of(seat, time_filter, now, reader)
        wished = None if start == "now" else time.fromisoformat(start)
        selection = rules.TimeSelection(time_filter.day, wished, time(0))
        begin = rules.decide_start(self.reference.zone, selection, query.policy, now)
        taken, own = await self._taken(seat, time_filter.day, reader, "")
        return _in_service(
            self.reference.zone, seat, begin, free_ends(_in_order(taken, own), query, begin)
        )

    def _query_of(
        self, seat: Seat, time_filter: TimeFilter, now: datetime, reader: Reader
    ) -> MapQuery:
        return self.map_query(self.reference.catalog.areas[seat.area_id], time_filter, now, reader)

    def _is_for(self, seat: Seat, day: date, reader: Reader) -> bool:
        in_service = seat.unavailable_reason(day) is None
        return in_service and self.reference.may_use_seat(seat, reader, day)

    async def _taken(
        self, seat: Seat, day: date, reader: Reader, exclude: str
    ) -> tuple[list[OccupancyRow], list[OccupancyRow]]:
        """Two lists of the day: the reservations of the seat by other readers, and the reader's
        reservations of any seat. An offer to the reader is in the first list: it takes the
        offered seat, but not the reader's time."""
        occupancy = await self.occupancy.get_day(day)
        of_seat = occupancy.by_seat.get(seat.id, ())
        of_reader = occupancy.by_reader.get(reader.id, ())
        offered = ReservationState.OFFERED
        return (
            [row for row in of_seat if row.reader_id != reader.id or row.state is offered],
            [row for row in of_reader if row.id != exclude and row.state is not offered],
        )


def _in_order(*rows: Iterable[OccupancyRow]) -> list[OccupancyRow]:
    return sorted(chain(*rows), key=attrgetter("start"))


def _in_service(
    zone: Zone, seat: Seat, begin: datetime, ends: Sequence[datetime]
) -> list[datetime]:
    """The ends among ``ends`` up to which the seat is in service from ``begin`` on."""
    return [
        end for end in ends if seat.unavailable_reason(zone.last_day(TimeRange(begin, end))) is None
    ]
