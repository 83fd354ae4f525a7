"""The hall display's content: free seats by floor and area, now and in about an hour, and notices.

Everything comes from the seat maps in memory. Each worker renders a board at most once in five
seconds, however many displays there are; notices are read once a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import groupby
from typing import Final, Literal

import msgspec
from aiohttp import web

from handlers.display.made_once import MadeOnce
from handlers.http.cached_response import CachedBody
from handlers.http.language import library_language
from handlers.http.static_files import asset_url
from handlers.http.templates import render_fragment
from handlers.seat_map.cache import CachedAreaMap, SeatMapCache
from languages.text import Language
from models.forecast.service import ExpectedSeats, FullnessForecast
from models.kernel.errors import DomainError, Unavailable
from models.kernel.time_range import floor_minute
from models.library.entities import Area, Venue, VenueId
from models.library.names import PlaceText, label_text
from models.notices.service import NoticeService
from models.occupancy.joined import OccupancyView
from models.policy.open_hours import OpenHours
from models.reference_data import ReferenceData
from models.seat_map.service import SeatMapService, TimeFilter

_AHEAD: Final = timedelta(hours=1)
_HALF_HOUR: Final = timedelta(minutes=30)
_NOTICES: Final = 6
ClosedState = Literal["", "closed", "over", "to_come"]
ROWS: Final = 6
"""At most this many areas are on one card. A floor with more areas has several cards."""


@dataclass(frozen=True, slots=True)
class AreaRow:
    """The line of one area on the hall display. ``free``: the seats free now; None if the area
    is closed (``state`` says why) or reserved for the reader groups ``groups``. ``later``: the
    seats free in about an hour; None if the area is closed then."""

    area: Area
    free: int | None
    total: int
    later: int | None
    state: ClosedState = ""
    reason: str = ""
    opens: datetime | None = None
    groups: Sequence[str] = ()
    expected: ExpectedSeats | None = None
    """The forecast for the time of ``later``; None with less than four weeks of data."""


@dataclass(frozen=True, slots=True)
class FloorCard:
    """One card of the display: the areas of a floor. A floor with many areas has several cards,
    of which all but the first are ``continued``. Each card has the sums of the whole floor."""

    floor: PlaceText
    continued: bool
    rows: Sequence[AreaRow]
    free: int | None
    later: int | None
    expected: ExpectedSeats | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A display's content: HTML for the first view, JSON for the updates by the page's script."""

    html: str
    body: CachedBody


def assets(language: Language, screen: Literal["display", "door"] = "display") -> str:
    """The versions of the screen's scripts and style sheets. A screen that runs other versions
    reloads its page."""
    names = "screens.js", f"{screen}.js", "display.css", f"{screen}.css"
    return " ".join(asset_url(name, language) for name in dict.fromkeys(names))


def board_of(html: str, assets: str) -> Board:
    content = msgspec.json.encode({"assets": assets, "html": html})
    return Board(html, CachedBody(content, blake2b(content, digest_size=12).hexdigest()))


class HallBoards:
    def __init__(
        self,
        reference: ReferenceData,
        plans: SeatMapCache,
        seat_map: SeatMapService,
        notices: NoticeService,
        forecast: FullnessForecast,
    ) -> None:
        self._reference, self._plans, self._forecast = reference, plans, forecast
        self._occupancy, self._notices = seat_map.occupancy, notices
        self._boards = MadeOnce(reference, self._make)
        self._titles: tuple[datetime | None, Sequence[str]] = (None, ())

    async def board(self, venue: Venue, now: datetime) -> Board:
        """The venue's board, at most five seconds old."""
        return await self._boards.get(venue.id, now)

    async def _make(self, venue_id: VenueId, now: datetime) -> Board:
        minute = floor_minute(now)
        at = self._reference.zone.local(minute + _AHEAD)
        at = at.replace(minute=at.minute // 30 * 30)
        areas = [a for a in self._reference.catalog.bookable_areas if a.venue_id == venue_id]
        today = await self._occupancy.get_day(self._reference.zone.day(minute))
        then = await self._occupancy.get_day(self._reference.zone.day(at))
        windows = self._window(minute, None, venue_id), self._window(minute, at, venue_id)
        rows = []
        for area in areas:
            row = self._row(area, windows, (today, then), minute)
            if (
                row.later is not None
                and (forecast := self._forecast.at_time([area], at)) is not None
            ):
                row = replace(row, expected=forecast.at_most(row.later))
            rows.append((area, row))
            await asyncio.sleep(0)  # evaluating all seats takes long: lets other tasks run
        venue = self._reference.catalog.venues[venue_id]
        floors = [list(floor) for _, floor in groupby(rows, _floor)]
        language = library_language(self._reference.profile)
        html = render_fragment(
            "display/board.html",
            self._reference.zone,
            language,
            cards=[
                self._with_expected(card, floor, at)
                for floor in floors
                for card in _cards(label_text(venue.floor(floor[0][0].floor)), floor)
            ],
            later=at,
            hours=self._reference.policy.day_hours(
                self._reference.zone, self._reference.zone.day(minute), venue_id, None
            ),
            minute=minute,
            notices=await self._current_notices(minute),
        )
        return board_of(html, assets(language))

    def _window(
        self, minute: datetime, at: datetime | None, venue_id: VenueId
    ) -> TimeFilter | None:
        """The time window of the present minute if ``at`` is None, otherwise of the half hour
        from ``at``. None if ``at`` is too far ahead."""
        if at is None:
            return self._plans.window(None, None, None, minute)
        end = at + _HALF_HOUR
        try:
            return self._plans.window(
                at.date(), f"{at:%H:%M}", f"{end:%H:%M}", minute, venue_id=venue_id
            )
        except DomainError:
            return None

    def _row(
        self,
        area: Area,
        windows: tuple[TimeFilter | None, TimeFilter | None],
        days: tuple[OccupancyView, OccupancyView],
        minute: datetime,
    ) -> AreaRow:
        now, ahead = windows
        assert now is not None
        row = row_now(self._plans.plan(area, days[0], now, minute), minute)
        if row.groups or ahead is None:
            return row
        return replace(row, later=self._free_then(area, ahead, days[1], minute))

    def _with_expected(
        self, card: FloorCard, floor: Sequence[tuple[Area, AreaRow]], at: datetime
    ) -> FloorCard:
        """The card with the forecast of the whole floor. Unchanged if an area lacks a forecast
        or the floor has several cards."""
        if card.continued or any(row.expected is None for _, row in floor):
            return card
        forecast = self._forecast.at_time([area for area, _ in floor], at)
        free = card.later if card.later is not None else 0
        return replace(card, expected=forecast.at_most(free) if forecast is not None else None)

    def _free_then(
        self, area: Area, ahead: TimeFilter, day: OccupancyView, minute: datetime
    ) -> int | None:
        view = self._plans.plan(area, day, ahead, minute).view
        assert view.query is not None and view.query.span is not None
        open_then = view.query.opening.covers(view.query.span.start, view.query.span.end)
        return view.count.free if open_then else None

    async def _current_notices(self, minute: datetime) -> Sequence[str]:
        """Titles of current notices, read once a minute; the previous ones while MongoDB fails."""
        if self._titles[0] != minute:
            try:
                notices, _ = await self._notices.page_of(minute, 0, _NOTICES)
                self._titles = minute, [notice.title for notice in notices]
            except Unavailable:
                self._titles = minute, self._titles[1]
        return self._titles[1]


def row_now(plan: CachedAreaMap, minute: datetime) -> AreaRow:
    """The area's line for this moment, with ``later`` still None."""
    view = plan.view
    assert view.query is not None
    count, opening = view.count, view.query.opening
    state, opens = closed_state(opening, minute)
    if not state and plan.reserved_for:
        return AreaRow(
            plan.area, None, count.total, None, "", opening.reason, None, plan.reserved_for
        )
    free = None if state else count.free
    return AreaRow(plan.area, free, count.total, None, state, opening.reason, opens)


def closed_state(opening: OpenHours, minute: datetime) -> tuple[ClosedState, datetime | None]:
    """Why a place with these hours is closed (empty if open); when it opens later today (None if it
    does not)."""
    if not opening.intervals:
        return "closed", None
    hours = opening.upcoming(minute)
    if hours is None:
        return "over", None
    return ("to_come", hours.start) if minute < hours.start else ("", None)


def _floor(row: tuple[Area, AreaRow]) -> int:
    return row[0].floor


def _cards(name: PlaceText, floor: list[tuple[Area, AreaRow]]) -> list[FloorCard]:
    """The cards of one floor: its areas, spread evenly over as few cards as possible."""
    rows = [row for _, row in floor]
    parts = -(-len(rows) // ROWS)
    size = -(-len(rows) // parts)
    return [
        FloorCard(
            name,
            start > 0,
            rows[start : start + size],
            _sum(r.free for r in rows),
            _sum(r.later for r in rows),
        )
        for start in range(0, len(rows), size)
    ]


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum of the numbers, ignoring None; None if all are None."""
    open_counts = [n for n in counts if n is not None]
    return sum(open_counts) if open_counts else None


HALL_BOARDS: Final = web.AppKey("hall_boards", HallBoards)
