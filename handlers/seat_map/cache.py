"""Bodies that many readers get: made once, updated seat by seat, the reader's own seats patched in.

What a body says depends on the window, the seats' states and the versions of library and policy,
and so does its ETag: workers that know the same give the same one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime
from hashlib import blake2b
from typing import Final, Generic, TypeVar

import msgspec
from aiohttp import web

from handlers.http.cached_response import CachedBody
from handlers.seat_map import schemas
from handlers.seat_map.encoding import (
    AreasBody,
    MapBody,
    area_out,
    array,
    clock_time,
    digest,
    seat_body,
    versions,
)
from models.kernel.ids import ReaderId
from models.library.entities import Area, Catalog, VenueId
from models.occupancy.joined import OccupancyView
from models.reader_groups.entities import NO_GROUPS, ReaderGroups
from models.reader_groups.entities import Groups as GroupSet
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations import rules
from models.seat_map.area_view import AreaMap
from models.seat_map.availability import SeatState
from models.seat_map.service import SeatMapService, TimeFilter, parse_time_filter

NOW: Final = "now"
"""The start of a time that begins at the moment of each look."""
_VIEWS_KEPT: Final = 1024
"""Areas times windows; one takes about 50 KB."""
_LISTS_KEPT: Final = 128
_DRAWINGS_KEPT: Final = 256
Value = TypeVar("Value")


class LruCache(Generic[Value]):
    """The values that were used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def keep(self, key: Hashable, value: Value) -> Value:
        self._kept[key] = value
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return value


class CachedAreaMap:
    """One area in one window, as everybody of the same groups sees it."""

    def __init__(
        self,
        service: SeatMapService,
        area: Area,
        venue: str,
        asked: TimeFilter,
        barred: Mapping[int, tuple[str, ...]],
    ) -> None:
        """``barred``: the places of seats that are reserved for other groups than the viewers', and
        what these groups are called."""
        self._service, self._reference = service, service.reference
        self.area, self.barred = area, barred
        self.groups = service.reference.groups
        self.view = AreaMap(area, barred)
        self._asked = asked
        self._head = schemas.AreaSummary(area.id, area.name, area.floor, venue)
        self._marks = [schemas.MarkOut(m.kind, m.x, m.y, m.w, m.h) for m in area.fixtures]
        self._seats: list[bytes] = [b""] * len(area.seats)
        self._encoded = 0
        self._encoded_under = ("", 0)
        self._made_at: tuple[datetime, int] | None = None
        self._version = ""
        self._shared: CachedBody | None = None

    def refresh(self, occupancy: OccupancyView, minute: datetime) -> None:
        """Bring it to this minute and to what the occupancy holds."""
        made_at = (minute, self._reference.policy.version)
        look = self.view.look
        if look is None or made_at != self._made_at:
            self._made_at = made_at
            look = self._service.map_query(self.area, self._asked, minute)
        self.view.refresh(occupancy, look)

    def body_for(self, reader_id: ReaderId) -> CachedBody:
        """The area as the reader sees it; one body for all who see every seat in the same way."""
        shared = self._shared_body()
        own = self.own(reader_id)
        if not own:
            return shared
        seats = list(self._seats)
        for place, view in own:
            seats[place] = self._seat_body(place, view)
        overlay = blake2b(b"".join(seats[place] for place, _ in own), digest_size=6).hexdigest()
        return CachedBody(self._encode(seats), f"{self._version}-{overlay}")

    @property
    def reserved_for(self) -> tuple[str, ...]:
        """What the groups are called that all of the area is reserved for; empty where the viewers
        have any seat of it."""
        if len(self.barred) < len(self.area.seats):
            return ()
        return tuple(sorted({name for names in self.barred.values() for name in names}))

    def _seat_body(self, place: int, view: SeatState) -> bytes:
        return seat_body(self.area, place, view, self.barred.get(place, ()))

    def own(self, reader_id: ReaderId) -> list[tuple[int, SeatState]]:
        """The seats that the reader sees in another way than everybody, by place."""
        granted = self._reference.active_accommodation(reader_id, self._asked.day).accessible
        return self.view.overlay_for(reader_id, granted)

    def states_for(self, reader_id: ReaderId) -> list[SeatState]:
        """All seats as the reader sees them, in the area's order."""
        views = list(self.view.views)
        for place, view in self.own(reader_id):
            views[place] = view
        return views

    def version_for(self, reader_id: ReaderId) -> str:
        """Changes with all that the reader sees."""
        own = self.own(reader_id)
        return f"{self.version()} {own}" if own else self.version()

    def version(self) -> str:
        """Changes with every seat's state; the ETag of the shared body."""
        self._shared_body()
        return self._version

    def _shared_body(self) -> CachedBody:
        reference = self._reference
        under = (reference.catalog.version, reference.policy.version)
        if (
            self._shared is None
            or self._encoded != self.view.version
            or self._encoded_under != under
        ):
            for place in self.view.changed_since(self._encoded):
                self._seats[place] = self._seat_body(place, self.view.views[place])
            self._encoded, self._encoded_under = self.view.version, under
            about = repr(self._asked).encode()
            self._version = digest([about, versions(reference), *self._seats])
            self._shared = CachedBody(self._encode(self._seats), self._version)
        return self._shared

    def _encode(self, seats: Sequence[bytes]) -> bytes:
        return msgspec.json.encode(
            MapBody(
                area=self._head,
                width=self.area.width,
                height=self.area.height,
                seats=array(seats),
                marks=self._marks,
                version=self._version,
            )
        )


class CachedAreaList:
    """The areas of one venue, or of all, in one window."""

    def __init__(self, plans: SeatMapCache, reference: ReferenceData) -> None:
        self._plans, self._reference = plans, reference
        self._made_of: tuple[Hashable, ...] | None = None
        self._body: CachedBody | None = None
        self._items: dict[str, tuple[AreaMap, int, int, bytes]] = {}

    def body(
        self,
        occupancy: OccupancyView,
        wanted: VenueId | None,
        asked: TimeFilter,
        minute: datetime,
        marks: frozenset[str],
        groups: GroupSet,
    ) -> CachedBody:
        reference = self._reference
        made_of = (occupancy, occupancy.version, minute, reference.policy.version)
        if self._body is None or made_of != self._made_of:
            areas = [a for a in reference.catalog.bookable_areas if wanted in (None, a.venue_id)]
            items = [
                self._item(
                    self._plans.plan_of_groups(area, occupancy, asked, minute, groups),
                    marks,
                    groups,
                )
                for area in areas
            ]
            about = repr((asked, wanted, sorted(marks), *sorted(groups))).encode()
            etag = digest([about, versions(reference), *items])
            self._made_of = made_of
            self._body = CachedBody(msgspec.json.encode(AreasBody(array(items))), etag)
        return self._body

    def _item(self, plan: CachedAreaMap, marks: frozenset[str], groups: GroupSet) -> bytes:
        view, policy = plan.view, self._reference.policy.version
        known = self._items.get(plan.area.id)
        if known is None or known[:3] != (view, view.version, policy):
            assert view.look is not None
            limits = self._reference.groups.limits_of(groups)
            numbers = self._reference.with_limits(
                view.look.policy, limits, plan.area.id, view.look.day
            )
            body = msgspec.json.encode(
                area_out(view, marks, numbers.max_minutes, plan.reserved_for)
            )
            known = self._items[plan.area.id] = view, view.version, policy, body
        return known[3]


class SeatMapCache:
    """All plans and lists that are looked at in this worker."""

    def __init__(self, service: SeatMapService) -> None:
        self._service = service
        self.reference, self.occupancy = service.reference, service.occupancy
        self._catalog: Catalog | None = None
        self._groups: ReaderGroups | None = None
        self._minute: datetime | None = None
        self._windows: dict[tuple[date | None, str | None, str | None, int | None], TimeFilter] = {}
        self._plans: LruCache[CachedAreaMap] = LruCache(_VIEWS_KEPT)
        self._lists: LruCache[CachedAreaList] = LruCache(_LISTS_KEPT)
        self.drawings: LruCache[str] = LruCache(_DRAWINGS_KEPT)
        """A plan's seats as a page draws them, by what they show."""

    def window(
        self,
        day: date | None,
        start: str | None,
        end: str | None,
        minute: datetime,
        reader: Reader | None = None,
    ) -> TimeFilter:
        """The asked window, within the reader's horizon; the same few are asked for all the time.

        Raises: Malformed, InThePast, OutsideHorizon.
        """
        self._reset_if_catalog_changed()
        if minute != self._minute or len(self._windows) > _VIEWS_KEPT:
            self._minute = minute
            self._windows.clear()
        reference, days_ahead = self.reference, None
        if reader is not None and day is not None and reference.groups.by_id:
            days_ahead = reference.limits_of(reader, day).booking_window_days
        key = (day, start, end, days_ahead)
        asked = self._windows.get(key)
        if asked is None:
            from_now = start == NOW
            begin = None if from_now else clock_time(start)
            asked = parse_time_filter(day, begin, clock_time(end), minute, from_now)
            policy = reference.policy_on(asked.day)
            if reader is not None and days_ahead is not None:
                policy = reference.with_groups(policy, reader, None, asked.day)
            rules.day_in_horizon(asked.day, policy, minute)
            self._windows[key] = asked
        return asked

    def plan(
        self,
        area: Area,
        occupancy: OccupancyView,
        asked: TimeFilter,
        minute: datetime,
        reader: Reader | None = None,
    ) -> CachedAreaMap:
        """The area's plan in this minute, as the reader's groups see it."""
        reference, groups = self.reference, NO_GROUPS
        if reference.groups.by_id:
            groups = reference.groups.that_matter(reference.groups_of(reader, asked.day))
        return self.plan_of_groups(area, occupancy, asked, minute, groups)

    def plan_of_groups(
        self,
        area: Area,
        occupancy: OccupancyView,
        asked: TimeFilter,
        minute: datetime,
        groups: GroupSet,
    ) -> CachedAreaMap:
        """The area's plan as everybody in these groups sees it: one for all for whom the same seats
        are reserved."""
        self._reset_if_catalog_changed()
        seen_by = self.reference.groups.in_area(area, groups) if groups else NO_GROUPS
        key = (area.id, asked, seen_by)
        plan = self._plans.get(key)
        if plan is None:
            venue = self.reference.catalog.venues[area.venue_id].name
            barred = self.reference.groups.barred(area, groups)
            plan = self._plans.keep(key, CachedAreaMap(self._service, area, venue, asked, barred))
        plan.refresh(occupancy, minute)
        return plan

    def areas(
        self,
        occupancy: OccupancyView,
        venue: VenueId | None,
        asked: TimeFilter,
        minute: datetime,
        marks: frozenset[str] = frozenset(),
        reader: Reader | None = None,
    ) -> CachedBody:
        """The list of areas in this minute, counting the seats that have all the ``marks`` and that
        the reader's groups may have."""
        self._reset_if_catalog_changed()
        groups = NO_GROUPS
        if self.reference.groups.by_id:
            groups = self.reference.groups.with_effect(self.reference.groups_of(reader, asked.day))
        key = (venue, asked, marks, groups)
        listed = self._lists.get(key)
        if listed is None:
            listed = self._lists.keep(key, CachedAreaList(self, self.reference))
        return listed.body(occupancy, venue, asked, minute, marks, groups)

    def _reset_if_catalog_changed(self) -> None:
        # Not by its version: subscribers are told of what they watch as long as the catalog is this
        # very one, and with a new policy it is loaded anew.
        reference = self.reference
        if reference.catalog is not self._catalog or reference.groups is not self._groups:
            self._catalog, self._groups = reference.catalog, reference.groups
            self._windows.clear()
            self._plans = LruCache(_VIEWS_KEPT)
            self._lists = LruCache(_LISTS_KEPT)
            self.drawings = LruCache(_DRAWINGS_KEPT)


SEAT_MAP_CACHE: Final = web.AppKey("seat_map_cache", SeatMapCache)
