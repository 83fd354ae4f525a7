"""The areas on the page of a venue: each with its free seats, and with what is foretold of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from markupsafe import Markup

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.presenting import later_clock
from handlers.seat_map.cache import SEAT_MAP_CACHE, CachedAreaMap
from handlers.seat_map.expected import (
    Counted,
    counted_seats,
    expected_at,
    hour_of,
    hours_to_come,
)
from handlers.seat_map.search import MapSearch
from handlers.seat_map.shared import SharedPieces, sees_as_others
from handlers.texts.pages import floor_text
from models.forecast.service import ExpectedSeats, FullnessForecast
from models.kernel.ids import ReaderId
from models.kernel.time_range import floor_minute
from models.library.entities import Area, AreaId, Venue
from models.occupancy.joined import OccupancyView
from models.seat_map.availability import AreaCount
from models.seat_map.service import TimeFilter

FEW: Final = 0.2
"""If an area has less than this share of its seats free, its number has a warning's colour."""
_HOURS_AHEAD: Final = 7
_ABOUT_FULL: Final = 0.02
"""An area counts as full in an hour for which less than this share of its seats is forecast."""
_BARS_HIGH: Final = 24


@dataclass(frozen=True, slots=True)
class AreaTile:
    area: Area
    count: AreaCount
    max_minutes: int
    closed: str | None
    """Why the area is closed on the searched day (may be empty); None if it is open."""
    reserved_for: tuple[str, ...] = ()
    """The reader groups that the whole area is reserved for; empty if the reader may use a seat."""
    too_long: bool = False
    """Whether the searched time exceeds the area's longest stay for the reader."""
    next_free: str = ""
    """The time at which the next seat of the area becomes free; empty if a seat is free."""
    expected: ExpectedSeats | None = None
    hours: Sequence[ExpectedSeats] = ()
    """The forecasts for the hours to come, at most ``_HOURS_AHEAD`` of them."""

    @property
    def is_full(self) -> bool:
        """True if the reader may use seats of the area that match, and none of these is free."""
        could = self.closed is None and not self.reserved_for and not self.too_long
        return could and self.count.free == 0 < self.count.total

    @property
    def almost_full(self) -> bool:
        return self._is_few(self.count.free)

    @property
    def gets_scarce(self) -> bool:
        """True if few seats are expected to be free at the searched time."""
        return self.expected is not None and self._is_few(self.expected.free)

    @property
    def full_from(self) -> datetime | None:
        """The first of the hours to come in which the area is expected to be full, if any."""
        full = _ABOUT_FULL * self.count.total
        return next((one.begin for one in self.hours if one.free <= full), None)

    @property
    def bars(self) -> tuple[str, str]:
        """Paths of bars, one for each hour to come, whose heights are shares of free seats; those
        of hours with few seats are the second path."""
        to_come: dict[bool, list[str]] = {False: [], True: []}
        for place, one in enumerate(self.hours, 1):
            high = 2 + round(_BARS_HIGH * one.free / (self.count.total or 1))
            to_come[self._is_few(one.free)].append(f"M{10 * place + 4} 26v-{high}")
        return "".join(to_come[False]), "".join(to_come[True])

    def _is_few(self, free: int) -> bool:
        return free < FEW * self.count.total


def floors_of(
    visit: PageRequest,
    shared: SharedPieces,
    venue: Venue,
    search: MapSearch,
    time_window: TimeFilter,
    occupancy: OccupancyView,
) -> Markup:
    """The section of the venue's areas, by floor."""
    areas = [a for a in visit[REFERENCE].catalog.bookable_areas if a.venue_id == venue.id]
    counted = counted_seats(visit, search.day, occupancy)
    referer = visit.request.headers.get("Referer", "").partition("?")[0]
    came_from = referer.rpartition("/areas/")[2]
    own = _own_next_free(visit, areas, search, time_window, occupancy)

    def make(visit: PageRequest) -> Markup:
        tiles = _tiles(visit, areas, search, time_window, occupancy, counted, dict(own))
        by_floor = groupby(tiles, key=lambda tile: tile.area.floor)
        return shared.rendered(
            "seat_map/floors.html",
            floors=[(floor_text(venue.floor(number)), list(of)) for number, of in by_floor],
            search=search,
            few=FEW,
            came_from=came_from,
            today=shared.today,
        )

    came = came_from if any(area.id == came_from for area in areas) else ""
    made_of = occupancy, occupancy.version, counted, visit[FullnessForecast].version
    floors: Markup = shared.piece(("floors", venue.id, search, came, own, made_of), make)
    return floors


def _own_next_free(
    visit: PageRequest,
    areas: Iterable[Area],
    search: MapSearch,
    time_window: TimeFilter,
    occupancy: OccupancyView,
) -> tuple[tuple[AreaId, str], ...]:
    """The full areas in which the reader sees other seats free next than others do, with when."""
    if sees_as_others(visit, occupancy, search.day):
        return ()
    cache, minute = visit[SEAT_MAP_CACHE], floor_minute(visit.now)
    plans = [cache.plan(area, occupancy, time_window, minute, visit.reader) for area in areas]
    return tuple(
        (plan.area.id, next_free(search, plan, visit.reader.id))
        for plan in plans
        if not plan.view.count_with_features(search.features).free and plan.own(visit.reader.id)
    )


def _tiles(
    visit: PageRequest,
    areas: Sequence[Area],
    search: MapSearch,
    time_window: TimeFilter,
    occupancy: OccupancyView,
    counted: Counted | None,
    own_next_free: Mapping[AreaId, str],
) -> Iterator[AreaTile]:
    reference, minute = visit[REFERENCE], floor_minute(visit.now)
    forecasts = hours_to_come(visit, areas, search.day, counted)
    hour = hour_of(visit.zone, search, visit.now)
    for area in areas:
        hours = forecasts.get(area.id, {})
        plan = visit[SEAT_MAP_CACHE].plan(area, occupancy, time_window, minute, visit.reader)
        count = plan.view.count_with_features(search.features)
        policy = reference.policy_for(area.id, search.day, visit.reader)
        opening = reference.opening_hours(reference.policy, search.day, area.id)
        following = own_next_free.get(area.id)
        if following is None:
            following = next_free(search, plan, visit.reader.id) if not count.free else ""
        yield AreaTile(
            area,
            count,
            policy.max_minutes,
            opening.reason if not opening.intervals else None,
            plan.reserved_for,
            search.is_longer_than(policy.longest),
            following,
            expected_at(hours, hour),
            [one for one in hours.values() if one.begin > visit.now][:_HOURS_AHEAD],
        )


def next_free(search: MapSearch, plan: CachedAreaMap, reader_id: ReaderId) -> str:
    """The time at which the area's next seat becomes free; empty if none does on that day."""
    states = plan.states_for(reader_id)
    return clock_of(search, min((s.next_free for s in states if s.next_free), default=None))


def clock_of(search: MapSearch, instant: datetime | None) -> str:
    return later_clock(search.zone, search.day, instant) if instant is not None else ""
