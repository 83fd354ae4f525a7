"""The pieces of the page of an area's plan: its heading with the search, and the drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.pieces import Piece
from handlers.seat_map.area_tiles import clock_of
from handlers.seat_map.cache import SEAT_MAP_CACHE, CachedAreaMap
from handlers.seat_map.plan_rooms import room_markup
from handlers.seat_map.schemas import DateOut, VenueOut
from handlers.seat_map.search import (
    MapSearch,
    all_feature_texts,
    feature_filters,
    feature_texts,
)
from handlers.seat_map.shared import SharedPieces, without_reader
from handlers.texts.feature_icons import ICON_PATHS
from handlers.texts.labels import FIXTURE_TEXT, ROOM_ON_PLAN_TEXT, SEAT_TEXT
from handlers.texts.pages import floor_text
from models.library.entities import Area, Seat
from models.seat_map.availability import SeatState
from models.seat_map.desks import furniture_of

_BESIDE_DOOR: Final = 14


def longest_stay(visit: PageRequest, area: Area, search: MapSearch) -> int:
    """The longest booking, in minutes, that the reader may make in the area on the searched day."""
    return visit[REFERENCE].policy_for(area.id, search.day, visit.reader).max_minutes


def is_too_long(visit: PageRequest, area: Area, search: MapSearch) -> bool:
    """True if the searched time exceeds the reader's longest booking in the area."""
    policy = visit[REFERENCE].policy_for(area.id, search.day, visit.reader)
    return search.is_longer_than(policy.longest)


def top_of(
    shared: SharedPieces,
    venue: VenueOut,
    plan: CachedAreaMap,
    search: MapSearch,
    chosen_day: DateOut,
) -> Markup:
    """The heading of the plan with the ways to other areas, and the search."""
    area, count = plan.area, plan.view.count_with_features(search.features)

    def make(visit: PageRequest) -> Markup:
        catalog = visit[REFERENCE].catalog
        venue_areas = [a for a in catalog.bookable_areas if a.venue_id == area.venue_id]
        floor_of = catalog.venues[area.venue_id].floor
        return shared.rendered(
            "seat_map/plan_top.html",
            area=area,
            search=search,
            beside=[
                (floor_text(floor_of(number)), list(of_floor))
                for number, of_floor in groupby(venue_areas, key=lambda one: one.floor)
            ],
            count=count,
            max_minutes=longest_stay(visit, area, search),
            too_long=is_too_long(visit, area, search),
            query=_query(search, plan),
            filters=feature_filters(visit, search.day),
            chosen_day=chosen_day,
            wish=shared.wish(venue, search, f"/areas/{area.id}", filters=False),
            today=shared.today,
        )

    top: Markup = shared.piece(("top", area.id, search, count), make)
    return top


def _query(search: MapSearch, plan: CachedAreaMap) -> str:
    query = {"date": search.day.isoformat()}
    if plan.time_window.end is not None:
        query |= {"start": search.start, "end": search.end}
    return urlencode(query)


@dataclass(frozen=True, slots=True)
class SeatMarkup:
    seat: Seat
    status: str
    until: str
    free_from: str
    features: dict[str, str]
    reserved_for: tuple[str, ...] = ()


def drawing_of(
    visit: PageRequest,
    shared: SharedPieces,
    plan: CachedAreaMap,
    search: MapSearch,
) -> Piece:
    """The plan's legend and drawing. Readers who see equal plans share them, because drawing takes
    most of a page's time."""
    drawings, reader_id = visit[SEAT_MAP_CACHE].drawings, visit.reader.id
    search = replace(search, until="")
    version = plan.version_for(reader_id)
    key = (plan.area.id, search, kind_of(plan), version, shared.language.tag, plan.rooms)
    drawn = drawings.get(key)
    if drawn is None:
        states = plan.states_for(reader_id)
        drawn = drawings.keep(key, _drawing(without_reader(visit), shared, plan, states, search))
    return drawn


def _drawing(
    visit: PageRequest,
    shared: SharedPieces,
    plan: CachedAreaMap,
    states: Sequence[SeatState],
    search: MapSearch,
) -> Piece:
    area, words, catalog = plan.area, SEAT_TEXT[kind_of(plan)], visit[REFERENCE].catalog
    furniture = furniture_of(area)
    seats = [
        SeatMarkup(
            seat,
            state.status.value,
            clock_of(search, state.free_until),
            clock_of(search, state.next_free),
            feature_texts(visit, seat),
            plan.barred.get(place, ()),
        )
        for place, (seat, state) in enumerate(zip(area.seats, states, strict=True))
    ]
    drawing = shared.rendered(
        "seat_map/seats.html",
        area=area,
        search=search,
        seats=seats,
        words=words,
        faces=furniture.faces,
    )
    return Piece(
        shared.rendered(
            "seat_map/plan_drawing.html",
            area=area,
            search=search,
            drawing=drawing,
            furniture=furniture,
            fixtures=list(fixtures_of(area)),
            rooms=[room_markup(one, shared.language) for one in plan.rooms],
            room_words=ROOM_ON_PLAN_TEXT,
            feature_text=all_feature_texts(visit),
            own_features=catalog.features.in_use,
            icons=ICON_PATHS,
            words=words,
            version=plan.version(),
            data=f"/api/v1/areas/{area.id}",
            query=_query(search, plan),
        )
    )


def kind_of(plan: CachedAreaMap) -> str:
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
