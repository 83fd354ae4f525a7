"""What readers see of areas, plans and seats, from the day boards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from models.booking.desk import DayBoard, Desk
from models.errors import Malformed
from models.library import Area, Seat
from models.plan import AreaCount, Look, SeatView, count_area, view_seat
from models.reservation import ReaderId
from models.timerange import TimeRange, at, local_date


@dataclass(frozen=True, slots=True)
class Window:
    """The asked day and, where both are given, time."""

    day: date
    start: time | None
    end: time | None


def window(day: date | None, start: time | None, end: time | None, now: datetime) -> Window:
    """Today where no day is given. Raises: Malformed where only one of start and end is."""
    if (start is None) != (end is None):
        raise Malformed("end" if end is None else "start", "start and end come together")
    if start is not None and end is not None and end <= start:
        raise Malformed("end", "end is after start")
    return Window(day or local_date(now), start, end)


def look_at(desk: Desk, area: Area, asked: Window, now: datetime) -> Look:
    policy = desk.policy_for(area.id)
    span = None
    if asked.start is not None and asked.end is not None:
        span = TimeRange(at(asked.day, asked.start), at(asked.day, asked.end))
    place = policy.open_day(asked.day, area.venue_id, area.id)
    return Look(asked.day, span, policy, place, now)


def see_area(
    board: DayBoard, area: Area, look: Look, reader_id: ReaderId | None
) -> list[tuple[Seat, SeatView]]:
    """Each seat of the area with its state."""
    return [
        (seat, view_seat(seat, board.by_seat.get(seat.id, ()), look, reader_id))
        for seat in area.seats
    ]


def count(board: DayBoard, area: Area, look: Look) -> AreaCount:
    return count_area(view for _, view in see_area(board, area, look, None))
