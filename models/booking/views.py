"""What readers see of areas, plans and seats, from the board."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from models import rules
from models.board import DayBoard, Row
from models.booking.desk import Desk
from models.errors import Malformed
from models.library import Area, Seat
from models.plan import (
    NOTHING,
    AreaCount,
    Look,
    SeatStatus,
    SeatView,
    count_area,
    free_ends,
    free_starts,
    view_seat,
)
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
    policy = desk.policy_for(area.id, asked.day)
    span = None
    if asked.start is not None and asked.end is not None:
        span = TimeRange(at(asked.day, asked.start), at(asked.day, asked.end))
    place = desk.open_day(policy, asked.day, area.id)
    return Look(asked.day, span, policy, place, now)


async def seat_starts(
    desk: Desk,
    seat: Seat,
    asked: Window,
    now: datetime,
    reader_id: ReaderId,
    besides: str = "",
) -> list[tuple[str, datetime]]:
    """(value, instant) of the starts that are free for the seat on the asked day.

    ``besides`` names a reservation that would be changed: what it holds is free for it.
    """
    if seat.out_of_service(asked.day) is not None or not desk.open_to(seat, reader_id, asked.day):
        return []
    look = look_at(desk, desk.library.areas[seat.area_id], asked, now)
    return free_starts(await _taken(desk, seat, asked.day, besides), look)


async def seat_ends(
    desk: Desk,
    seat: Seat,
    asked: Window,
    start: str,
    now: datetime,
    reader_id: ReaderId,
    besides: str = "",
) -> list[datetime]:
    """The ends that are free for the seat after ``start`` (``now`` or a clock time)."""
    if seat.out_of_service(asked.day) is not None or not desk.open_to(seat, reader_id, asked.day):
        return []
    look = look_at(desk, desk.library.areas[seat.area_id], asked, now)
    wished = None if start == "now" else time.fromisoformat(start)
    begin = rules.decide_start(rules.Wish(asked.day, wished, time(0)), look.policy, now)
    return free_ends(await _taken(desk, seat, asked.day, besides), look, begin)


async def _taken(desk: Desk, seat: Seat, day: date, besides: str) -> list[Row]:
    board = await desk.board.day(day)
    return [row for row in board.by_seat.get(seat.id, ()) if row.id != besides]


class AreaView:
    """What everybody sees of an area for one window, brought up to date seat by seat.

    ``version`` grows when a seat's state changes; ``changed`` names the seats (by their place in
    ``area.seats``) that did after an earlier version.
    """

    def __init__(self, area: Area) -> None:
        self.area = area
        self.version = 0
        self.views: list[SeatView] = []
        self.look: Look | None = None
        self._place = {seat.id: place for place, seat in enumerate(area.seats)}
        self._changed_at = [0] * len(area.seats)
        self._board: DayBoard | None = None
        self._seen = 0
        self._count: tuple[int, AreaCount] | None = None

    def refresh(self, board: DayBoard, look: Look) -> None:
        """Bring it to what ``board`` holds, looked at as ``look`` says (the same one while the
        minute and the rules are the same)."""
        touched = board.since(self._seen) if board is self._board and look is self.look else None
        if touched is None:
            places: Iterable[int] = range(len(self.area.seats))
        elif touched:
            places = {self._place[seat_id] for seat_id in touched if seat_id in self._place}
        else:
            return
        self._board, self.look, self._seen = board, look, board.version
        first = not self.views
        self.views = self.views or [NOTHING] * len(self.area.seats)
        new = self.version + 1
        for place in places:
            seat = self.area.seats[place]
            view = view_seat(seat, board.by_seat.get(seat.id, ()), look, None)
            if first or view != self.views[place]:
                self.views[place] = view
                self._changed_at[place] = new
                self.version = new

    def changed(self, version: int) -> list[int]:
        return [place for place, at in enumerate(self._changed_at) if at > version]

    @property
    def count(self) -> AreaCount:
        if self._count is None or self._count[0] != self.version:
            self._count = self.version, count_area(self.views)
        return self._count[1]

    def count_of(self, wanted: frozenset[str]) -> AreaCount:
        """The same of the seats that have all the wanted marks."""
        if not wanted:
            return self.count
        seats = zip(self.area.seats, self.views, strict=True)
        return count_area(view for seat, view in seats if seat.has(wanted))

    def own(self, reader_id: ReaderId, granted: bool) -> list[tuple[int, SeatView]]:
        """The seats that the reader sees in another way than everybody, by place: their own, and
        those that are kept for who needs them where that is ``granted``."""
        assert self._board is not None and self.look is not None
        rows = self._board.by_reader.get(reader_id, ())
        kept = granted and self.look.policy.accessible_kept
        if not rows and not kept:
            return []
        places = {self._place[row.seat_id] for row in rows if row.seat_id in self._place}
        if kept:
            places |= {place for place, seat in enumerate(self.area.seats) if seat.accessible}
        found = []
        for place in sorted(places):
            seat = self.area.seats[place]
            taken = self._board.by_seat.get(seat.id, ())
            view = view_seat(seat, taken, self.look, reader_id, granted)
            if view.status is SeatStatus.MINE or (kept and seat.accessible):
                found.append((place, view))
        return found
