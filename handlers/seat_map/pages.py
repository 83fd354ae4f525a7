"""自选座位: the areas, the plan of one, the times of a seat, and booking it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from markupsafe import Markup

from handlers.http import presenting
from handlers.http.pages import FRAGMENT_HEADER, PageRequest, redirect, render_fragment, render_page
from handlers.reservations import presenter as reservations_presenter
from handlers.reservations import schemas
from handlers.seat_map import presenter
from handlers.seat_map.booking_panel import _clock, _marks_of, _panel, _show_error
from handlers.seat_map.cache import CachedAreaMap
from handlers.seat_map.search import (
    _FLOORS,
    MapSearch,
    _asked,
    _day_of,
    _of_today,
    _times,
    _window,
    _wishes,
)
from handlers.texts.labels import SEAT_TEXT
from models.kernel.errors import DomainError
from models.kernel.time_range import floor_minute
from models.library.entities import Area, Fixture, Seat
from models.reservations import rules
from models.seat_map.availability import AreaCount

_FEW: Final = 0.2
"""Below this share of free seats an area's bar warns."""
MARK_TEXT: Final = {"power": "电源", "window": "靠窗", "computer": "电脑", "accessible": "无障碍"}


# --- areas ----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class AreaTile:
    area: Area
    count: AreaCount
    max_minutes: int

    @property
    def percent(self) -> int:
        return round(100 * self.count.free / self.count.total) if self.count.total else 0

    @property
    def almost_full(self) -> bool:
        return self.count.free < _FEW * self.count.total


async def areas(visit: PageRequest) -> web.StreamResponse:
    asked = _asked(visit)
    if (moved := _of_today(visit, asked)) is not None:
        return moved
    window = _window(visit, asked)
    desk = visit.services.desk
    venues = [presenter.venue(desk, venue, visit.now) for venue in desk.library.venues.values()]
    venue = next((v for v in venues if v.id == asked.venue), venues[0])
    board = await desk.board.get_day(window.day)
    tiles = [
        AreaTile(
            area,
            visit.services.plans.plan(
                desk, area, board, window, floor_minute(visit.now)
            ).view.count_with_features(asked.marks),
            desk.policy_for(area.id, asked.day).max_minutes,
        )
        for area in desk.library.bookable_areas
        if area.venue_id == venue.id
    ]
    floors = [
        (f"{_FLOORS[floor]}层" if 0 <= floor < len(_FLOORS) else f"{floor}层", list(found))
        for floor, found in groupby(tiles, key=lambda tile: tile.area.floor)
    ]
    return render_page(
        visit.request,
        "seat_map/areas.html",
        reader=visit.reader,
        asked=asked,
        venues=venues,
        venue=venue,
        chosen_day=_day_of(venue, asked.day),
        floors=floors,
        times=_times(visit, venue.id, asked.day),
        wishes=_wishes(visit),
        current=None if asked.change else await current_of(visit),
        changing=await _changing(visit, asked),
    )


async def _changing(visit: PageRequest, asked: MapSearch) -> schemas.ReservationOut | None:
    """What is about to be changed. Raises: NotFound, InvalidState where it cannot be any more."""
    if not asked.change:
        return None
    desk = visit.services.desk
    r = await desk.get_own(asked.change, visit.reader.id)
    rules.may_change(r, visit.now)
    return await reservations_presenter.reservation(desk, r, visit.now)


async def current_of(visit: PageRequest) -> schemas.ReservationOut | None:
    """What the reader's pages show first: the seat that they are at, or their next one."""
    desk = visit.services.desk
    since = visit.now - timedelta(days=1)
    live = await desk.reservations.live_of(visit.reader.id, since)
    shown = [await reservations_presenter.reservation(desk, r, visit.now) for r in live]
    here = [r for r in shown if r.state in ("in_use", "away")]
    return next(iter([*here, *shown]), None)


# --- a plan ---------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class SeatMarkup:
    seat: Seat
    status: str
    until: str
    free_from: str

    @property
    def marks(self) -> list[str]:
        return _marks_of(self.seat)


async def plan(visit: PageRequest) -> web.StreamResponse:
    asked = _asked(visit)
    return _of_today(visit, asked) or await _plan(visit, visit.id, asked)


async def _plan(
    visit: PageRequest,
    area_id: str,
    asked: MapSearch,
    *,
    status: int = 200,
    refusal: DomainError | None = None,
    wished_end: str = "",
) -> web.StreamResponse:
    desk = visit.services.desk
    area = desk.area(area_id)
    window = _window(visit, asked)
    board = await desk.board.get_day(window.day)
    shown = visit.services.plans.plan(desk, area, board, window, floor_minute(visit.now))
    kind = kind_of(shown)
    panel = None
    changing = await _changing(visit, asked)
    if asked.seat:
        if changing is not None and not wished_end:
            wished_end = presenting.clock(changing.end)
        panel = await _panel(visit, area, asked, shown, kind, wished_end)
        if refusal is not None:
            _show_error(panel, refusal, asked, area)
    venue = presenter.venue(desk, desk.library.venues[area.venue_id], visit.now)
    chosen_day = _day_of(venue, asked.day)
    if FRAGMENT_HEADER in visit.request.headers:
        return render_page(
            visit.request, "seat_map/booking_panel.html", status=status, reader=visit.reader, asked=asked,
            area=area, panel=panel, changing=changing, chosen_day=chosen_day,
        )  # fmt: skip
    query = urlencode(
        {"date": asked.day.isoformat()}
        | ({"start": asked.start, "end": asked.end} if window.start is not None else {})
    )
    return render_page(
        visit.request,
        "seat_map/plan.html",
        status=status,
        reader=visit.reader,
        asked=asked,
        area=area,
        venue=venue,
        chosen_day=chosen_day,
        drawing=_drawing(visit, area, asked, shown, kind),
        marks=list(_marks(area.fixtures)),
        count=shown.view.count_with_features(asked.marks),
        max_minutes=desk.policy_for(area.id, asked.day).max_minutes,
        words=SEAT_TEXT[kind],
        words_json=msgspec.json.encode(SEAT_TEXT[kind]).decode(),
        version=shown.version(desk),
        data=f"/api/v1/areas/{area.id}",
        query=query,
        times=_times(visit, venue.id, asked.day),
        wishes=_wishes(visit),
        may_wait=not changing
        and window.start is not None
        and chosen_day.bookable
        and not shown.view.count_with_features(asked.marks).free,
        thanks="thanks" in visit.request.query,
        panel=panel,
        changing=changing,
    )


def _drawing(
    visit: PageRequest, area: Area, asked: MapSearch, shown: CachedAreaMap, kind: str
) -> Markup:
    """All seats as SVG. Made once for all who see the same: it takes most of a page's time."""
    drawings, reader_id = visit.services.plans.drawings, visit.reader.id
    asked = replace(asked, until="")
    key = (area.id, asked, kind, shown.version_for(visit.services.desk, reader_id))
    drawn = drawings.get(key)
    if drawn is None:
        seats = [
            SeatMarkup(seat, view.status.value, _clock(view.free_until), _clock(view.next_free))
            for seat, view in zip(
                area.seats, shown.states_for(visit.services.desk, reader_id), strict=True
            )
        ]
        words = SEAT_TEXT[kind]
        drawn = drawings.keep(
            key, render_fragment("seat_map/seats.html", area=area, asked=asked, seats=seats, words=words)
        )
    return Markup(drawn)


def kind_of(shown: CachedAreaMap) -> str:
    """Which words a seat's state has: of this moment, of a chosen time, of a whole day."""
    assert shown.view.look is not None
    if shown.view.look.span is not None:
        return "time"
    return "moment" if shown.view.look.as_of is not None else "day"


def _marks(marks: Iterable[Fixture]) -> Iterable[dict[str, Any]]:
    words = {"bookshelf": "书架", "door": "入口", "kiosk": "选座机", "window": "窗", "pillar": ""}
    for mark in marks:
        yield {"m": mark, "text": words.get(mark.kind, ""), "tall": mark.h > 2 * mark.w}


async def redirect_to_start(_: PageRequest) -> web.StreamResponse:
    """A refused booking stands under this address; who opens it anew begins at the areas."""
    return redirect("/")
