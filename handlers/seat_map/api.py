"""Venues, areas, plans, and the times of a seat."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from handlers.http.endpoint import ApiRequest
from handlers.http.middleware import common_headers
from handlers.seat_map import presenter, schemas
from models.kernel.time_range import floor_minute, to_local
from models.library.entities import VenueId
from models.policy import rules
from models.reservations.occupancy import DayOccupancy
from models.seat_map import service as seat_map_service


async def venues(call: ApiRequest) -> schemas.VenuesOut:
    desk = call.services.desk
    return schemas.VenuesOut(
        [presenter.venue(desk, venue, call.now) for venue in desk.library.venues.values()]
    )


async def areas(call: ApiRequest, query: schemas.AreasQuery) -> web.StreamResponse:
    desk, plans, minute = call.services.desk, call.services.plans, floor_minute(call.now)
    rules.may_filter(query.wanted, desk.policy)
    asked = plans.window(desk, query.date, query.start, query.end, minute)
    board = await _board(call, asked.day)
    venue = VenueId(query.venue) if query.venue is not None else None
    body = plans.areas(desk, board, venue, asked, minute, query.wanted)
    return body.answer(call.request)


async def plan(call: ApiRequest, query: schemas.WindowQuery) -> web.StreamResponse:
    desk, plans, minute = call.services.desk, call.services.plans, floor_minute(call.now)
    area = desk.area(call.id)
    asked = plans.window(desk, query.date, query.start, query.end, minute)
    board = await _board(call, asked.day)
    shown = plans.plan(desk, area, board, asked, minute)
    return shown.body(desk, call.reader.id).answer(call.request)


async def events(call: ApiRequest, query: schemas.WindowQuery) -> web.StreamResponse:
    area = call.services.desk.area(call.id)
    asked = _window(call, query.date, query.start, query.end)
    headers = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        # A proxy that gathers an answer before it passes it on would keep the events back.
        "X-Accel-Buffering": "no",
        **common_headers(call.request, call.services),
    }
    return await call.services.streams.subscribe(call.request, headers, area, asked, call.reader.id)


async def _board(call: ApiRequest, day: date) -> DayOccupancy:
    board = call.services.desk.board
    return board.current(day) or await board.get_day(day)


def _window(
    call: ApiRequest, day: date | None, start: str | None, end: str | None
) -> seat_map_service.TimeFilter:
    minute = floor_minute(call.now)
    return call.services.plans.window(call.services.desk, day, start, end, minute)


async def seat_day(call: ApiRequest, query: schemas.SeatDayQuery) -> schemas.SeatDayOut:
    desk = call.services.desk
    seat = desk.seat(call.id)
    asked = _window(call, query.date, None, None)
    board = await _board(call, asked.day)
    return schemas.SeatDayOut(
        id=seat.id,
        no=seat.number,
        area_id=seat.area_id,
        label=desk.library.seat_label(seat),
        power=seat.power,
        window=seat.window,
        computer=seat.computer,
        accessible=seat.accessible,
        disabled=seat.unavailable_reason(asked.day),
        date=asked.day,
        taken=[
            schemas.OccupiedOut(to_local(t.start), to_local(t.end))
            for t in board.by_seat.get(seat.id, ())
        ],
    )


async def seat_times(call: ApiRequest, query: schemas.TimesQuery) -> schemas.TimesOut:
    """The starts that are free; with a start, the ends that are."""
    desk = call.services.desk
    seat = desk.seat(call.id)
    asked = _window(call, query.date, None, None)
    if query.start is None:
        starts = await seat_map_service.seat_starts(desk, seat, asked, call.now, call.reader.id)
        return schemas.TimesOut(starts=[presenter.start(value) for value, _ in starts])
    ends = await seat_map_service.seat_ends(
        desk, seat, asked, query.start, call.now, call.reader.id
    )
    return schemas.TimesOut(ends=[presenter.choice(end) for end in ends])
