"""The page 巡视 (patrol): an area's seats as plan and list for staff, with readers' reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from aiohttp import web

from handlers.http import presenting
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.presenting import later_clock
from handlers.library.console.seat_outages import outage_token
from handlers.reservations.console.reservations import is_movable, possible_actions
from handlers.seat_map.plan_pieces import fixtures_of
from handlers.seat_map.search import feature_texts
from handlers.staff.layout import reader_label, render
from handlers.texts.console_labels import PATROL_TEXT, fault_reports_text
from handlers.texts.labels import STATE_TEXT
from handlers.texts.pages import floor_text
from models.booking.alternatives import overlaps
from models.booking.staff.lookup import ReservationLookup
from models.fault_reports.service import FaultReportService
from models.kernel.errors import NotFound
from models.kernel.text import natural
from models.kernel.time_range import TimeRange, floor_minute
from models.kernel.zone import Zone
from models.library.entities import Area, AreaId, Seat, SeatId, Venue, VenueId
from models.library.plan_editing import LONGEST_REASON as LONGEST_OUTAGE
from models.occupancy.joined import OccupancyView
from models.readers.staff.readers import StaffReaders
from models.reservations.entities import Reservation
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.party import NOBODY, own_id_of_row
from models.reservations.state_machine import ReservationState
from models.seat_map.service import SeatMapService
from models.seat_reports.service import SeatReportService
from notify.templates.rendering import from_to

_LISTED: Final = 50
"""The list has at most this many seats whose readers may have left. Further seats are listed
once staff have checked these."""
_MARKED: Final = 200
"""At most this many occupied-seat reports are marked on the plan."""
_DRAWN: Final = {
    "free": "free",
    "reserved": "reserved",
    "in_use": "occupied",
    "away": "away",
    "offered": "reserved",
    "disabled": "disabled",
}
"""The CSS class with which the plan draws a seat, by the seat's state."""
_NOT_THERE: Final = frozenset({ReservationState.RESERVED, ReservationState.OFFERED})


Report = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PatrolSeat:
    """A seat in the list and on the plan. ``words``: the seat's state in words. ``who``,
    ``when``: the reader and the booked time. ``reports``: the readers' reports, in words,
    each with the console page on which staff answer it (empty for none). ``asker``: the id of the
    booking beside which the seat is held for a friend."""

    seat: Seat
    state: str
    words: str
    reservation: str = ""
    who: str = ""
    when: str = ""
    reports: list[Report] = field(default_factory=list)
    asker: str = ""

    @property
    def no(self) -> str:
        return self.seat.number

    @property
    def drawn(self) -> str:
        return _DRAWN[self.state]


async def patrol(visit: PageRequest) -> web.StreamResponse:
    catalog, now = visit[REFERENCE].catalog, visit.now
    areas = [area for area in catalog.areas_in_use if visit.sees(area.venue_id)]
    if not areas:
        raise NotFound()
    query = visit.request.query
    area_id = query.get("area", "")
    if area_id in catalog.areas:
        visit.require_in(catalog.areas[AreaId(area_id)].venue_id)
    area = next((area for area in areas if area.id == area_id), areas[0])
    moving = await _moving(visit, query.get("move", ""))
    occupancy = await visit[SeatMapService].occupancy.get_day(visit.zone.day(now))
    doubted, total = await visit[SeatReportService].to_patrol(now, 0, _LISTED, _venues(visit))
    lines = await _lines(visit, area, occupancy, doubted)
    label = catalog.label_of
    chosen = next((s for s in lines if s.seat.id == query.get("seat", "")), None)
    return render(
        visit,
        "patrol",
        areas=areas,
        floors=_floors(
            catalog.venues[area.venue_id],
            [one for one in areas if one.venue_id == area.venue_id],
        ),
        area=area,
        fixtures=list(fixtures_of(area)),
        lines=lines,
        doubted=[(r, label(r.seat_id)) for r in doubted],
        total=total,
        moving=moving,
        moving_label=label(moving.seat_id) if moving is not None else "",
        takers=await _takers(visit, area, moving),
        chosen=chosen,
        panel=await _panel(visit, chosen) if chosen is not None else {},
        longest_outage=LONGEST_OUTAGE,
        today=visit.zone.day(now),
    )


def _floors(venue: Venue, areas: Iterable[Area]) -> list[tuple[str, list[Area]]]:
    """A venue's areas by floor, with the floors' names."""
    by_floor = groupby(areas, key=lambda area: area.floor)
    return [(floor_text(venue.floor(floor)), list(on)) for floor, on in by_floor]


def _venues(visit: PageRequest) -> frozenset[VenueId] | None:
    """The venues that the staff member works for; None for all."""
    return visit.rights.venues if visit.rights is not None else None


async def _lines(
    visit: PageRequest,
    area: Area,
    occupancy: OccupancyView,
    doubted: Sequence[Reservation],
) -> list[PatrolSeat]:
    now = visit.now
    current = {}
    for seat in area.seats:
        rows = [row for row in occupancy.by_seat.get(seat.id, ()) if now < row.end]
        if rows:
            current[seat.id] = rows[0]
    people = await visit[StaffReaders].many({row.reader_id for row in current.values()})
    reports = await _reports(visit, doubted)
    lines = []
    for seat in sorted(area.seats, key=lambda seat: natural(seat.number)):
        row, said = current.get(seat.id), reports.get(seat.id, [])
        if row is None or (row.start > now and row.state in _NOT_THERE):
            lines.append(_empty(visit.zone, seat, row, now, said))
        else:
            lines.append(
                _occupied(visit.zone, seat, row, reader_label(people.get(row.reader_id)), said)
            )
    return lines


async def _reports(
    visit: PageRequest, doubted: Sequence[Reservation]
) -> Mapping[SeatId, list[Report]]:
    """The reports of readers that staff have not resolved, by seat. ``doubted``:
    reservations whose readers may have left."""
    reports: dict[SeatId, list[Report]] = {}
    taken = await visit[SeatReportService].open_reports(visit.now, 0, _MARKED, _venues(visit))
    for r in taken[0]:
        if r.report is not None:
            reports.setdefault(r.report.seat_id, []).append((PATROL_TEXT["occupied"], "reports"))
    for r in doubted:
        reports.setdefault(r.seat_id, []).append((PATROL_TEXT["doubted"], ""))
    for seat, count in (await visit[FaultReportService].open_of_seats()).items():
        reports.setdefault(seat, []).append((fault_reports_text(count), "faults"))
    return reports


def _empty(
    zone: Zone, seat: Seat, following: OccupancyRow | None, now: datetime, reports: list[Report]
) -> PatrolSeat:
    reason = seat.unavailable_reason(zone.day(now))
    when = ""
    if following is not None:
        when = PATROL_TEXT["booked_from"].format(start=later_clock(zone, now, following.start))
    state = "disabled" if reason is not None else "free"
    words = PATROL_TEXT[state].format(reason=reason)
    return PatrolSeat(seat, state, words, when=when, reports=reports)


def _occupied(
    zone: Zone, seat: Seat, row: OccupancyRow, who: str, reports: list[Report]
) -> PatrolSeat:
    begin = presenting.clock(zone, row.booked_start)
    when = from_to(begin, later_clock(zone, row.booked_start, row.end))
    if row.reader_id == NOBODY:
        words, asker = PATROL_TEXT["party"], own_id_of_row(row.id)
        return PatrolSeat(seat, row.state.value, words, when=when, reports=reports, asker=asker)
    reserved = row.state is ReservationState.RESERVED
    words = PATROL_TEXT["not_checked_in"] if reserved else STATE_TEXT[row.state]
    return PatrolSeat(seat, row.state.value, words, row.id, who, when, reports)


# --- the chosen seat ------------------------------------------------------------------------------
async def _panel(visit: PageRequest, chosen: PatrolSeat) -> dict[str, Any]:
    """The template data of the chosen seat and its possible actions, without the reader's name."""
    r = None
    if chosen.reservation:
        r = await visit[ReservationLookup].get(chosen.reservation)
    seat, now = chosen.seat, visit.now
    possible = possible_actions(r, visit) if r is not None else []
    return {
        "r": r,
        "possible": [action.value for action in possible],
        "movable": r is not None and is_movable(r, visit),
        "features": feature_texts(visit, seat).values(),
        "was": outage_token(seat),
        "outage": seat.unavailable_reason(visit.zone.day(now)),
    }


# --- moving a reader ------------------------------------------------------------------------------
async def _moving(visit: PageRequest, id: str) -> Reservation | None:
    """The reservation ``id`` to be moved; None for an empty ``id`` or if it cannot be moved now."""
    if not id:
        return None
    r = await visit[ReservationLookup].get(id)
    visit.require_in(r.venue_id)
    return r if is_movable(r, visit) else None


async def _takers(visit: PageRequest, area: Area, moving: Reservation | None) -> set[SeatId]:
    """The seats of the area to which the reservation ``moving`` can be moved: its reader may use
    the seats, and they are free until the reservation ends. Empty if ``moving`` is None."""
    if moving is None:
        return set()
    span = TimeRange(max(floor_minute(visit.now), moving.start), moving.end)
    taken = (await visit[SeatMapService].occupancy.get_day(visit.zone.day(span.start))).by_seat
    reference, readers = visit[REFERENCE], visit[StaffReaders]
    reader = (await readers.many({moving.reader_id})).get(moving.reader_id)
    return {
        seat.id
        for seat in area.seats
        if seat.unavailable_reason(visit.zone.day(span.start)) is None
        and seat.unavailable_reason(visit.zone.last_day(span)) is None
        and reference.may_use_seat(seat, reader, moving.date)
        and not overlaps(taken.get(seat.id, ()), span)
    }
