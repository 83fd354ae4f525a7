"""The first page's suggestions: a proposed seat, the favourites, and the last seat again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from typing import Final

from markupsafe import Markup

from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.presenting import clock, later_clock, suspension
from handlers.reservations import presenter
from handlers.reservations.glimpse import Glimpse, glimpse_of
from handlers.reservations.schemas import AgainOut
from handlers.seat_map.cache import SEAT_MAP_CACHE, CachedAreaMap
from handlers.seat_map.search import AnyRequest, MapSearch, feature_filters, time_filter
from handlers.seat_map.shared import SharedPieces, sees_as_others
from handlers.texts.pages import PROPOSAL_TEXT
from models.booking.overview_queries import ReaderOverview, ReaderOverviews
from models.booking.time_choices import end_choices, proposed_start, start_choices
from models.kernel.time_range import floor_minute
from models.library.entities import Area, AreaId, Catalog, Seat, SeatId, Venue, VenueId
from models.occupancy.joined import OccupancyView
from models.parties.rules import most_people
from models.policy.open_hours import open_hours
from models.seat_map.proposal import Proposal, propose
from models.seat_map.service import SeatMapService

_USUALLY: Final = timedelta(hours=2)
_PASSED_OVER: Final = 12
"""At most this many seats that the reader has skipped are remembered, the latest ones."""


@dataclass(frozen=True, slots=True)
class ProposedSeat:
    seat: Seat
    area: Area
    reason: str
    features: list[str]
    period: str
    until: str
    href: str
    other: str
    """The URL of the page that proposes another seat."""
    together: str
    """The URL of the page that proposes seats for friends too; empty if nobody may hold any."""
    glimpse: Glimpse


@dataclass(frozen=True, slots=True)
class FavouriteSeat:
    area: Area
    no: str
    state: str
    free: bool
    href: str


@dataclass(frozen=True, slots=True)
class OnceMore:
    """The seat of the reader's last stay, with a time at which the seat can be booked again.
    ``venue``: None if the library has only one."""

    venue: Venue | None
    area: Area
    no: str
    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    proposed: Markup = field(default_factory=Markup)
    """The section with the proposed seat; empty without one."""
    favourites: list[FavouriteSeat] = field(default_factory=list)
    again: OnceMore | None = None


def suggestions(
    visit: PageRequest,
    venue_id: VenueId,
    search: MapSearch,
    overview: ReaderOverview,
    occupancy: OccupancyView,
    shared: SharedPieces,
    *,
    proposes: bool,
) -> Suggestions:
    """The suggestions for the searched time or, without a valid time, the next two hours.
    ``proposes``: whether to propose a seat (to a reader who may book)."""
    usual = visit.reader.usual_start if search.day != shared.today else None
    timed_search: MapSearch = shared.piece(
        ("timed", venue_id, search, usual), lambda visit: _with_time(visit, venue_id, search, usual)
    )
    once_more = presenter.again(visit[REFERENCE], visit.reader, overview.last_stay, visit.now)
    return Suggestions(
        _section(visit, shared, venue_id, timed_search, overview, occupancy)
        if proposes
        else Markup(),
        [
            _favourite(visit, seat, plan, timed_search)
            for seat in overview.favourite_seats(visit[REFERENCE].catalog)
            if (plan := _plan(visit, seat.area_id, venue_id, timed_search, occupancy)) is not None
        ],
        _again(visit, once_more) if once_more is not None else None,
    )


def passed_over(seat_ids: str) -> list[str]:
    """The ids of skipped seats in the query parameter; only the latest ``_PASSED_OVER``."""
    return [*filter(None, seat_ids.split(","))][-_PASSED_OVER:]


def _with_time(
    visit: AnyRequest, venue_id: VenueId, search: MapSearch, usual: time | None
) -> MapSearch:
    """The search with a time. A search without a time gets about two hours, beginning now or, on
    a later day, at the reader's ``usual`` start."""
    if search.has_time:
        return search
    policy = visit[REFERENCE].policy_on(search.day, venue_id)
    place = open_hours(visit.zone, visit[REFERENCE].policy, search.day, venue_id, None)
    starts = {
        start: value
        for value, start in start_choices(visit.zone, search.day, policy, place, visit.now)
    }
    if not starts:
        return search
    start = next(iter(starts))
    if search.day != visit.zone.day(visit.now):
        start = proposed_start(visit.zone, [*starts], usual, policy, place.intervals)
    hours = place.containing(start)
    assert hours is not None
    end = min(
        end_choices(visit.zone, start, policy, hours), key=lambda one: abs(one - start - _USUALLY)
    )
    return replace(search, start=starts[start], end=clock(visit.zone, end))


def _plan(
    visit: AnyRequest,
    area_id: AreaId,
    venue_id: VenueId,
    search: MapSearch,
    occupancy: OccupancyView,
) -> CachedAreaMap | None:
    """The area's plan; None if the area is in another venue, or if its longest stay is below the
    searched time."""
    reference = visit[REFERENCE]
    area = reference.catalog.areas[area_id]
    policy = reference.policy_for(area_id, search.day, visit.reader)
    if area.venue_id != venue_id or search.is_longer_than(policy.longest):
        return None
    time_window = time_filter(visit, search, venue_id)
    minute = floor_minute(visit.now)
    return visit[SEAT_MAP_CACHE].plan(area, occupancy, time_window, minute, visit.reader)


def _plans_by_area(
    visit: AnyRequest, venue_id: VenueId, search: MapSearch, occupancy: OccupancyView
) -> dict[AreaId, CachedAreaMap]:
    areas = visit[REFERENCE].catalog.bookable_areas
    plans = ((area.id, _plan(visit, area.id, venue_id, search, occupancy)) for area in areas)
    return {id: plan for id, plan in plans if plan is not None}


def _to(search: MapSearch, seat: Seat) -> str:
    return search.to(f"/areas/{seat.area_id}", seat=seat.id, begin=search.start, until=search.end)


def _section(
    visit: PageRequest,
    shared: SharedPieces,
    venue_id: VenueId,
    search: MapSearch,
    overview: ReaderOverview,
    occupancy: OccupancyView,
) -> Markup:
    """The section with the proposed seat, which readers share who know the same seats."""
    skip = passed_over(visit.request.query.get("skip", ""))
    familiar = _familiar(visit[REFERENCE].catalog, overview)

    def make(visit: PageRequest) -> Markup:
        plans = _plans_by_area(visit, venue_id, search, occupancy)
        one = _proposed(visit, plans, search, familiar, skip)
        if one is None:
            return Markup()
        catalog = visit[REFERENCE].catalog
        return shared.rendered("seat_map/proposed.html", one=one, catalog=catalog)

    if not sees_as_others(visit, occupancy, search.day):
        return make(visit)
    seat_ids = tuple(seat.id for seat in familiar)
    key = "proposed", venue_id, search, tuple(skip), seat_ids, occupancy, occupancy.version
    section: Markup = shared.piece(key, make)
    return section


def _proposed(
    visit: PageRequest,
    plans: Mapping[AreaId, CachedAreaMap],
    search: MapSearch,
    familiar: Sequence[Seat],
    skip: Sequence[str],
) -> ProposedSeat | None:
    proposal = _propose(visit, plans, search, familiar, skip)
    if proposal is None:
        return None
    area = plans[proposal.seat.area_id].area
    passed = ",".join([*skip, proposal.seat.id])
    until = proposal.state.free_until
    return ProposedSeat(
        seat=proposal.seat,
        area=area,
        reason=_reason(proposal),
        features=[
            text for name, text in feature_filters(visit, search.day) if proposal.seat.has((name,))
        ],
        period=search.period,
        until=later_clock(search.zone, search.day, until) if until is not None else "",
        href=_to(search, proposal.seat),
        other=search.to("/", skip=passed),
        together=search.to("/together", seat=proposal.seat.id)
        if most_people(area, visit[REFERENCE].policy_for(area.id, search.day)) > 1
        else "",
        glimpse=glimpse_of(
            [proposal.seat],
            area,
            [state.status.value for state in plans[area.id].states_for(visit.reader.id)],
        ),
    )


def _familiar(catalog: Catalog, overview: ReaderOverview) -> list[Seat]:
    """The seats that the reader knows: the favourites, then that of the last stay."""
    familiar, last = overview.favourite_seats(catalog), overview.last_stay
    if last is not None and last.seat_id in catalog.seats:
        familiar.append(catalog.seats[last.seat_id])
    return familiar


def _propose(
    visit: AnyRequest,
    plans: Mapping[AreaId, CachedAreaMap],
    search: MapSearch,
    familiar: Sequence[Seat],
    skip: Iterable[str],
) -> Proposal | None:
    reader_id = visit.reader.id
    if not search.has_time:
        return None
    return propose(
        [(one.area, one.view.count_with_features(search.features).free) for one in plans.values()],
        lambda area: plans[area.id].states_for(reader_id),
        familiar,
        search.features,
        {SeatId(id) for id in skip},
        visit[REFERENCE].catalog.nearest_seats,
    )


async def propose_for_app(
    call: ApiRequest, venue_id: VenueId, search: MapSearch, skip: Sequence[str]
) -> tuple[Proposal, MapSearch] | None:
    """The seat to propose and the search with its time. None if no seat is free, if the reader
    has a live reservation, or if they may not book."""
    reader, reference = call.reader, call[REFERENCE]
    policy = reference.policy_of_reader(search.day, venue_id, reader)
    overview = await call[ReaderOverviews].of(reader.id, search.day, call.now)
    left = overview.bookings_left(policy)
    if suspension(call.zone, reader, call.now) is not None or overview.live or not left:
        return None
    timed_search = _with_time(call, venue_id, search, reader.usual_start)
    occupancy = await call[SeatMapService].occupancy.get_day(search.day)
    plans = _plans_by_area(call, venue_id, timed_search, occupancy)
    familiar = _familiar(reference.catalog, overview)
    proposal = _propose(call, plans, timed_search, familiar, skip)
    return (proposal, timed_search) if proposal is not None else None


def _reason(proposal: Proposal) -> str:
    return PROPOSAL_TEXT[proposal.reason].format(
        no=proposal.anchor.number if proposal.anchor else ""
    )


def _favourite(
    visit: PageRequest, seat: Seat, plan: CachedAreaMap, search: MapSearch
) -> FavouriteSeat:
    area = plan.area
    state = plan.states_for(visit.reader.id)[area.seats.index(seat)]
    free = state.status.value == "free"
    words = PROPOSAL_TEXT["free"] if free else PROPOSAL_TEXT["taken"]
    if not free and state.next_free is not None:
        words = PROPOSAL_TEXT["later"].format(
            clock=later_clock(search.zone, search.day, state.next_free)
        )
    return FavouriteSeat(
        area,
        seat.number,
        words,
        free,
        _to(search, seat),
    )


def _again(visit: PageRequest, again: AgainOut) -> OnceMore:
    catalog = visit[REFERENCE].catalog
    area = catalog.areas[AreaId(again.seat.area_id)]
    several = len([*catalog.venues_in_use]) > 1
    search = MapSearch(
        visit.zone,
        again.date,
        again.start,
        again.end,
        minute=clock(visit.zone, visit.now),
        past_midnight=True,
    )
    later = again.date > visit.zone.day(visit.now)
    return OnceMore(
        catalog.venues[area.venue_id] if several else None,
        area,
        again.seat.no,
        PROPOSAL_TEXT["tomorrow" if later else "today"].format(begin=search.period),
        MapSearch(visit.zone, again.date).to(
            f"/areas/{area.id}", seat=again.seat.id, begin=again.start, until=again.end
        ),
    )
