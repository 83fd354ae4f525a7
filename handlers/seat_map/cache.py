"""Response bodies of floor plans and area lists, encoded once for many readers. A change encodes
only the seats that it concerns. Seats that one reader sees differently from others, such as the
own seat, are replaced in that reader's response. Workers with equal data give equal ETags."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Final, Generic, TypeVar

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from handlers.http.cached_response import CachedBody
from handlers.http.pieces import Piece
from handlers.seat_map import schemas
from handlers.seat_map.encoding import (
    AreasBody,
    MapBody,
    area_out,
    array,
    clock_time,
    digest,
    room_body,
    seat_body,
    versions,
)
from handlers.seat_map.presenter import area_summary
from models.kernel.ids import ReaderId
from models.library.entities import Area, Catalog, VenueId
from models.library.undecided_days_repository import UndecidedDays
from models.occupancy.joined import OccupancyView
from models.policy.entities import Policy
from models.reader_groups.entities import NO_GROUPS, NO_LIMITS, GroupLimits, ReaderGroups
from models.reader_groups.entities import Groups as GroupSet
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations import rules
from models.rooms.on_plans import PlanRoom
from models.seat_map.area_view import AreaMap
from models.seat_map.availability import SeatState
from models.seat_map.desks import furniture_of
from models.seat_map.service import SeatMapService, TimeFilter, parse_time_filter

NOW: Final = "now"
"""The value of ``start`` for a time window that begins at the moment of each request."""
_MAX_PLANS: Final = 1024
"""At most this many plans are cached; each is an area in one time window and takes about 50 KB."""
_MAX_LISTS: Final = 128
_MAX_DRAWINGS: Final = 256
"""At most this many drawings of plans are cached; each takes about 100 KB."""
_MAX_PIECES: Final = 512
"""At most this many other pieces of pages are cached; each takes about 10 KB."""
Value = TypeVar("Value")
_WindowKey = tuple[VenueId | None, date | None, str | None, str | None, GroupLimits | None]


class LruCache(Generic[Value]):
    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def keep(self, key: Hashable, value: Value) -> Value:
        self._values[key] = value
        while len(self._values) > self._size:
            self._values.popitem(last=False)
        return value


class CachedAreaMap:
    """The plan of an area with its seats' states in one time window. Readers whose groups may
    use the same seats share the plan."""

    def __init__(
        self,
        service: SeatMapService,
        area: Area,
        time_window: TimeFilter,
        barred: Mapping[int, tuple[str, ...]],
    ) -> None:
        """``barred``: the seats that the readers who share the plan may not use, by index, with
        the names of the groups that the seats are reserved for."""
        self._service, self._reference = service, service.reference
        self.area, self.barred = area, barred
        self.groups = service.reference.groups
        self.view = AreaMap(area, barred)
        self.time_window = time_window
        self.names = service.reference.catalog.names_of(area)
        on_plan = service.reference.rooms_on_plans.get(area.id, ())
        self.rooms = tuple(PlanRoom(room) for room in on_plan)
        """The study rooms on the plan. ``renew_rooms`` brings their states up to date."""
        self._head = area_summary(service.reference.catalog, area)
        self._marks = [schemas.MarkOut(m.kind, m.x, m.y, m.w, m.h) for m in area.fixtures]
        furniture = furniture_of(area)
        desks = [schemas.DeskOut(desk.x, desk.y, desk.w, desk.h) for desk in furniture.desks]
        self._desks = msgspec.Raw(msgspec.json.encode(desks))
        self._faces = "".join(furniture.faces[seat.id] for seat in area.seats)
        self._seats: list[bytes] = [b""] * len(area.seats)
        self._encoded = 0
        self._encoded_under: tuple[object, ...] = ()
        self._made_at: tuple[datetime, int] | None = None
        self._rooms: msgspec.Raw | UnsetType = UNSET
        self._version = self._etag = ""
        self._shared: CachedBody | None = None

    def refresh(self, occupancy: OccupancyView, minute: datetime) -> None:
        made_at = (minute, self._reference.policy.version)
        query = self.view.query
        if query is None or made_at != self._made_at:
            self._made_at = made_at
            query = self._service.map_query(self.area, self.time_window, minute)
        self.view.refresh(occupancy, query)

    def body_for(self, reader_id: ReaderId) -> CachedBody:
        """This reader's plan as a response, shared with all readers who see the same seat
        states."""
        shared = self._shared_body()
        own = self.own(reader_id)
        if not own:
            return shared
        seats = list(self._seats)
        for place, view in own:
            seats[place] = self._seat_body(place, view)
        overlay = blake2b(b"".join(seats[place] for place, _ in own), digest_size=6).hexdigest()
        return CachedBody(self._encode(seats), f"{self._etag}-{overlay}")

    @property
    def reserved_for(self) -> tuple[str, ...]:
        """The names of the groups that the whole area is reserved for. Empty if the readers who
        share the plan may use at least one seat of the area."""
        if len(self.barred) < len(self.area.seats):
            return ()
        return tuple(sorted({name for names in self.barred.values() for name in names}))

    def _seat_body(self, place: int, view: SeatState) -> bytes:
        reference, reserved_for = self._reference, self.barred.get(place, ())
        own = reference.catalog.features
        return seat_body(reference.zone, self.area, place, view, reserved_for, own)

    def own(self, reader_id: ReaderId) -> list[tuple[int, SeatState]]:
        """The seats, by index, whose state differs for this reader from what others see."""
        granted = self._reference.active_accommodation(reader_id, self.time_window.day).accessible
        return self.view.overlay_for(reader_id, granted)

    def states_for(self, reader_id: ReaderId) -> list[SeatState]:
        """The states of all seats for this reader, in the area's order."""
        views = list(self.view.views)
        for place, view in self.own(reader_id):
            views[place] = view
        return views

    def version_for(self, reader_id: ReaderId) -> str:
        """A text that changes whenever anything changes that this reader sees of the plan."""
        own = self.own(reader_id)
        return f"{self.version()} {own}" if own else self.version()

    def version(self) -> str:
        """The beginning of the shared response's ETag, changed whenever a seat's state changes for
        all readers."""
        self._shared_body()
        return self._version

    def _shared_body(self) -> CachedBody:
        reference = self._reference
        under = (reference.catalog.version, reference.policy.version, self.rooms)
        if (
            self._shared is None
            or self._encoded != self.view.version
            or self._encoded_under != under
        ):
            for place in self.view.changed_since(self._encoded):
                self._seats[place] = self._seat_body(place, self.view.views[place])
            self._encoded, self._encoded_under = self.view.version, under
            about = repr(self.time_window).encode()
            self._version = self._etag = digest([about, versions(reference), *self._seats])
            if self.rooms:
                rooms = [room_body(one) for one in self.rooms]
                self._rooms = array(rooms)
                self._etag += f"-{digest(rooms)}"
            self._shared = CachedBody(self._encode(self._seats), self._etag)
        return self._shared

    def _encode(self, seats: Sequence[bytes]) -> bytes:
        return msgspec.json.encode(
            MapBody(
                area=self._head,
                width=self.area.width,
                height=self.area.height,
                seats=array(seats),
                marks=self._marks,
                desks=self._desks,
                faces=self._faces,
                version=self._version,
                rooms=self._rooms,
            )
        )


class CachedAreaList:
    """The response with the areas of a venue (or of all) and seat counts, in one time window."""

    def __init__(self, plans: SeatMapCache, reference: ReferenceData) -> None:
        self._plans, self._reference = plans, reference
        self._made_of: tuple[Hashable, ...] | None = None
        self._body: CachedBody | None = None
        self._items: dict[str, tuple[AreaMap, int, int, bytes]] = {}

    def body(
        self,
        occupancy: OccupancyView,
        venue_id: VenueId | None,
        time_window: TimeFilter,
        minute: datetime,
        marks: frozenset[str],
        groups: GroupSet,
    ) -> CachedBody:
        reference = self._reference
        made_of = (occupancy, occupancy.version, minute, reference.policy.version)
        if self._body is None or made_of != self._made_of:
            areas = [a for a in reference.catalog.bookable_areas if venue_id in (None, a.venue_id)]
            items = [
                self._item(
                    self._plans.plan_of_groups(area, occupancy, time_window, minute, groups),
                    marks,
                    groups,
                )
                for area in areas
            ]
            about = repr((time_window, venue_id, sorted(marks), *sorted(groups))).encode()
            etag = digest([about, versions(reference), *items])
            self._made_of = made_of
            self._body = CachedBody(msgspec.json.encode(AreasBody(array(items))), etag)
        return self._body

    def _item(self, plan: CachedAreaMap, marks: frozenset[str], groups: GroupSet) -> bytes:
        view, policy = plan.view, self._reference.policy.version
        item = self._items.get(plan.area.id)
        if item is None or item[:3] != (view, view.version, policy):
            assert view.query is not None
            limits = self._reference.groups.limits_of(groups)
            numbers = limits.apply_to(
                view.query.policy,
                self._reference.policy,
                plan.area.venue_id,
                plan.area.id,
                view.query.day,
            )
            body = msgspec.json.encode(
                area_out(view, marks, plan.names, numbers.max_minutes, plan.reserved_for)
            )
            item = self._items[plan.area.id] = view, view.version, policy, body
        return item[3]


class SeatMapCache:
    def __init__(self, service: SeatMapService) -> None:
        self._service = service
        self.reference, self.occupancy = service.reference, service.occupancy
        self._catalog: Catalog | None = None
        self._groups: ReaderGroups | None = None
        self._undecided: list[UndecidedDays] = []
        self._generation = 0
        self._minute: datetime | None = None
        self._windows: dict[_WindowKey, TimeFilter] = {}
        self._plans: LruCache[CachedAreaMap] = LruCache(_MAX_PLANS)
        self._lists: LruCache[CachedAreaList] = LruCache(_MAX_LISTS)
        self.drawings: LruCache[Piece] = LruCache(_MAX_DRAWINGS)
        """Plans' drawings as finished pieces of pages. ``drawing_of`` makes the keys."""
        self.pieces: LruCache[Any] = LruCache(_MAX_PIECES)
        """Other pieces of pages that readers share; see ``SharedPieces``."""

    def window(
        self,
        day: date | None,
        start: str | None,
        end: str | None,
        minute: datetime,
        reader: Reader | None = None,
        venue_id: VenueId | None = None,
    ) -> TimeFilter:
        """The time window of a day, a start and an end, from a cache for this minute. Raises:
        Malformed; InThePast; OutsideHorizon if the reader cannot book this day yet in the venue
        (None: in any venue)."""
        self._reset_if_catalog_changed()
        if minute != self._minute or len(self._windows) > _MAX_PLANS:
            self._minute = minute
            self._windows.clear()
        reference, limits = self.reference, None
        if reader is not None and day is not None and reference.groups.by_id:
            limits = reference.limits_of(reader, day)
        key = (venue_id, day, start, end, limits)
        time_window = self._windows.get(key)
        if time_window is None:
            from_now = start == NOW
            begin = None if from_now else clock_time(start)
            time_window = parse_time_filter(
                reference.zone, day, begin, clock_time(end), minute, from_now
            )
            policy = self._widest(time_window.day, venue_id, limits)
            ahead = policy.booking_window_days
            rules.day_in_horizon(reference.zone, time_window.day, ahead, minute)
            self._windows[key] = time_window
        return time_window

    def _widest(self, day: date, venue_id: VenueId | None, limits: GroupLimits | None) -> Policy:
        """The policy of the venue (None: of the venue with the largest booking window) for
        readers with these limits."""
        reference = self.reference
        policies = reference.policies_on(day)
        if venue_id is not None:
            policies = [reference.policy_on(day, venue_id)]
        policy = max(policies, key=lambda one: one.booking_window_days)
        # The place matters only to the longest stay.
        return (limits or NO_LIMITS).apply_to(policy, reference.policy, venue_id, None, day)

    def plan(
        self,
        area: Area,
        occupancy: OccupancyView,
        time_window: TimeFilter,
        minute: datetime,
        reader: Reader | None = None,
    ) -> CachedAreaMap:
        reference, groups = self.reference, NO_GROUPS
        if reference.groups.by_id:
            groups = reference.groups.that_matter(reference.groups_of(reader, time_window.day))
        return self.plan_of_groups(area, occupancy, time_window, minute, groups)

    def plan_of_groups(
        self,
        area: Area,
        occupancy: OccupancyView,
        time_window: TimeFilter,
        minute: datetime,
        groups: GroupSet,
    ) -> CachedAreaMap:
        """The area's plan for readers who are members of these groups. All readers who may use
        the same seats share the plan."""
        self._reset_if_catalog_changed()
        effective_groups = self.reference.groups.in_area(area, groups) if groups else NO_GROUPS
        key = (area.id, time_window, effective_groups)
        plan = self._plans.get(key)
        if plan is None:
            barred = self.reference.barred(area, groups, time_window.day)
            plan = self._plans.keep(key, CachedAreaMap(self._service, area, time_window, barred))
        plan.refresh(occupancy, minute)
        return plan

    def areas(
        self,
        occupancy: OccupancyView,
        venue: VenueId | None,
        time_window: TimeFilter,
        minute: datetime,
        marks: frozenset[str] = frozenset(),
        reader: Reader | None = None,
    ) -> CachedBody:
        """The response with the areas of a venue and their counts. Only seats are counted that
        have all features ``marks`` and that the reader may use."""
        self._reset_if_catalog_changed()
        groups = NO_GROUPS
        if self.reference.groups.by_id:
            groups = self.reference.groups.with_effect(
                self.reference.groups_of(reader, time_window.day)
            )
        key = (venue, time_window, marks, groups)
        listed = self._lists.get(key)
        if listed is None:
            listed = self._lists.keep(key, CachedAreaList(self, self.reference))
        return listed.body(occupancy, venue, time_window, minute, marks, groups)

    @property
    def generation(self) -> int:
        """A number that grows whenever the catalog or the reader groups change."""
        self._reset_if_catalog_changed()
        return self._generation

    def _reset_if_catalog_changed(self) -> None:
        # By identity, not by version: event streams compare the catalog object too, and a new
        # policy also loads a new one.
        reference = self.reference
        if (
            reference.catalog is not self._catalog
            or reference.groups is not self._groups
            or reference.undecided is not self._undecided
        ):
            self._catalog, self._groups = reference.catalog, reference.groups
            self._undecided = reference.undecided
            self._generation += 1
            self._windows.clear()
            self._plans = LruCache(_MAX_PLANS)
            self._lists = LruCache(_MAX_LISTS)
            self.drawings = LruCache(_MAX_DRAWINGS)
            self.pieces = LruCache(_MAX_PIECES)


SEAT_MAP_CACHE: Final = web.AppKey("seat_map_cache", SeatMapCache)
