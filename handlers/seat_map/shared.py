"""The pieces of the pages of areas and plans that readers share. They are made without a reader,
and kept for as long as a page made anew would have the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import date
from typing import Any

from markupsafe import Markup

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.http.templates import render_fragment
from handlers.seat_map import presenter
from handlers.seat_map.cache import SEAT_MAP_CACHE
from handlers.seat_map.schemas import VenueOut
from handlers.seat_map.search import MapSearch, feature_filters, search_times
from models.identity.entities import Principal
from models.kernel.ids import ReaderId
from models.kernel.time_range import floor_minute
from models.library.entities import Venue, VenueId
from models.occupancy.joined import OccupancyView
from models.reader_groups.entities import Membership, MembershipSource
from models.readers.entities import PersonalData, Reader


def without_reader(visit: PageRequest) -> PageRequest:
    """The visit as one by anybody in the same groups. It makes what is shown to all of these."""
    return replace(visit, principal=Principal(visit.principal.session, _anybody(visit)))


def sees_as_others(visit: PageRequest, occupancy: OccupancyView, day: date) -> bool:
    """True if the reader sees each seat of the day in the state in which their groups see it."""
    reader_id = visit.reader.id
    granted = visit[REFERENCE].active_accommodation(reader_id, day).accessible
    return not granted and not occupancy.by_reader.get(reader_id)


def _anybody(visit: PageRequest) -> Reader:
    """A reader in the same groups as that of the visit, with nothing else in common."""
    groups = visit[REFERENCE].groups.by_id
    memberships = sorted(
        {
            Membership(m.group_id, MembershipSource.DESK, m.first, m.last)
            for m in (visit.reader.memberships if groups else ())
            if m.group_id in groups
        },
        key=repr,
    )
    nothing = PersonalData("", "")
    return Reader(ReaderId(""), "", None, lambda: nothing, memberships=tuple(memberships))


class SharedPieces:
    """The pieces of one page, by what they are made of: catalog, language, groups, minute, policy,
    and for each piece its own key. To be made before the page reads any of these."""

    def __init__(self, visit: PageRequest) -> None:
        self._visit = without_reader(visit)
        self.language = language_of(visit.request)
        self._of = (
            visit[SEAT_MAP_CACHE].generation,
            self.language.tag,
            self._visit.reader.memberships,
            floor_minute(visit.now),
            visit[REFERENCE].policy.version,  # it is loaded after the catalog
        )

    def piece(self, key: tuple[Hashable, ...], make: Callable[[PageRequest], Any]) -> Any:
        """The piece that ``make`` makes without a reader, from the cache if that has it already."""
        pieces, whole = self._visit[SEAT_MAP_CACHE].pieces, (key, self._of)
        piece = pieces.get(whole)
        return piece if piece is not None else pieces.keep(whole, make(self._visit))

    def rendered(self, template: str, **facts: Any) -> Markup:
        return Markup(render_fragment(template, self._visit.zone, self.language, **facts))

    def venue(self, venue: Venue) -> VenueOut:
        """The venue with the days that the groups may book."""

        def make(visit: PageRequest) -> VenueOut:
            return presenter.venue(visit[REFERENCE], venue, visit.now, visit.reader)

        venue_out: VenueOut = self.piece(("venue", venue.id), make)
        # A draw ends within a minute.
        reference = self._visit[REFERENCE]
        if any(reference.policy_on(day.date, venue.id).opening_draw for day in venue_out.dates):
            return make(self._visit)
        return venue_out

    def wish(self, venue: VenueOut, search: MapSearch, action: str, *, filters: bool) -> Markup:
        """The form with what a reader wishes for."""

        def make(visit: PageRequest) -> Markup:
            return self.rendered(
                "seat_map/wish.html",
                venue=venue,
                times=search_times(visit, VenueId(venue.id), search.day),
                filters=feature_filters(visit, search.day) if filters else (),
                search=search,
                action=action,
                today=self.today,
            )

        wish: Markup = self.piece(("wish", venue.id, search, action), make)
        return wish

    @property
    def today(self) -> date:
        return self._visit.zone.day(self._visit.now)
