"""What readers see of areas, plans and seats, from the board."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from models.booking.desk import Desk
from models.kernel.errors import InvalidRequest
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange, local_date, local_instant
from models.library.entities import Area, Seat
from models.reservations import rules
from models.reservations.occupancy import OccupancyRow
from models.seat_map.availability import MapQuery, free_ends, free_starts


@dataclass(frozen=True, slots=True)
class TimeFilter:
    """The asked day and, where both are given, time."""

    day: date
    start: time | None
    end: time | None


def parse_time_filter(
    day: date | None, start: time | None, end: time | None, now: datetime
) -> TimeFilter:
    """Today where no day is given. Raises: InvalidRequest where only one of start and end is."""
    if (start is None) != (end is None):
        raise InvalidRequest("end" if end is None else "start", "start and end come together")
    if start is not None and end is not None and end <= start:
        raise InvalidRequest("end", "end is after start")
    return TimeFilter(day or local_date(now), start, end)


def map_query(desk: Desk, area: Area, asked: TimeFilter, now: datetime) -> MapQuery:
    policy = desk.policy_for(area.id, asked.day)
    span = None
    if asked.start is not None and asked.end is not None:
        span = TimeRange(local_instant(asked.day, asked.start), local_instant(asked.day, asked.end))
    place = desk.opening_hours(policy, asked.day, area.id)
    return MapQuery(asked.day, span, policy, place, now)


async def seat_starts(
    desk: Desk,
    seat: Seat,
    asked: TimeFilter,
    now: datetime,
    reader_id: ReaderId,
    besides: str = "",
) -> list[tuple[str, datetime]]:
    """(value, instant) of the starts that are free for the seat on the asked day.

    ``besides`` names a reservation that would be changed: what it holds is free for it.
    """
    if seat.unavailable_reason(asked.day) is not None or not desk.may_use_seat(
        seat, reader_id, asked.day
    ):
        return []
    look = map_query(desk, desk.library.areas[seat.area_id], asked, now)
    return free_starts(await _taken(desk, seat, asked.day, besides), look)


async def seat_ends(
    desk: Desk,
    seat: Seat,
    asked: TimeFilter,
    start: str,
    now: datetime,
    reader_id: ReaderId,
    besides: str = "",
) -> list[datetime]:
    """The ends that are free for the seat after ``start`` (``now`` or a clock time)."""
    if seat.unavailable_reason(asked.day) is not None or not desk.may_use_seat(
        seat, reader_id, asked.day
    ):
        return []
    look = map_query(desk, desk.library.areas[seat.area_id], asked, now)
    wished = None if start == "now" else time.fromisoformat(start)
    begin = rules.decide_start(rules.TimeSelection(asked.day, wished, time(0)), look.policy, now)
    return free_ends(await _taken(desk, seat, asked.day, besides), look, begin)


async def _taken(desk: Desk, seat: Seat, day: date, besides: str) -> list[OccupancyRow]:
    board = await desk.board.get_day(day)
    return [row for row in board.by_seat.get(seat.id, ()) if row.id != besides]
