"""TODO docstring."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from handlers.http import presenting
from handlers.http.pages import PageRequest
from handlers.staff.layout import reader_label, render
from handlers.texts.labels import STATE_TEXT
from models.kernel.errors import NotFound
from models.kernel.time_range import local_date
from models.library.entities import AreaId
from models.reservations.state_machine import ReservationState


@dataclass(frozen=True, slots=True)
class PatrolSeat:
    """A line of the patrol's list."""

    no: str
    state: str
    words: str
    reservation: str
    who: str
    when: str


async def patrol(visit: PageRequest) -> web.StreamResponse:
    desk, now = visit.services.desk, visit.now
    areas = list(desk.library.areas.values())
    if not areas:
        raise NotFound()
    area = desk.library.areas.get(AreaId(visit.request.query.get("area", ""))) or areas[0]
    day = local_date(now)
    board = (await desk.board.get_day(day)).by_seat
    current = {}
    for seat in area.seats:
        rows = [row for row in board.get(seat.id, ()) if now < row.end]
        if rows:
            current[seat.id] = rows[0]
    people = await desk.readers.many({row.reader_id for row in current.values()})
    lines = []
    for seat in sorted(area.seats, key=lambda seat: seat.number):
        row = current.get(seat.id)
        begun = row is not None and (row.start <= now or row.state is not ReservationState.RESERVED)
        if row is None or not begun:
            reason = seat.unavailable_reason(day)
            words = f"禁用 {reason}" if reason is not None else "无人"
            when = f"{presenting.clock(row.start)} 起有预约" if row is not None else ""
            state = "disabled" if reason is not None else "free"
            lines.append(PatrolSeat(seat.number, state, words, "", "", when))
            continue
        assert row is not None
        when = f"{presenting.clock(row.booked_start)}–{presenting.clock(row.end)}"
        who = reader_label(people.get(row.reader_id))
        words = "未签到" if row.state is ReservationState.RESERVED else STATE_TEXT[row.state]
        lines.append(PatrolSeat(seat.number, row.state.value, words, row.id, who, when))
    return render(visit, "patrol", areas=areas, area=area, lines=lines)
