from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Final

from aiohttp import web
from msgspec import UNSET, UnsetType

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.middleware import common_headers
from handlers.http.presenting import clock
from handlers.reservations.presenter import seat as reserved_seat
from handlers.seat_map import presenter, schemas
from handlers.seat_map.cache import SEAT_MAP_CACHE
from handlers.seat_map.event_stream import EVENT_STREAMS
from handlers.seat_map.expected import expected_seats
from handlers.seat_map.plan_rooms import renew_rooms
from handlers.seat_map.proposed_time import proposed_choice
from handlers.seat_map.schemas import (
    AreasQuery,
    CatalogOut,
    ExpectedOut,
    ForecastOut,
    ForecastQuery,
    OccupiedOut,
    ProposalOut,
    ProposalQuery,
    ProposedSeatOut,
    SeatDayOut,
    SeatDayQuery,
    TimesOut,
    TimesQuery,
    VenuesOut,
    WindowQuery,
)
from handlers.seat_map.search import MapSearch, date_of
from handlers.seat_map.suggestions import passed_over, propose_for_app
from models.identity.api_tokens import Scope
from models.kernel.errors import NotFound
from models.kernel.time_range import floor_minute
from models.library.entities import Area, VenueId, features_of
from models.parties.rules import most_people
from models.policy.entities import Policy
from models.policy.errors import FilterOff
from models.policy.rules import may_filter
from models.reservations.check_in_window import check_in_window
from models.reservations.errors import InThePast, OffGrid, OutsideHorizon
from models.rooms.service import RoomService
from models.seat_map.service import SeatMapService, TimeFilter

routes = ApiRoutes()
_DAY: Final = (InThePast, OutsideHorizon)


@routes.get(
    "/venues",
    "List venues and their bookable days",
    Access.SESSION,
    at_kiosk=True,
    scope=Scope.CATALOG_READ,
)
async def list_venues(call: ApiRequest) -> VenuesOut:
    reference = call[REFERENCE]
    venues = reference.catalog.venues_in_use
    return VenuesOut(
        [
            presenter.venue(
                reference, v, call.now, call.principal.reader if call.principal else None
            )
            for v in venues
        ],
        presenter.features(reference.catalog),
    )


@routes.get(
    "/catalog",
    "Get all venues, areas and seats, without occupancy",
    Access.SESSION,
    scope=Scope.CATALOG_READ,
)
async def catalog(call: ApiRequest) -> CatalogOut:
    return presenter.catalog(call[REFERENCE].catalog)


@routes.get(
    "/areas",
    "List areas with their free seats",
    Access.SESSION,
    answer=schemas.AreasOut,
    cached=True,
    errors=(*_DAY, FilterOff),
    at_kiosk=True,
    scope=Scope.OCCUPANCY_READ,
)
async def list_areas(call: ApiRequest, query: AreasQuery) -> web.StreamResponse:
    cache, minute, reader = call[SEAT_MAP_CACHE], floor_minute(call.now), call.viewer
    venue = VenueId(query.venue) if query.venue is not None else None
    time_window = cache.window(query.date, query.start, query.end, minute, reader, venue)
    day, features = time_window.day, query.required_features
    if features:
        own = cache.reference.catalog.features.filters
        may_filter(features, cache.reference.policy_on(day, None), own)
    occupancy = cache.occupancy.current(day) or await cache.occupancy.get_day(day)
    body = cache.areas(occupancy, venue, time_window, minute, features, reader)
    return body.answer(call.request)


@routes.get(
    "/forecast",
    "Forecast the free seats of areas, with the usual error",
    Access.SESSION,
    errors=_DAY,
    at_kiosk=True,
    scope=Scope.OCCUPANCY_READ,
)
async def forecast(call: ApiRequest, query: ForecastQuery) -> ForecastOut:
    search, venue = _search(call, query), query.venue
    areas = [a for a in call[REFERENCE].catalog.bookable_areas if venue in (None, a.venue_id)]
    expected = await expected_seats(call, areas, search)
    return ForecastOut(
        [ExpectedOut(id, call.zone.local(e.begin), e.free, e.error) for id, e in expected.items()]
    )


@routes.get("/proposal", "Propose one free seat to the reader", errors=(*_DAY, FilterOff))
async def proposal(call: ApiRequest, query: ProposalQuery) -> ProposalOut:
    """Proposes a seat for the query's time, or for the next two hours."""
    reference, features = call[REFERENCE], query.required_features
    search = replace(_search(call, query), features=features)
    may_filter(features, reference.policy_on(search.day, None), reference.catalog.features.filters)
    with_areas = {area.venue_id for area in reference.catalog.bookable_areas}
    wished = [v for v in reference.catalog.venues_in_use if query.venue in (None, v.id)]
    venue = next((v for v in wished if v.id in with_areas), None)
    if venue is None:
        return ProposalOut(None, None)
    venue_out = presenter.venue(reference, venue, call.now, call.reader)
    after = call.zone.day(call.now) + timedelta(days=1)
    tomorrow = next((one for one in venue_out.dates if one.date == after), None)
    if not date_of(venue_out, search.day).bookable:
        return ProposalOut(None, tomorrow)
    proposed = await propose_for_app(call, venue.id, search, passed_over(query.skip))
    if proposed is None:
        return ProposalOut(None, tomorrow)
    proposal, search_used = proposed
    seat, until = proposal.seat, proposal.state.free_until
    return ProposalOut(
        ProposedSeatOut(
            seat=reserved_seat(reference, seat.id),
            date=search_used.day,
            start=search_used.start,
            end=search_used.end,
            free_until=call.zone.local_if_any(until),
            reason=proposal.reason.value,
            near=proposal.anchor.number if proposal.anchor is not None else None,
            together=_together(
                reference.catalog.areas[seat.area_id],
                reference.policy_for(seat.area_id, search_used.day, call.reader),
            ),
        ),
        tomorrow,
    )


def _search(call: ApiRequest, query: ForecastQuery) -> MapSearch:
    """The query as a search. Raises: Malformed, InThePast, OutsideHorizon."""
    venue = VenueId(query.venue) if query.venue is not None else None
    time_window = _window(call, query.date, query.start, query.end, venue)
    start, end, minute = query.start or "", query.end or "", clock(call.zone, call.now)
    return MapSearch(call.zone, time_window.day, start, end, minute=minute, past_midnight=True)


@routes.get(
    "/areas/{id}/map",
    "Get an area's seat map",
    Access.SESSION,
    answer=schemas.SeatMapOut,
    cached=True,
    errors=(NotFound, *_DAY),
    at_kiosk=True,
    scope=Scope.OCCUPANCY_READ,
)
async def area_map(call: ApiRequest, query: WindowQuery) -> web.StreamResponse:
    cache, minute, reader = call[SEAT_MAP_CACHE], floor_minute(call.now), call.viewer
    area = cache.reference.area_for_readers(call.id)
    time_window = cache.window(query.date, query.start, query.end, minute, reader, area.venue_id)
    day = time_window.day
    occupancy = cache.occupancy.current(day) or await cache.occupancy.get_day(day)
    plan = cache.plan(area, occupancy, time_window, minute, reader)
    if plan.rooms:
        await renew_rooms(call[RoomService], [plan])
    return plan.body_for(reader.id).answer(call.request)


@routes.get(
    "/areas/{id}/events",
    "Watch an area's seat map: Server-Sent Events `seat` and `room`, and `version` after seats",
    Access.SESSION,
    answer=schemas.SeatEvent,
    stream=True,
    errors=(NotFound, *_DAY),
    at_kiosk=True,
    scope=Scope.OCCUPANCY_READ,
)
async def watch_area(call: ApiRequest, query: WindowQuery) -> web.StreamResponse:
    area = call[REFERENCE].area_for_readers(call.id)
    time_window = _window(call, query.date, query.start, query.end, area.venue_id)
    headers = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        # Without it nginx would buffer the events.
        "X-Accel-Buffering": "no",
        **common_headers(call.request),
    }
    assert call.principal is not None
    return await call[EVENT_STREAMS].subscribe(
        call.request, headers, area, time_window, call.principal.session, call.viewer
    )


def _window(
    call: ApiRequest,
    day: date | None,
    start: str | None,
    end: str | None,
    venue_id: VenueId | None,
) -> TimeFilter:
    minute = floor_minute(call.now)
    return call[SEAT_MAP_CACHE].window(day, start, end, minute, call.viewer, venue_id)


@routes.get(
    "/seats/{id}",
    "Get a seat and its reservations of a day",
    Access.SESSION,
    errors=(NotFound, *_DAY),
    at_kiosk=True,
    scope=Scope.OCCUPANCY_READ,
)
async def seat_day(call: ApiRequest, query: SeatDayQuery) -> SeatDayOut:
    reference = call[REFERENCE]
    seat = reference.seat(call.id)
    venue_id = call[REFERENCE].catalog.areas[seat.area_id].venue_id
    time_window = _window(call, query.date, None, None, venue_id)
    occupancy = await call[SEAT_MAP_CACHE].occupancy.get_day(time_window.day)
    return SeatDayOut(
        **reference.catalog.described(seat),
        **features_of(seat),
        disabled=seat.unavailable_reason(time_window.day),
        date=time_window.day,
        taken=[
            OccupiedOut(call.zone.local(row.start), call.zone.local(row.end))
            for row in occupancy.by_seat.get(seat.id, ())
            if call.zone.day(row.start) <= time_window.day
        ],
        reserved_for=list(reference.groups_instead(seat, call.viewer, time_window.day)) or UNSET,
        features=presenter.own_features(reference.catalog, seat),
    )


@routes.get(
    "/seats/{id}/times",
    "List the free start times of a seat; with `start`, the free end times",
    Access.SESSION,
    errors=(NotFound, OffGrid, *_DAY),
    at_kiosk=True,
    scope=Scope.OCCUPANCY_READ,
)
async def seat_times(call: ApiRequest, query: TimesQuery) -> TimesOut:
    """The starts at which the seat can be booked and the start to propose or, if the query has a
    start, the ends that a booking from this start can have, with its check-in."""
    seat, seat_map = call[REFERENCE].seat(call.id), call[SeatMapService]
    area = call[REFERENCE].catalog.areas[seat.area_id]
    time_window = _window(call, query.date, None, None, area.venue_id)
    if query.start is None:
        day = await seat_map.seat_day(seat, time_window, call.now, call.viewer)
        starts = [presenter.start(choice.value) for choice in day.choices]
        if not starts:
            return TimesOut(starts=starts)
        policy = call[REFERENCE].policy_for(seat.area_id, time_window.day, call.viewer)
        proposed = proposed_choice(call, call.viewer, time_window.day, day, policy)
        return TimesOut(starts=starts, proposed=proposed.value)
    ends = await seat_map.seat_ends(seat, time_window, query.start, call.now, call.viewer)
    if not ends:
        return TimesOut(ends=[])
    policy = call[REFERENCE].policy_for(seat.area_id, time_window.day, call.viewer)
    wished = call.now if query.start == "now" else time.fromisoformat(query.start)
    begin = call.zone.instant(time_window.day, wished) if isinstance(wished, time) else wished
    opens, until, _ = check_in_window(begin, ends[-1], call.now, policy)
    return TimesOut(
        ends=[presenter.choice(call.zone, end, time_window.day) for end in ends],
        check_in_from=call.zone.local(max(opens, call.now)),
        check_in_until=call.zone.local(until),
        check_in_by=call[REFERENCE].catalog.venues[area.venue_id].check_in_way.value,
        together=_together(area, policy),
    )


def _together(area: Area, policy: Policy) -> bool | UnsetType:
    """True if seats of the area may be held for friends."""
    return most_people(area, policy) > 1 or UNSET
