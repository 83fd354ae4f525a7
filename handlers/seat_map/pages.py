"""自选座位: the list of areas, and an area's floor plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from aiohttp import web

from handlers.http import presenting
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, redirect
from handlers.http.rendering import FRAGMENT_HEADER, render_page, render_with
from handlers.reservations import presenter as reservations_presenter
from handlers.reservations.current import current_of, reminders_missed
from handlers.reservations.schemas import ReservationOut
from handlers.rooms import presenter as rooms_presenter
from handlers.seat_map import presenter
from handlers.seat_map.area_tiles import floors_of, next_free
from handlers.seat_map.booking_panel import booking_panel, show_error
from handlers.seat_map.cache import SEAT_MAP_CACHE, CachedAreaMap
from handlers.seat_map.expected import expected_seats
from handlers.seat_map.plan_pieces import (
    drawing_of,
    is_too_long,
    kind_of,
    longest_stay,
    top_of,
)
from handlers.seat_map.plan_rooms import renew_rooms
from handlers.seat_map.schemas import VenueOut
from handlers.seat_map.search import (
    MapSearch,
    date_of,
    redirect_to_today,
    search_of,
    search_times,
    time_filter,
)
from handlers.seat_map.shared import SharedPieces
from handlers.seat_map.suggestions import Suggestions, suggestions
from handlers.texts.labels import ROOM_STATE_TEXT
from handlers.texts.pages import NOT_YET
from models.booking.overview_queries import ReaderOverviews
from models.booking.service import ReservationService
from models.identity.roles import Role
from models.kernel.errors import DomainError
from models.kernel.time_range import floor_minute
from models.library.entities import Area, VenueId
from models.reservations import rules
from models.rooms.service import RoomService
from models.seat_map.service import SeatMapService


# --- areas ----------------------------------------------------------------------------------------
async def areas(visit: PageRequest) -> web.StreamResponse:
    """The page with a venue's areas and their free seats, by floor. If the library has no
    bookable area, the page says so, or redirects administrators to the first run."""
    open_venues = {area.venue_id for area in visit[REFERENCE].catalog.bookable_areas}
    if not open_venues:
        if visit.may(Role.ADMINISTRATOR):
            return redirect("/console/setup")
        return render_page(visit.request, "seat_map/not_open.html", reader=visit.reader)
    shared, search = SharedPieces(visit), search_of(visit)
    if (moved := redirect_to_today(visit, search)) is not None:
        return moved
    reference = visit[REFERENCE]
    venues = [shared.venue(v) for v in reference.catalog.venues_in_use if v.id in open_venues]
    venue = next((v for v in venues if v.id == search.venue), venues[0])
    if _is_day_of_others(search.day, venue, venues):
        today = replace(search, day=visit.zone.day(visit.now), start="", end="")
        return redirect(today.to("/", venue=venue.id))
    venue_id = VenueId(venue.id)
    time_window = time_filter(visit, search, venue.id)
    day_policy = reference.policy_on(search.day, venue_id)
    overview = await visit[ReaderOverviews].of(
        visit.reader.id, search.day, visit.now, rooms=bool(reference.rooms)
    )
    left, current = overview.bookings_left(day_policy), await current_of(visit, overview.live)
    untold = current is not None and await reminders_missed(visit)
    changing = await _changing(visit, search)
    occupancy = await visit[SeatMapService].occupancy.get_day(search.day)
    chosen_day = date_of(venue, search.day)
    offered = Suggestions()
    if chosen_day.bookable and not search.change and visit.suspension is None:
        in_a_room = any(b.day == search.day for b in overview.rooms)
        proposes = left > 0 and current is None and not in_a_room
        offered = suggestions(
            visit, venue_id, search, overview, occupancy, shared, proposes=proposes
        )
    area_list = reference.catalog.venues[venue_id], search, time_window, occupancy
    return render_with(
        visit.request,
        "seat_map/areas.html",
        None,
        reader=visit.reader,
        search=search,
        venues=venues,
        venue=venue,
        chosen_day=chosen_day,
        offered=offered,
        floors=floors_of(visit, shared, *area_list),
        wish=shared.wish(venue, search, "/", filters=True),
        current=None if search.change else current,
        rooms=[rooms_presenter.own(reference, b, visit.reader.id, "") for b in overview.rooms],
        room_states=ROOM_STATE_TEXT,
        untold=untold,
        bookings_left=left,
        daily_limit=day_policy.daily_booking_limit,
        suspension=visit.suspension,
        changing=changing,
        has_rooms=any(room.venue_id == venue_id for room in reference.rooms_in_use()),
    )


def _is_day_of_others(day: date, venue: VenueOut, venues: Iterable[VenueOut]) -> bool:
    """True if the day can be booked in other venues only: the reader has switched the venue."""
    of_others = any(one.date == day for other in venues for one in other.dates)
    return of_others and all(one.date != day for one in venue.dates)


async def _changing(visit: PageRequest, search: MapSearch) -> ReservationOut | None:
    """The reservation to be changed by a booking from this search; None if the booking is to be
    new. Raises: NotFound; WrongState if the reservation can no longer be changed."""
    if not search.change:
        return None
    r = await visit[ReservationService].get_own(search.change, visit.reader.id)
    rules.may_change(r, visit.now)
    return await reservations_presenter.reservation(visit[REFERENCE], r, visit.now)


# --- a floor plan ---------------------------------------------------------------------------------
async def area(visit: PageRequest) -> web.StreamResponse:
    search = search_of(visit)
    return redirect_to_today(visit, search) or await area_page(visit, visit.id, search)


async def area_page(
    visit: PageRequest,
    area_id: str,
    search: MapSearch,
    *,
    status: int = 200,
    refusal: DomainError | None = None,
    wished_end: str = "",
) -> web.StreamResponse:
    """The page of an area's floor plan, or only its panel if the page's script requests it.
    ``refusal``: the error of a booking just tried. ``wished_end``: the end to preselect."""
    shared, reference = SharedPieces(visit), visit[REFERENCE]
    area = reference.area_for_readers(area_id)
    time_window = time_filter(visit, search, area.venue_id)
    occupancy = await visit[SeatMapService].occupancy.get_day(time_window.day)
    minute = floor_minute(visit.now)
    plan = visit[SEAT_MAP_CACHE].plan(area, occupancy, time_window, minute, visit.reader)
    kind = kind_of(plan)
    panel = None
    changing = await _changing(visit, search)
    if search.seat:
        if changing is not None and not wished_end:
            wished_end = presenting.clock(visit.zone, changing.end)
        panel = await booking_panel(visit, area, search, plan, kind, wished_end)
        if refusal is not None:
            show_error(panel, refusal, search, area)
        elif "again" in visit.request.query and panel.end:
            panel.refusal = NOT_YET["change" if search.change else "book"]
    facts: dict[str, Any] = {
        "search": search,
        "area": area,
        "panel": panel,
        "changing": changing,
        "longest_stay": longest_stay(visit, area, search),
        "suspension": visit.suspension,
        "expected": (await expected_seats(visit, [area], search)).get(area.id),
    }
    venue = shared.venue(reference.catalog.venues[area.venue_id])
    facts["chosen_day"] = presenter.date_of_area(reference, area, date_of(venue, search.day))
    if FRAGMENT_HEADER in visit.request.headers:
        template = "seat_map/booking_panel.html"
        return render_page(visit.request, template, status=status, reader=visit.reader, **facts)
    facts |= _notes(visit, area, search, plan)
    facts["top"] = top_of(shared, venue, plan, search, facts["chosen_day"])
    await renew_rooms(visit[RoomService], [plan])
    drawing = drawing_of(visit, shared, plan, search)
    return render_with(
        visit.request, "seat_map/plan.html", drawing, status=status, reader=visit.reader, **facts
    )


def _notes(
    visit: PageRequest, area: Area, search: MapSearch, plan: CachedAreaMap
) -> dict[str, Any]:
    """The template data of what the plan's page says to the reader about plan and search."""
    count = plan.view.count_with_features(search.features)
    may_join_waitlist = (
        not plan.reserved_for
        and not search.change
        and visit.suspension is None
        and count.free == 0 < count.total
    )
    return {
        "max_minutes": longest_stay(visit, area, search),
        "reserved_for": plan.reserved_for,
        "too_long": is_too_long(visit, area, search),
        "may_join_waitlist": may_join_waitlist,
        "times": search_times(visit, area.venue_id, search.day) if may_join_waitlist else None,
        "next_free": next_free(search, plan, visit.reader.id) if not count.free else "",
        "thanks": "thanks" in visit.request.query,
    }


async def redirect_to_start(_: PageRequest) -> web.StreamResponse:
    """Redirects a GET of /reserve to the list of areas. The response to a refused booking has
    this URL, which a reader may load again."""
    return redirect("/")
