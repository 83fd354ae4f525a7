"""Bodies that many look at: made once, mended seat by seat, the reader's own seats patched in.

What a body says depends on the window, the seats' states and the versions of library and policy,
and so does its ETag: workers that know the same give the same one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from datetime import date, datetime
from hashlib import blake2b
from typing import Final, Generic, TypeVar

import msgspec

from handlers.http.cached_response import CachedBody
from handlers.seat_map import schemas
from handlers.seat_map.encoding import (
    _area_out,
    _AreasBody,
    _array,
    _clock,
    _digest,
    _MapBody,
    _versions,
    seat_body,
)
from models.booking.desk import Desk
from models.kernel.ids import ReaderId
from models.library.entities import Area, Catalog, VenueId
from models.reservations import rules
from models.reservations.occupancy import DayOccupancy
from models.seat_map import service as seat_map_service
from models.seat_map.area_view import AreaMap
from models.seat_map.availability import SeatState
from models.seat_map.service import TimeFilter

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
    """One area in one window."""

    def __init__(self, area: Area, venue: str, asked: TimeFilter) -> None:
        self.area = area
        self.view = AreaMap(area)
        self._asked = asked
        self._head = schemas.AreaSummary(area.id, area.name, area.floor, venue)
        self._marks = [schemas.MarkOut(m.kind, m.x, m.y, m.w, m.h) for m in area.fixtures]
        self._seats: list[bytes] = [b""] * len(area.seats)
        self._encoded = 0
        self._encoded_under = b""
        self._made_at: tuple[datetime, int] | None = None
        self._version = ""
        self._shared: CachedBody | None = None

    def refresh(self, desk: Desk, board: DayOccupancy, minute: datetime) -> None:
        """Bring it to this minute and to what the board holds."""
        made_at = (minute, desk.policy.version)
        look = self.view.look
        if look is None or made_at != self._made_at:
            self._made_at = made_at
            look = seat_map_service.map_query(desk, self.area, self._asked, minute)
        self.view.refresh(board, look)

    def body(self, desk: Desk, reader_id: ReaderId) -> CachedBody:
        """As the reader sees it. Who sees every seat as all others do shares one with them."""
        shared = self._shared_body(desk)
        own = self.own(desk, reader_id)
        if not own:
            return shared
        seats = list(self._seats)
        for place, view in own:
            seats[place] = seat_body(self.area, place, view)
        overlay = blake2b(b"".join(seats[place] for place, _ in own), digest_size=6).hexdigest()
        return CachedBody(self._encode(seats), f"{self._version}-{overlay}")

    def own(self, desk: Desk, reader_id: ReaderId) -> list[tuple[int, SeatState]]:
        """The seats that the reader sees in another way than everybody, by place."""
        granted = desk.active_accommodation(reader_id, self._asked.day).accessible
        return self.view.overlay_for(reader_id, granted)

    def states_for(self, desk: Desk, reader_id: ReaderId) -> list[SeatState]:
        """All seats as the reader sees them, in the area's order."""
        views = list(self.view.views)
        for place, view in self.own(desk, reader_id):
            views[place] = view
        return views

    def version_for(self, desk: Desk, reader_id: ReaderId) -> str:
        """Changes with all that the reader sees."""
        own = self.own(desk, reader_id)
        return f"{self.version(desk)} {own}" if own else self.version(desk)

    def version(self, desk: Desk) -> str:
        """Changes with every seat's state; the ETag of who sees what all others do."""
        self._shared_body(desk)
        return self._version

    def _shared_body(self, desk: Desk) -> CachedBody:
        versions = _versions(desk)
        if (
            self._shared is None
            or self._encoded != self.view.version
            or self._encoded_under != versions
        ):
            for place in self.view.changed_since(self._encoded):
                self._seats[place] = seat_body(self.area, place, self.view.views[place])
            self._encoded, self._encoded_under = self.view.version, versions
            self._version = _digest([repr(self._asked).encode(), versions, *self._seats])
            self._shared = CachedBody(self._encode(self._seats), self._version)
        return self._shared

    def _encode(self, seats: Sequence[bytes]) -> bytes:
        return msgspec.json.encode(
            _MapBody(
                area=self._head,
                width=self.area.width,
                height=self.area.height,
                seats=_array(seats),
                marks=self._marks,
                version=self._version,
            )
        )


class CachedAreaList:
    """The areas of one venue, or of all, in one window."""

    def __init__(self) -> None:
        self._made_of: tuple[Hashable, ...] | None = None
        self._body: CachedBody | None = None
        self._items: dict[str, tuple[AreaMap, int, int, bytes]] = {}

    def body(
        self,
        plans: SeatMapCache,
        desk: Desk,
        board: DayOccupancy,
        wanted: VenueId | None,
        asked: TimeFilter,
        minute: datetime,
        marks: frozenset[str],
    ) -> CachedBody:
        made_of = (board, board.version, minute, desk.policy.version)
        if self._body is None or made_of != self._made_of:
            areas = [a for a in desk.library.bookable_areas if wanted in (None, a.venue_id)]
            items = [
                self._item(plans.plan(desk, area, board, asked, minute), desk, marks)
                for area in areas
            ]
            about = repr((asked, wanted, sorted(marks))).encode()
            etag = _digest([about, _versions(desk), *items])
            self._made_of = made_of
            self._body = CachedBody(msgspec.json.encode(_AreasBody(_array(items))), etag)
        return self._body

    def _item(self, plan: CachedAreaMap, desk: Desk, marks: frozenset[str]) -> bytes:
        view, policy = plan.view, desk.policy.version
        known = self._items.get(plan.area.id)
        if known is None or known[:3] != (view, view.version, policy):
            body = msgspec.json.encode(_area_out(view, marks))
            known = self._items[plan.area.id] = view, view.version, policy, body
        return known[3]


class SeatMapCache:
    """All plans and lists that are looked at in this worker."""

    def __init__(self) -> None:
        self._library: Catalog | None = None
        self._minute: datetime | None = None
        self._windows: dict[tuple[date | None, str | None, str | None], TimeFilter] = {}
        self._plans: LruCache[CachedAreaMap] = LruCache(_VIEWS_KEPT)
        self._lists: LruCache[CachedAreaList] = LruCache(_LISTS_KEPT)
        self.drawings: LruCache[str] = LruCache(_DRAWINGS_KEPT)
        """A plan's seats as a page draws them, by what they show."""

    def window(
        self, desk: Desk, day: date | None, start: str | None, end: str | None, minute: datetime
    ) -> TimeFilter:
        """The asked window; the same few are asked for all the time.

        Raises: InvalidRequest, StartInPast, BeyondBookingWindow.
        """
        self._reset_if_catalog_changed(desk)
        if minute != self._minute or len(self._windows) > _VIEWS_KEPT:
            self._minute = minute
            self._windows.clear()
        asked = self._windows.get((day, start, end))
        if asked is None:
            asked = seat_map_service.parse_time_filter(day, _clock(start), _clock(end), minute)
            rules.day_in_horizon(asked.day, desk.policy, minute)
            self._windows[day, start, end] = asked
        return asked

    def plan(
        self, desk: Desk, area: Area, board: DayOccupancy, asked: TimeFilter, minute: datetime
    ) -> CachedAreaMap:
        """The area's plan in this minute."""
        self._reset_if_catalog_changed(desk)
        key = (area.id, asked)
        plan = self._plans.get(key)
        if plan is None:
            venue = desk.library.venues[area.venue_id].name
            plan = self._plans.keep(key, CachedAreaMap(area, venue, asked))
        plan.refresh(desk, board, minute)
        return plan

    def areas(
        self,
        desk: Desk,
        board: DayOccupancy,
        venue: VenueId | None,
        asked: TimeFilter,
        minute: datetime,
        marks: frozenset[str] = frozenset(),
    ) -> CachedBody:
        """The list of areas in this minute, counting the seats that have all the ``marks``."""
        self._reset_if_catalog_changed(desk)
        key = (venue, asked, marks)
        listed = self._lists.get(key) or self._lists.keep(key, CachedAreaList())
        return listed.body(self, desk, board, venue, asked, minute, marks)

    def _reset_if_catalog_changed(self, desk: Desk) -> None:
        # Not by its version: watchers are told of what they watch as long as the library is this
        # very one, and with a new policy it is loaded anew.
        if desk.library is not self._library:
            self._library = desk.library
            self._windows.clear()
            self._plans = LruCache(_VIEWS_KEPT)
            self._lists = LruCache(_LISTS_KEPT)
            self.drawings = LruCache(_DRAWINGS_KEPT)
