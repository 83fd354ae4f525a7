"""Suggestions of the first screen: one seat, the favourites, and the last one again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.presenting import clock, suspension
from handlers.reservations import presenter
from handlers.reservations.schemas import AgainOut
from handlers.seat_map.cache import SEAT_MAP_CACHE, CachedAreaMap
from handlers.seat_map.search import AnyRequest, MapSearch, feature_filters, time_filter
from handlers.texts.pages import PROPOSAL_TEXT
from models.booking.service import ReservationService
from models.booking.time_choices import end_choices, proposed_start, start_choices
from models.favourites.service import FavouriteSeats
from models.kernel.time_range import floor_minute, local_date
from models.library.entities import Area, AreaId, Seat, SeatId, VenueId
from models.policy.open_hours import open_hours
from models.reservations.entities import Reservation
from models.seat_map.availability import SeatState
from models.seat_map.proposal import Proposal, propose
from models.seat_map.service import SeatMapService
from notify.templates.rendering import later_clock

_USUALLY: Final = timedelta(hours=2)
_PASSED_OVER: Final = 12
"""So many seats are remembered that somebody did not want."""
_AROUND: Final = (150, 75)
"""How far the picture of the proposed seat goes to each side, in plan units."""


@dataclass(frozen=True, slots=True)
class NearbySeat:
    """A seat in the picture of the proposed one."""

    seat: Seat
    status: str


@dataclass(frozen=True, slots=True)
class ProposedSeat:
    """The seat that is proposed, in words and in its place."""

    seat: Seat
    area: Area
    reason: str
    features: list[str]
    period: str
    until: str
    href: str
    other: str
    """The address under which another one is proposed."""
    around: list[NearbySeat]
    view: str


@dataclass(frozen=True, slots=True)
class FavouriteSeat:
    """A favourite as it is at that time."""

    area: Area
    no: str
    state: str
    free: bool
    href: str


@dataclass(frozen=True, slots=True)
class OnceMore:
    """The seat of the last stay, the time at which it can be had again, and where it is booked.
    ``venue`` is named where there are several."""

    venue: str
    area: Area
    no: str
    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    proposed: ProposedSeat | None = None
    favourites: list[FavouriteSeat] = field(default_factory=list)
    again: OnceMore | None = None


async def suggestions(
    visit: PageRequest,
    venue_id: VenueId,
    search: MapSearch,
    favourites: Sequence[Seat],
    last: Reservation | None,
    *,
    proposes: bool,
) -> Suggestions:
    """Suggestions for the time of the search; without one, for the next two hours. ``last`` is
    the reader's last stay, and ``proposes`` whether they may book one more."""
    wanted = await _with_time(visit, venue_id, search)
    shown = await _shown(visit, venue_id, wanted)
    recent = visit[REFERENCE].catalog.seats.get(last.seat_id) if last is not None else None
    once_more = presenter.again(visit[REFERENCE], visit.reader, last, visit.now)
    return Suggestions(
        _proposed(visit, shown, wanted, favourites, recent) if proposes else None,
        [
            _favourite(visit, seat, shown[seat.area_id], wanted)
            for seat in favourites
            if seat.area_id in shown
        ],
        _again(visit, once_more) if once_more is not None else None,
    )


def passed_over(asked: str) -> list[str]:
    """The seats that the reader did not want, of those in the text the latest ones."""
    return [*filter(None, asked.split(","))][-_PASSED_OVER:]


async def _with_time(visit: AnyRequest, venue_id: VenueId, search: MapSearch) -> MapSearch:
    """The search with a time, where none is asked for: today from now on, on another day from when
    the reader usually begins; as long as most stay."""
    if search.has_time:
        return search
    policy = visit[REFERENCE].policy_on(search.day)
    place = open_hours(policy, search.day, venue_id, None)
    starts = {start: value for value, start in start_choices(search.day, policy, place, visit.now)}
    if not starts:
        return search
    start = next(iter(starts))
    if search.day != local_date(visit.now):
        usual = await visit[ReservationService].usual_start(visit.reader.id, visit.now)
        start = proposed_start([*starts], usual, policy, place.intervals)
    hours = place.containing(start)
    assert hours is not None
    end = min(end_choices(start, policy, hours), key=lambda one: abs(one - start - _USUALLY))
    return replace(search, start=starts[start], end=clock(end))


async def _shown(
    visit: AnyRequest, venue_id: VenueId, search: MapSearch
) -> dict[AreaId, CachedAreaMap]:
    """The areas in which the reader may stay for that time, as they are then."""
    reference, cache, minute = visit[REFERENCE], visit[SEAT_MAP_CACHE], floor_minute(visit.now)
    asked = time_filter(visit, search)
    occupancy = await visit[SeatMapService].occupancy.get_day(asked.day)
    found = {}
    for area in reference.catalog.bookable_areas:
        policy = reference.policy_for(area.id, search.day, visit.reader)
        if area.venue_id == venue_id and not search.is_longer_than(policy.longest):
            found[area.id] = cache.plan(area, occupancy, asked, minute, visit.reader)
    return found


def _to(search: MapSearch, seat: Seat) -> str:
    return search.to(f"/areas/{seat.area_id}", seat=seat.id, begin=search.start, until=search.end)


def _proposed(
    visit: PageRequest,
    shown: Mapping[AreaId, CachedAreaMap],
    search: MapSearch,
    favourites: Iterable[Seat],
    recent: Seat | None,
) -> ProposedSeat | None:
    skip = passed_over(visit.request.query.get("skip", ""))
    found = _propose(visit, shown, search, favourites, recent, skip)
    if found is None:
        return None
    area = shown[found.seat.area_id].area
    passed = ",".join([*skip, found.seat.id])
    until = found.state.free_until
    return ProposedSeat(
        seat=found.seat,
        area=area,
        reason=_reason(found),
        features=[
            text for name, text in feature_filters(visit, search.day) if getattr(found.seat, name)
        ],
        period=search.period,
        until=later_clock(search.day, until) if until is not None else "",
        href=_to(search, found.seat),
        other=search.to("/", skip=passed),
        around=list(_around(found.seat, area, shown[area.id].states_for(visit.reader.id))),
        view=f"{found.seat.x + 20 - _AROUND[0]} {found.seat.y + 20 - _AROUND[1]}"
        f" {2 * _AROUND[0]} {2 * _AROUND[1]}",
    )


def _propose(
    visit: AnyRequest,
    shown: Mapping[AreaId, CachedAreaMap],
    search: MapSearch,
    favourites: Iterable[Seat],
    recent: Seat | None,
    skip: Iterable[str],
) -> Proposal | None:
    reader_id = visit.reader.id
    if not search.has_time:
        return None
    known = [*favourites, *([recent] if recent is not None else [])]
    return propose(
        [(one.area, one.view.count_with_features(search.features).free) for one in shown.values()],
        lambda area: shown[area.id].states_for(reader_id),
        known,
        search.features,
        {SeatId(id) for id in skip},
        visit[REFERENCE].catalog.nearest_seats,
    )


async def propose_for_app(
    call: ApiRequest, venue_id: VenueId, search: MapSearch, skip: Sequence[str]
) -> tuple[Proposal, MapSearch] | None:
    """The seat that is proposed to the reader, and for what time; None where none is free, or the
    reader has a seat, or may book none that day."""
    reader, reference = call.reader, call[REFERENCE]
    policy = reference.with_groups(reference.policy_on(search.day), reader, None, search.day)
    left, live, favourites, last = await asyncio.gather(
        call[ReservationService].bookings_left(reader.id, search.day, policy),
        call[ReservationService].live_now(reader.id, call.now),
        call[FavouriteSeats].of(reader.id),
        call[ReservationService].last_stay(reader.id),
    )
    if suspension(reader, call.now) is not None or live or not left:
        return None
    recent = reference.catalog.seats.get(last.seat_id) if last is not None else None
    wanted = await _with_time(call, venue_id, search)
    shown = await _shown(call, venue_id, wanted)
    found = _propose(call, shown, wanted, favourites, recent, skip)
    return (found, wanted) if found is not None else None


def _reason(found: Proposal) -> str:
    return PROPOSAL_TEXT[found.reason].format(no=found.anchor.number if found.anchor else "")


def _around(seat: Seat, area: Area, states: Sequence[SeatState]) -> Iterable[NearbySeat]:
    wide, high = _AROUND[0] + 40, _AROUND[1] + 40
    for one, state in zip(area.seats, states, strict=True):
        if abs(one.x - seat.x) < wide and abs(one.y - seat.y) < high:
            yield NearbySeat(one, "mine" if one.id == seat.id else state.status.value)


def _favourite(
    visit: PageRequest, seat: Seat, shown: CachedAreaMap, search: MapSearch
) -> FavouriteSeat:
    area = shown.area
    state = shown.states_for(visit.reader.id)[area.seats.index(seat)]
    free = state.status.value == "free"
    words = PROPOSAL_TEXT["free"] if free else PROPOSAL_TEXT["taken"]
    if not free and state.next_free is not None:
        words = PROPOSAL_TEXT["later"].format(clock=later_clock(search.day, state.next_free))
    return FavouriteSeat(
        area,
        seat.number,
        words,
        free,
        _to(search, seat),
    )


def _again(visit: PageRequest, found: AgainOut) -> OnceMore:
    catalog = visit[REFERENCE].catalog
    area = catalog.areas[AreaId(found.seat.area_id)]
    several = len([*catalog.venues_in_use]) > 1
    search = MapSearch(
        found.date, found.start, found.end, minute=clock(visit.now), past_midnight=True
    )
    later = found.date > local_date(visit.now)
    return OnceMore(
        found.seat.venue if several else "",
        area,
        found.seat.no,
        PROPOSAL_TEXT["tomorrow" if later else "today"].format(begin=search.period),
        MapSearch(found.date).to(
            f"/areas/{area.id}", seat=found.seat.id, begin=found.start, until=found.end
        ),
    )
