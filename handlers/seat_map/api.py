"""Venues, areas, plans, and the times of a seat."""

from __future__ import annotations

from datetime import date

from aiohttp import web
from msgspec import UNSET

from handlers import keys
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.middleware import common_headers
from handlers.seat_map import presenter
from handlers.seat_map.cache import SEAT_MAP_CACHE
from handlers.seat_map.event_stream import EVENT_STREAMS
from handlers.seat_map.schemas import (
    AreasQuery,
    OccupiedOut,
    SeatDayOut,
    SeatDayQuery,
    TimesOut,
    TimesQuery,
    VenuesOut,
    WindowQuery,
)
from models.kernel.time_range import floor_minute, local_date, to_local
from models.library.entities import VenueId
from models.policy.rules import may_filter
from models.reservations.joined_occupancy import OccupancyView
from models.seat_map.service import TimeFilter


async def list_venues(call: ApiRequest) -> VenuesOut:
    reference = call[REFERENCE]
    venues = reference.catalog.venues_in_use
    return VenuesOut(
        [
            presenter.venue(
                reference, v, call.now, call.principal.reader if call.principal else None
            )
            for v in venues
        ]
    )


async def list_areas(call: ApiRequest, query: AreasQuery) -> web.StreamResponse:
    cache, minute, reader = call[SEAT_MAP_CACHE], floor_minute(call.now), call.viewer
    asked = cache.window(query.date, query.start, query.end, minute, reader)
    if query.wanted:
        may_filter(query.wanted, call[REFERENCE].policy_on(asked.day))
    occupancy = await _occupancy(call, asked.day)
    venue = VenueId(query.venue) if query.venue is not None else None
    body = cache.areas(occupancy, venue, asked, minute, query.wanted, reader)
    return body.answer(call.request)


async def area_map(call: ApiRequest, query: WindowQuery) -> web.StreamResponse:
    cache, minute, reader = call[SEAT_MAP_CACHE], floor_minute(call.now), call.viewer
    area = call[REFERENCE].area_for_readers(call.id)
    asked = cache.window(query.date, query.start, query.end, minute, reader)
    plan = cache.plan(area, await _occupancy(call, asked.day), asked, minute, reader)
    return plan.body_for(reader.id).answer(call.request)


async def watch_area(call: ApiRequest, query: WindowQuery) -> web.StreamResponse:
    area = call[REFERENCE].area_for_readers(call.id)
    asked = _window(call, query.date, query.start, query.end)
    headers = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        # A proxy that gathers an answer before it passes it on would keep the events back.
        "X-Accel-Buffering": "no",
        **common_headers(call.request),
    }
    assert call.principal is not None
    return await call[EVENT_STREAMS].subscribe(
        call.request, headers, area, asked, call.principal.session, call.viewer
    )


async def _occupancy(call: ApiRequest, day: date) -> OccupancyView:
    occupancy = call[keys.SEAT_MAP].occupancy
    return occupancy.current(day) or await occupancy.get_day(day)


def _window(call: ApiRequest, day: date | None, start: str | None, end: str | None) -> TimeFilter:
    return call[SEAT_MAP_CACHE].window(day, start, end, floor_minute(call.now), call.viewer)


async def seat_day(call: ApiRequest, query: SeatDayQuery) -> SeatDayOut:
    reference = call[REFERENCE]
    seat = reference.seat(call.id)
    asked = _window(call, query.date, None, None)
    occupancy = await _occupancy(call, asked.day)
    return SeatDayOut(
        id=seat.id,
        no=seat.number,
        area_id=seat.area_id,
        label=reference.catalog.seat_label(seat),
        power=seat.power,
        window=seat.window,
        computer=seat.computer,
        accessible=seat.accessible,
        disabled=seat.unavailable_reason(asked.day),
        date=asked.day,
        taken=[
            OccupiedOut(to_local(row.start), to_local(row.end))
            for row in occupancy.by_seat.get(seat.id, ())
            if local_date(row.start) <= asked.day
        ],
        reserved_for=list(reference.groups_instead(seat, call.viewer, asked.day)) or UNSET,
    )


async def seat_times(call: ApiRequest, query: TimesQuery) -> TimesOut:
    """The starts that are free; with a start, the ends that are."""
    seat, seat_map = call[REFERENCE].seat(call.id), call[keys.SEAT_MAP]
    asked = _window(call, query.date, None, None)
    if query.start is None:
        day = await seat_map.seat_day(seat, asked, call.now, call.viewer)
        return TimesOut(starts=[presenter.start(choice.value) for choice in day.choices])
    ends = await seat_map.seat_ends(seat, asked, query.start, call.now, call.viewer)
    return TimesOut(ends=[presenter.choice(end, asked.day) for end in ends])
