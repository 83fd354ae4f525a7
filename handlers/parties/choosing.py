"""The seats of a party: proposed groups, and the part of the plan on which others are picked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.reservations.glimpse import Glimpse, glimpse_of
from handlers.seat_map.cache import SEAT_MAP_CACHE
from handlers.seat_map.search import AnyRequest, MapSearch, time_filter
from handlers.texts.pages import SEATING_TEXT
from languages.text import Text
from models.kernel.text import natural
from models.kernel.time_range import floor_minute
from models.library.entities import Area, Seat, SeatId
from models.occupancy.joined import OccupancyView
from models.parties.rules import most_people
from models.seat_map.availability import SeatStatus
from models.seat_map.seating import Group, GroupFinder
from models.seat_map.service import SeatMapService, TimeFilter

_AROUND: Final = (239, 149)
"""The part of the plan on which seats are picked: half its width and height, in plan units."""
_OTHER_AREAS: Final = 3
"""If too few seats are free, groups in so many other areas are proposed at most."""


@dataclass(frozen=True, slots=True)
class ProposedGroup:
    area: Area
    seating: Text
    numbers: list[str]
    href: str
    chosen: bool = False


@dataclass(slots=True)
class PartyChoice:
    """``people``: how many want to sit together; ``most``: how many may, below 2 if nobody may.
    ``own``: the asker's own seat, and ``friends`` those to hold; without a group that fits, None
    and none. ``hrefs``: for each free seat the page with the seat taken in, or left out."""

    area: Area
    search: MapSearch
    people: int
    most: int
    own: Seat | None = None
    friends: Sequence[Seat] = ()
    proposed: list[ProposedGroup] = field(default_factory=list)
    picture: Glimpse | None = None
    hrefs: dict[SeatId, str] = field(default_factory=dict)

    def href(self, people: int, own: Seat | None = None, friends: Sequence[Seat] = ()) -> str:
        """The page's address with another choice."""
        seat, ids = own.id if own is not None else self.search.seat, [one.id for one in friends]
        return self.search.to("/together", seat=seat, people=str(people), friends=",".join(ids))


async def party_choice(
    visit: PageRequest, search: MapSearch, people: int, picked: Set[str]
) -> PartyChoice:
    """The choice for so many people around the seat of the search. ``picked``: the ids of the
    seats that the reader has picked for friends; without any, or if one of them is not free, the
    first proposed group is chosen.
    Raises: NotFound for an unknown seat; InThePast, OutsideHorizon."""
    seat = visit[REFERENCE].seat(search.seat)
    area = visit[REFERENCE].area_for_readers(seat.area_id)
    time_window = time_filter(visit, search, area.venue_id)
    most = most_people(area, visit[REFERENCE].policy_for(area.id, search.day, visit.reader))
    choice = PartyChoice(area, search, max(2, min(people, most)), most)
    if most < 2:
        return choice
    occupancy = await visit[SeatMapService].occupancy.get_day(search.day)
    finder = groups_in(visit, area, time_window, occupancy)
    free = finder.free
    picks = None
    if 0 < len(picked) < most and free.keys() >= {seat.id, *picked}:
        picks = finder.of([seat, *(free[SeatId(id)] for id in picked)])
        choice.people = len(picks.seats)
    groups = [*finder.proposals(seat, choice.people)]
    chosen = picks or next(iter(groups), None)
    if chosen is None:
        choice.proposed = [*_elsewhere(visit, choice, occupancy)]
        return choice
    choice.own, *friends = chosen.seats
    choice.friends = sorted(friends, key=lambda one: natural(one.number))
    choice.proposed = [_proposed(choice, finder, group) for group in groups]
    statuses = ("free" if one.id in free else "occupied" for one in area.seats)
    choice.picture = glimpse_of(chosen.seats, area, statuses, _AROUND)
    for one in free.values():
        others = [other for other in choice.friends if other != one]
        if one not in choice.friends:
            others.append(one)
        if one != choice.own and 1 <= len(others) < most:
            choice.hrefs[one.id] = choice.href(1 + len(others), choice.own, others)
    return choice


def groups_in(
    request: AnyRequest, area: Area, time_window: TimeFilter, occupancy: OccupancyView
) -> GroupFinder:
    """The groups of the area's seats that are free for the reader in this time."""
    minute, reader = floor_minute(request.now), request.reader
    plan = request[SEAT_MAP_CACHE].plan(area, occupancy, time_window, minute, reader)
    states = zip(area.seats, plan.states_for(reader.id), strict=True)
    free = [seat for seat, state in states if state.status is SeatStatus.FREE]
    return GroupFinder(request[REFERENCE].catalog, area, free)


def _proposed(choice: PartyChoice, finder: GroupFinder, group: Group) -> ProposedGroup:
    own, *friends = group.seats
    return ProposedGroup(
        finder.area,
        SEATING_TEXT[finder.seating(group)],
        sorted((seat.number for seat in group.seats), key=natural),
        choice.href(len(group.seats), own, friends),
        {*group.seats} == {choice.own, *choice.friends},
    )


def _elsewhere(
    visit: PageRequest, choice: PartyChoice, occupancy: OccupancyView
) -> Iterator[ProposedGroup]:
    """The best group of each of the venue's areas that have one."""

    time_window = time_filter(visit, choice.search, choice.area.venue_id)

    def groups() -> Iterator[ProposedGroup]:
        for area in visit[REFERENCE].catalog.bookable_areas:
            policy = visit[REFERENCE].policy_for(area.id, choice.search.day, visit.reader)
            if area.venue_id != choice.area.venue_id or most_people(area, policy) < choice.people:
                continue
            finder = groups_in(visit, area, time_window, occupancy)
            best = finder.best(choice.people)
            if best is not None:
                yield _proposed(choice, finder, best)

    return islice(groups(), _OTHER_AREAS)
