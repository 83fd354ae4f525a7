"""The patrol: an area's seats as they are now, for a walk through it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from handlers import keys
from handlers.http import presenting
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.layout import reader_label, render
from handlers.texts.console_labels import PATROL_TEXT
from handlers.texts.labels import STATE_TEXT
from models.kernel.errors import NotFound
from models.kernel.text import natural
from models.kernel.time_range import local_date
from models.library.entities import AreaId, Seat
from models.reservations.occupancy import OccupancyRow
from models.reservations.state_machine import ReservationState
from notify.templates.rendering import later_clock

_LISTED: Final = 50
"""Doubted seats on the page; the others come up as these are looked at."""


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
    """The seats of one area, by their numbers."""
    catalog, now = visit[REFERENCE].catalog, visit.now
    areas = [area for area in catalog.areas_in_use if visit.sees(area.venue_id)]
    if not areas:
        raise NotFound()
    asked = visit.request.query.get("area", "")
    if asked in catalog.areas:
        visit.require_in(catalog.areas[AreaId(asked)].venue_id)
    area = next((area for area in areas if area.id == asked), areas[0])
    occupancy = (await visit[keys.SEAT_MAP].occupancy.get_day(local_date(now))).by_seat
    current = {}
    for seat in area.seats:
        rows = [row for row in occupancy.get(seat.id, ()) if now < row.end]
        if rows:
            current[seat.id] = rows[0]
    people = await visit[keys.STAFF_READERS].many({row.reader_id for row in current.values()})
    lines = []
    for seat in sorted(area.seats, key=lambda seat: natural(seat.number)):
        row = current.get(seat.id)
        if row is None or (row.start > now and row.state is ReservationState.RESERVED):
            lines.append(_empty(seat, row, now))
        else:
            lines.append(_occupied(seat, row, reader_label(people.get(row.reader_id))))
    wanted, total = await visit[keys.SEAT_REPORTS].to_patrol(
        now, 0, _LISTED, visit.rights.venues if visit.rights is not None else None
    )
    label = catalog.seat_label
    doubted = [(r, label(visit[REFERENCE].seat_even_if_removed(r.seat_id))) for r in wanted]
    return render(
        visit, "patrol", areas=areas, area=area, lines=lines, doubted=doubted, total=total
    )


def _empty(seat: Seat, following: OccupancyRow | None, now: datetime) -> PatrolSeat:
    reason = seat.unavailable_reason(local_date(now))
    when = ""
    if following is not None:
        when = PATROL_TEXT["booked_from"].format(start=later_clock(now, following.start))
    state = "disabled" if reason is not None else "free"
    words = PATROL_TEXT[state].format(reason=reason)
    return PatrolSeat(seat.number, state, words, "", "", when)


def _occupied(seat: Seat, row: OccupancyRow, who: str) -> PatrolSeat:
    when = f"{presenting.clock(row.booked_start)}–{later_clock(row.booked_start, row.end)}"
    reserved = row.state is ReservationState.RESERVED
    words = PATROL_TEXT["not_checked_in"] if reserved else STATE_TEXT[row.state]
    return PatrolSeat(seat.number, row.state.value, words, row.id, who, when)
