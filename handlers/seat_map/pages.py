"""自选座位: the list of areas, and an area's floor plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup

from handlers.http import presenting
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, redirect
from handlers.http.rendering import FRAGMENT_HEADER, render_page
from handlers.http.templates import render_fragment
from handlers.reservations import presenter as reservations_presenter
from handlers.reservations.current import current_of, reminders_missed
from handlers.reservations.schemas import ReservationOut
from handlers.seat_map import presenter
from handlers.seat_map.area_tiles import FEW, area_tiles, by_floor, clock_of, next_free
from handlers.seat_map.booking_panel import booking_panel, show_error
from handlers.seat_map.cache import SEAT_MAP_CACHE, CachedAreaMap
from handlers.seat_map.expected import expected_seats
from handlers.seat_map.schemas import VenueOut
from handlers.seat_map.search import (
    MapSearch,
    all_feature_texts,
    date_of,
    feature_filters,
    feature_texts,
    redirect_to_today,
    search_of,
    search_times,
    time_filter,
)
from handlers.seat_map.suggestions import Suggestions, suggestions
from handlers.texts.feature_icons import ICON_PATHS
from handlers.texts.labels import FIXTURE_TEXT, SEAT_TEXT
from handlers.texts.pages import NOT_YET, floor_text
from models.booking.overview_queries import ReaderOverviews
from models.booking.service import ReservationService
from models.identity.roles import Role
from models.kernel.errors import DomainError
from models.kernel.time_range import floor_minute
from models.library.entities import Area, Seat, VenueId
from models.reservations import rules
from models.seat_map.desks import furniture_of
from models.seat_map.service import SeatMapService, TimeFilter

_BESIDE_DOOR: Final = 14


# --- areas ----------------------------------------------------------------------------------------
async def areas(visit: PageRequest) -> web.StreamResponse:
    """The page with a venue's areas and their free seats, by floor. If the library has no
    bookable area, the page says so, or redirects administrators to the first run."""
    open_venues = {area.venue_id for area in visit[REFERENCE].catalog.bookable_areas}
    if not open_venues:
        if visit.may(Role.ADMINISTRATOR):
            return redirect("/console/setup")
        return render_page(visit.request, "seat_map/not_open.html", reader=visit.reader)
    search = search_of(visit)
    if (moved := redirect_to_today(visit, search)) is not None:
        return moved
    reference = visit[REFERENCE]
    venues = [
        presenter.venue(reference, venue, visit.now, visit.reader)
        for venue in reference.catalog.venues_in_use
        if venue.id in open_venues
    ]
    venue = next((v for v in venues if v.id == search.venue), venues[0])
    if _is_day_of_others(search.day, venue, venues):
        today = replace(search, day=visit.zone.day(visit.now), start="", end="")
        return redirect(today.to("/", venue=venue.id))
    time_window = time_filter(visit, search, venue.id)
    day_policy = reference.policy_on(search.day, VenueId(venue.id))
    overview = await visit[ReaderOverviews].of(visit.reader.id, search.day, visit.now)
    tiles = await area_tiles(visit, venue.id, search, time_window)
    left, current = overview.bookings_left(day_policy), await current_of(visit, overview.live)
    chosen_day = date_of(venue, search.day)
    referer = visit.request.headers.get("Referer", "").partition("?")[0]
    offered = Suggestions()
    if chosen_day.bookable and not search.change and visit.suspension is None:
        proposes = left > 0 and current is None
        offered = await suggestions(visit, VenueId(venue.id), search, overview, proposes=proposes)
    return render_page(
        visit.request,
        "seat_map/areas.html",
        reader=visit.reader,
        search=search,
        venues=venues,
        venue=venue,
        chosen_day=chosen_day,
        offered=offered,
        few=FEW,
        came_from=referer.rpartition("/areas/")[2],
        floors=by_floor(reference.catalog.venues[VenueId(venue.id)], tiles),
        times=search_times(visit, venue.id, search.day),
        filters=feature_filters(visit, search.day),
        current=None if search.change else current,
        untold=current is not None and await reminders_missed(visit),
        bookings_left=left,
        daily_limit=day_policy.daily_booking_limit,
        suspension=visit.suspension,
        changing=await _changing(visit, search),
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
@dataclass(frozen=True, slots=True)
class SeatMarkup:
    seat: Seat
    status: str
    until: str
    free_from: str
    features: dict[str, str]
    reserved_for: tuple[str, ...] = ()


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
    reference = visit[REFERENCE]
    area = reference.area_for_readers(area_id)
    time_window = time_filter(visit, search, area.venue_id)
    occupancy = await visit[SeatMapService].occupancy.get_day(time_window.day)
    minute = floor_minute(visit.now)
    plan = visit[SEAT_MAP_CACHE].plan(area, occupancy, time_window, minute, visit.reader)
    kind = _kind_of(plan)
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
    venue = presenter.venue(
        reference, reference.catalog.venues[area.venue_id], visit.now, visit.reader
    )
    facts: dict[str, Any] = {
        "search": search,
        "area": area,
        "panel": panel,
        "changing": changing,
        "chosen_day": presenter.date_of_area(reference, area, date_of(venue, search.day)),
        "longest_stay": longest_stay(visit, area, search),
        "suspension": visit.suspension,
        "expected": (await expected_seats(visit, [area], search)).get(area.id),
    }
    template = "seat_map/booking_panel.html"
    if FRAGMENT_HEADER not in visit.request.headers:
        template = "seat_map/plan.html"
        facts |= _plan_facts(visit, area, search, time_window, plan)
        facts |= {"venue": venue, "times": search_times(visit, venue.id, search.day)}
    return render_page(visit.request, template, status=status, reader=visit.reader, **facts)


def _plan_facts(
    visit: PageRequest, area: Area, search: MapSearch, time_window: TimeFilter, plan: CachedAreaMap
) -> dict[str, Any]:
    """The template data of the floor plan. The data of the panel beside it is not included."""
    kind = _kind_of(plan)
    count = plan.view.count_with_features(search.features)
    query = {"date": search.day.isoformat()}
    if time_window.end is not None:
        query |= {"start": search.start, "end": search.end}
    catalog = visit[REFERENCE].catalog
    venue_areas = [a for a in catalog.bookable_areas if a.venue_id == area.venue_id]
    floor_of = catalog.venues[area.venue_id].floor
    return {
        "beside": [
            (floor_text(floor_of(number)), list(of_floor))
            for number, of_floor in groupby(venue_areas, key=lambda one: one.floor)
        ],
        "drawing": _drawing(visit, area, search, plan, kind),
        "furniture": furniture_of(area),
        "fixtures": list(fixtures_of(area)),
        "count": count,
        "max_minutes": longest_stay(visit, area, search),
        "reserved_for": plan.reserved_for,
        "feature_text": all_feature_texts(visit),
        "own_features": catalog.features.in_use,
        "icons": ICON_PATHS,
        "words": SEAT_TEXT[kind],
        "version": plan.version(),
        "data": f"/api/v1/areas/{area.id}",
        "query": urlencode(query),
        "filters": feature_filters(visit, search.day),
        "too_long": search.is_longer_than(
            visit[REFERENCE].policy_for(area.id, search.day, visit.reader).longest
        ),
        "may_join_waitlist": not plan.reserved_for
        and not search.change
        and visit.suspension is None
        and count.free == 0 < count.total,
        "next_free": next_free(search, plan, visit.reader.id) if not count.free else "",
        "thanks": "thanks" in visit.request.query,
    }


def longest_stay(visit: PageRequest, area: Area, search: MapSearch) -> int:
    """The longest booking, in minutes, that the reader may make in the area on the searched day."""
    return visit[REFERENCE].policy_for(area.id, search.day, visit.reader).max_minutes


def _drawing(
    visit: PageRequest, area: Area, search: MapSearch, plan: CachedAreaMap, kind: str
) -> Markup:
    """The seats of the plan as SVG. A cache shares the SVG among readers who see equal plans,
    because drawing takes most of a page's time."""
    drawings, reader_id = visit[SEAT_MAP_CACHE].drawings, visit.reader.id
    search = replace(search, until="")
    language = language_of(visit.request)
    key = (area.id, search, kind, plan.version_for(reader_id), language)
    drawn = drawings.get(key)
    if drawn is None:
        seats = [
            SeatMarkup(
                seat,
                state.status.value,
                clock_of(search, state.free_until),
                clock_of(search, state.next_free),
                feature_texts(visit, seat),
                plan.barred.get(place, ()),
            )
            for place, (seat, state) in enumerate(
                zip(area.seats, plan.states_for(reader_id), strict=True)
            )
        ]
        drawn = drawings.keep(
            key,
            render_fragment(
                "seat_map/seats.html",
                visit.zone,
                language,
                area=area,
                search=search,
                seats=seats,
                words=SEAT_TEXT[kind],
                faces=furniture_of(area).faces,
            ),
        )
    return Markup(drawn)


def _kind_of(plan: CachedAreaMap) -> str:
    """The key of the texts for seats' states in ``SEAT_TEXT``: ``moment`` for the present,
    ``time`` for a chosen time, ``day`` for a whole day."""
    assert plan.view.query is not None
    if plan.view.query.span is not None:
        return "time"
    return "moment" if plan.view.query.as_of is not None else "day"


def fixtures_of(area: Area) -> Iterable[dict[str, Any]]:
    """Each fixture of the plan with its label's text and position. A door's label is placed
    beside the door, because the label is wider."""
    for fixture in area.fixtures:
        text, tall = FIXTURE_TEXT.get(fixture.kind, ""), fixture.h > 2 * fixture.w
        x, y = fixture.x + fixture.w / 2, fixture.y + fixture.h / 2
        if fixture.kind == "door" and tall:
            x += _BESIDE_DOOR if x < area.width / 2 else -_BESIDE_DOOR
        elif fixture.kind == "door":
            y += _BESIDE_DOOR if y < area.height / 2 else -_BESIDE_DOOR
        yield {"f": fixture, "text": text, "tall": tall, "x": x, "y": y}


async def redirect_to_start(_: PageRequest) -> web.StreamResponse:
    """Redirects a GET of /reserve to the list of areas. The response to a refused booking has
    this URL, which a reader may load again."""
    return redirect("/")
