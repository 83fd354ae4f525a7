"""Server-Sent Events with the changes of a plan. One task of the worker writes to all subscribers
and never waits for one: a subscriber that reads too slowly is disconnected, and its browser
reconnects (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from time import monotonic
from typing import Final

import msgspec
from aiohttp import web

from handlers.seat_map import schemas
from handlers.seat_map.cache import CachedAreaMap, SeatMapCache
from handlers.seat_map.plan_rooms import renew_rooms
from models.identity.entities import Session
from models.kernel.errors import Busy, DomainError, Throttled
from models.kernel.ids import ReaderId
from models.kernel.time_range import floor_minute
from models.kernel.zone import Zone
from models.library.entities import Area
from models.occupancy.joined import OccupancyView
from models.readers.entities import Reader
from models.rooms.on_plans import PlanRoom
from models.rooms.service import RoomService
from models.seat_map.availability import SeatState
from models.seat_map.service import SeatMapService, TimeFilter

log = logging.getLogger(__name__)
COMMENT_EVERY_S: Final = 15
ROOMS_EVERY_S: Final = 5
"""Seconds after which the study rooms of the watched plans are looked up again."""
STREAMS_AT_MOST: Final = 30_000
"""At most this many streams at one worker. docs/performance.md says what a stream costs."""
STREAMS_OF_A_READER: Final = 6
"""At most this many streams of one reader at one worker. Browsers open six connections to one
host at most, and each page watches one plan."""
LIVES_S: Final = (600.0, 900.0)
"""Seconds after which a stream ends, chosen at random between these two. The browser reconnects,
so that its session is checked again and the streams are spread over new workers."""
UNREAD_AT_MOST: Final = 32 * 1024
"""A subscriber with more unsent bytes than this reads too slowly and is disconnected."""
_NEVER_WAIT: Final = 16 * 1024 * 1024
"""The limit in bytes of the connection's buffer above which a write would wait. It is more than
can ever be unsent, so writes never wait."""
_SEND_BUFFER: Final = 64 * 1024
_RETRY_MS: Final = 3000
_GATHER_S: Final = 0.05
_SHARE: Final = 4
"""After a broadcast, the task pauses for this many times the broadcast's duration, so that the
worker can serve requests."""
_TURN: Final = 200
_COMMENT: Final = b": \n\n"


@dataclass(slots=True, eq=False)
class _Subscriber:
    reader_id: ReaderId
    session_id: str
    request: web.Request
    response: web.StreamResponse
    until: float
    slot: int
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    own_seats: dict[int, SeatState] = field(default_factory=dict)
    sent_rooms: tuple[PlanRoom, ...] = ()

    async def write(self, chunk: bytes) -> None:
        """Sends the chunk without waiting. Disconnects a subscriber with too much unsent data."""
        if self.ended.is_set():
            return  # its handler may have finished the response
        transport = self.request.transport
        if transport is None or transport.is_closing():
            self.ended.set()
        elif transport.get_write_buffer_size() > UNREAD_AT_MOST:
            transport.abort()
            self.ended.set()
        else:
            with suppress(ConnectionError):
                await self.response.write(chunk)


@dataclass(slots=True, eq=False)
class _Watched:
    """A plan and the subscribers that watch it, who have all received ``sent_version``."""

    plan: CachedAreaMap
    time_window: TimeFilter
    sent_version: int
    subscribers: set[_Subscriber] = field(default_factory=set)


class EventStreamHub:
    """This worker's event streams. ``opened`` is called with their number whenever it changes."""

    def __init__(
        self,
        service: SeatMapService,
        rooms: RoomService,
        cache: SeatMapCache,
        now: Callable[[], datetime],
        opened: Callable[[int], None] = lambda number: None,
    ) -> None:
        self._reference, self._occupancy = service.reference, service.occupancy
        self._rooms, self._cache, self._now, self._opened = rooms, cache, now, opened
        self._watched: dict[tuple[str, TimeFilter, frozenset[int]], _Watched] = {}
        self._of_reader: Counter[ReaderId] = Counter()
        self._numbers = count()
        self._changed = asyncio.Event()
        self._opening = asyncio.Event()
        self._closed = False
        self._occupancy.subscribe(self._changed.set)

    # --- a subscriber ----------------------------------------------------------------------------

    async def subscribe(
        self,
        request: web.Request,
        headers: dict[str, str],
        area: Area,
        time_window: TimeFilter,
        session: Session,
        reader: Reader,
    ) -> web.StreamResponse:
        """Answers with the plan's event stream, and returns when the stream ends. Raises: Busy
        if the worker has too many streams; Throttled if the reader has too many; Unavailable."""
        if request.method == "HEAD":
            return web.Response(headers=headers)  # without a body
        if self._closed or self._of_reader.total() >= STREAMS_AT_MOST:
            raise Busy(retry_after=random.randint(10, 30))
        reader_id = reader.id
        if self._of_reader[reader_id] >= STREAMS_OF_A_READER:
            raise Throttled(5)
        self._of_reader[reader_id] += 1
        try:
            # Before the response begins, so that a missing database gives an error status.
            occupancy = await self._occupancy.get_day(time_window.day)
            response = web.StreamResponse(headers=headers)
            # A buffer of megabytes would hide a client that does not read for minutes.
            if (sock := request.get_extra_info("socket")) is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            if request.transport is not None:
                request.transport.set_write_buffer_limits(_NEVER_WAIT)
            await response.prepare(request)
            await self._register(
                request, response, area, occupancy, time_window, session.id, reader
            )
            return response
        finally:
            self._of_reader[reader_id] -= 1
            if not self._of_reader[reader_id]:
                del self._of_reader[reader_id]
            self._opened(self._of_reader.total())

    async def _register(
        self,
        request: web.Request,
        response: web.StreamResponse,
        area: Area,
        occupancy: OccupancyView,
        time_window: TimeFilter,
        session_id: str,
        reader: Reader,
    ) -> None:
        plan = self._cache.plan(area, occupancy, time_window, self._minute(), reader)
        key, reader_id = (area.id, time_window, frozenset(plan.barred)), reader.id
        watched = self._watched.get(key)
        if watched is None or self._is_outdated(watched.plan):
            if watched is not None:
                _end(watched.subscribers)  # the catalog has changed
            watched = self._watched[key] = _Watched(plan, time_window, plan.view.version)
        plan = watched.plan
        plan.refresh(occupancy, self._minute())
        until = monotonic() + random.uniform(*LIVES_S)
        slot = next(self._numbers) % COMMENT_EVERY_S
        subscriber = _Subscriber(reader_id, session_id, request, response, until, slot)
        subscriber.own_seats = dict(plan.own(reader_id))
        # The version first: a client with another one loads the plan again.
        first = f"retry: {_RETRY_MS}\n".encode() + _version(plan.version())
        # The other subscribers may have an older version; their next update repeats some seats to
        # this one.
        watched.subscribers.add(subscriber)
        self._opening.set()
        self._opened(self._of_reader.total())
        if self._closed:  # during the awaits
            subscriber.ended.set()
        try:
            await subscriber.write(first)
            await subscriber.ended.wait()
        finally:
            watched.subscribers.discard(subscriber)
            if not watched.subscribers and self._watched.get(key) is watched:
                del self._watched[key]

    def close(self) -> None:
        """Ends all streams and refuses new ones, because the worker shuts down."""
        self._closed = True
        for watched in self._watched.values():
            _end(watched.subscribers)

    def end_of(self, key: str) -> None:
        """Ends streams after a change of rights. ``key``: a session's id, or ``reader:<id>`` for
        all streams of a reader. The browser connects again, and its rights are checked."""
        for watched in self._watched.values():
            _end(s for s in watched.subscribers if key in (s.session_id, f"reader:{s.reader_id}"))

    def _minute(self) -> datetime:
        return floor_minute(self._now())

    # --- the task -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Sends the changes of the plans to their subscribers, also the changes that follow from
        the time alone. Runs until cancelled."""
        second, minute = int(monotonic()), self._minute()
        while True:
            if not self._watched:  # wait for a subscriber
                self._opening.clear()
                await self._opening.wait()
                second = int(monotonic())
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._changed.wait()
                    await asyncio.sleep(_GATHER_S)
            if self._watched:
                self._occupancy.follow()
            began = monotonic()
            new_minute = self._minute()
            if self._changed.is_set() or new_minute != minute:
                self._changed.clear()
                minute = new_minute
                await self._broadcast_all()
            while second < int(monotonic()):
                second += 1
                if second % ROOMS_EVERY_S == 0:
                    await self._send_rooms()
                await self._comment(second % COMMENT_EVERY_S)
            await asyncio.sleep(min(2.0, _SHARE * (monotonic() - began)))

    async def _broadcast_all(self) -> None:
        for key, watched in list(self._watched.items()):
            try:
                await self._broadcast(watched)
            except DomainError:
                # The database is unavailable for all plans: try again in the next round.
                self._changed.set()
                return
            except Exception:
                log.exception("event_stream_failed", extra={"area": key[0]})
                _end(watched.subscribers)

    async def _broadcast(self, watched: _Watched) -> None:
        plan, view = watched.plan, watched.plan.view
        if self._is_outdated(plan):
            _end(watched.subscribers)  # they reconnect and load the plan again
            return
        plan.refresh(await self._occupancy.get_day(watched.time_window.day), self._minute())
        places = view.changed_since(watched.sent_version)
        watched.sent_version = view.version
        version = _version(plan.version())
        shared = b"".join(
            _seat(self._reference.zone, plan.area, place, view.views[place]) for place in places
        )
        for number, subscriber in enumerate(list(watched.subscribers)):
            own = dict(plan.own(subscriber.reader_id))
            if own or subscriber.own_seats:
                touched = {*places, *(p for p, _ in own.items() ^ subscriber.own_seats.items())}
                chunk = b"".join(
                    _seat(self._reference.zone, plan.area, place, own.get(place, view.views[place]))
                    for place in sorted(touched)
                )
                subscriber.own_seats = own
            else:
                chunk = shared
            if chunk:
                await subscriber.write(chunk + version)
            if number % _TURN == _TURN - 1:
                await asyncio.sleep(0)

    async def _send_rooms(self) -> None:
        """Sends the changed states of the study rooms on the watched plans; to a new subscriber,
        all states."""
        await renew_rooms(self._rooms, [watched.plan for watched in self._watched.values()])
        for watched in [w for w in self._watched.values() if w.plan.rooms]:
            rooms = watched.plan.rooms
            for number, subscriber in enumerate(list(watched.subscribers)):
                if subscriber.sent_rooms is not rooms:
                    changed = [one for one in rooms if one not in subscriber.sent_rooms]
                    subscriber.sent_rooms = rooms
                    await subscriber.write(b"".join(map(_room, changed)))
                if number % _TURN == _TURN - 1:
                    await asyncio.sleep(0)

    def _is_outdated(self, plan: CachedAreaMap) -> bool:
        """True if the area or the reader groups have changed since the plan was made."""
        reference = self._reference
        current = reference.catalog.areas.get(plan.area.id)
        return current is not plan.area or reference.groups is not plan.groups

    async def _comment(self, slot: int) -> None:
        """Called each second with another ``slot``. Sends a keep-alive to the subscribers in
        this slot, and ends those of their streams that are too old."""
        now = monotonic()
        for watched in list(self._watched.values()):
            for subscriber in list(watched.subscribers):
                if subscriber.slot != slot:
                    continue
                if now >= subscriber.until:
                    subscriber.ended.set()
                else:
                    await subscriber.write(_COMMENT)


EVENT_STREAMS: Final = web.AppKey("event_streams", EventStreamHub)


def _end(subscribers: Iterable[_Subscriber]) -> None:
    for subscriber in subscribers:
        subscriber.ended.set()


def _version(version: str) -> bytes:
    return b"event: version\ndata: " + msgspec.json.encode({"version": version}) + b"\n\n"


def _room(one: PlanRoom) -> bytes:
    event = schemas.PlanRoomEvent(id=one.room.id, status=one.status)
    return b"event: room\ndata: " + msgspec.json.encode(event) + b"\n\n"


def _seat(zone: Zone, area: Area, place: int, view: SeatState) -> bytes:
    event = schemas.SeatEvent(
        id=area.seats[place].id,
        status=view.status.value,
        free_until=zone.local_if_any(view.free_until),
        next_free=zone.local_if_any(view.next_free),
    )
    return b"event: seat\ndata: " + msgspec.json.encode(event) + b"\n\n"
