"""What readers see of areas, plans and seats, from the occupancy."""

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
    last_date,
    local_date,
    local_instant,
    next_clock_instant,
)
from models.library.entities import Area, Seat
from models.occupancy.live import LiveOccupancy
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations import rules
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import ReservationState
from models.seat_map.availability import MapQuery, free_ends, free_starts


class TimeFilter(NamedTuple):
    """The asked day and, where an end is given, time: from ``start``, or where there is none from
    the moment of the look. An end that is not after the start is the next day's. A tuple, since
    each look at a plan finds it by this."""

    day: date
    start: time | None
    end: time | None


def parse_time_filter(
    day: date | None, start: time | None, end: time | None, now: datetime, from_now: bool = False
) -> TimeFilter:
    """Today where no day is given. ``from_now``: the time begins at the moment of each look.

    Raises: Malformed where only one of start and end is given, or another day's now.
    """
    if (start is None and not from_now) != (end is None):
        raise Malformed("end" if end is None else "start", "start and end come together")
    if from_now and day not in (None, local_date(now)):
        raise Malformed("start", "now is of today")
    return TimeFilter(day or local_date(now), start, end)


@dataclass(frozen=True, slots=True)
class StartChoice:
    """A start that a reader may book of a seat, with the ends that it can have. ``value`` is
    ``now`` or a clock time."""

    value: str
    start: datetime
    ends: list[datetime]


@dataclass(frozen=True, slots=True)
class SeatDay:
    """One seat's day as one reader may book it. ``taken`` is what others have of it, and ``own``
    what the reader has at that time, wherever that is; each in the order of its starts."""

    hours: tuple[TimeRange, ...]
    longest: timedelta
    choices: list[StartChoice]
    taken: list[OccupancyRow]
    own: list[OccupancyRow]


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
        hours = self.reference.opening_hours(policy, asked.day, area.id)
        span = None
        if asked.end is not None:
            if asked.start is not None:
                start = local_instant(asked.day, asked.start)
            else:
                upcoming = hours.upcoming(now)
                start = max(now, upcoming.start) if upcoming is not None else now
            span = TimeRange(start, next_clock_instant(start, asked.end))
        return MapQuery(asked.day, span, policy, hours, now)

    async def seat_day(
        self, seat: Seat, asked: TimeFilter, now: datetime, reader: Reader, exclude: str = ""
    ) -> SeatDay:
        """What the reader may book of the seat on the asked day, and what is in the way.

        ``exclude`` names a reservation that would be changed: what it takes is free for it.
        """
        query = self._query_of(seat, asked, now, reader)
        taken, own = await self._taken(seat, asked.day, reader, exclude)
        choices = []
        if self._is_for(seat, asked.day, reader):
            for value, start, ends in free_starts(_in_order(taken, own), query):
                ends = _in_service(seat, start, ends)
                if ends:
                    choices.append(StartChoice(value, start, ends))
        return SeatDay(query.opening.intervals, query.policy.longest, choices, taken, own)

    async def seat_ends(
        self, seat: Seat, asked: TimeFilter, start: str, now: datetime, reader: Reader
    ) -> list[datetime]:
        """The ends that are free for the seat after ``start`` (``now`` or a clock time)."""
        if not self._is_for(seat, asked.day, reader):
            return []
        query = self._query_of(seat, asked, now, reader)
        wished = None if start == "now" else time.fromisoformat(start)
        selection = rules.TimeSelection(asked.day, wished, time(0))
        begin = rules.decide_start(selection, query.policy, now)
        taken, own = await self._taken(seat, asked.day, reader, "")
        return _in_service(seat, begin, free_ends(_in_order(taken, own), query, begin))

    def _query_of(self, seat: Seat, asked: TimeFilter, now: datetime, reader: Reader) -> MapQuery:
        return self.map_query(self.reference.catalog.areas[seat.area_id], asked, now, reader)

    def _is_for(self, seat: Seat, day: date, reader: Reader) -> bool:
        in_service = seat.unavailable_reason(day) is None
        return in_service and self.reference.may_use_seat(seat, reader, day)

    async def _taken(
        self, seat: Seat, day: date, reader: Reader, exclude: str
    ) -> tuple[list[OccupancyRow], list[OccupancyRow]]:
        """What others have of the seat, and what the reader has of any. A seat that is only offered
        to the reader is in the way of nothing but itself."""
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


def _in_service(seat: Seat, begin: datetime, ends: Sequence[datetime]) -> list[datetime]:
    """Those ends up to which the seat may be used."""
    return [
        end for end in ends if seat.unavailable_reason(last_date(TimeRange(begin, end))) is None
    ]
