"""Plans as they change: Server-Sent Events to everybody who watches one.

One task of the worker brings the watched plans up to date and writes to the subscribers; a
subscriber has no task that could be waited for. One that does not read fast enough is dropped and
connects again automatically
(https://html.spec.whatwg.org/multipage/server-sent-events.html: the browser reconnects).
"""

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

from handlers.http import presenting
from handlers.seat_map import schemas
from handlers.seat_map.cache import CachedAreaMap, SeatMapCache
from models.identity.entities import Session
from models.kernel.errors import Busy, DomainError, Throttled
from models.kernel.ids import ReaderId
from models.kernel.time_range import floor_minute
from models.library.entities import Area
from models.occupancy.joined import OccupancyView
from models.readers.entities import Reader
from models.seat_map.availability import SeatState
from models.seat_map.service import SeatMapService, TimeFilter

log = logging.getLogger(__name__)
COMMENT_EVERY_S: Final = 15
STREAMS_AT_MOST: Final = 30_000
"""Of one worker; docs/performance.md counts what they need."""
STREAMS_OF_A_READER: Final = 6
"""A browser opens that many connections to one host; each page watches one plan."""
LIVES_S: Final = (600.0, 900.0)
"""A stream ends after a time between these: its session is judged anew when it comes back, and the
streams spread over the workers that there are by then."""
UNREAD_AT_MOST: Final = 32 * 1024
"""Bytes that may wait for one subscriber when it is told something more."""
_NEVER_WAIT: Final = 16 * 1024 * 1024
"""The transport's own limit, from which on writing to it would wait: beyond what is unread and all
seats of any area."""
_SEND_BUFFER: Final = 64 * 1024
_RETRY_MS: Final = 3000
_GATHER_S: Final = 0.05
_SHARE: Final = 4
"""After telling everybody the task rests this many times as long: requests go before streams."""
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

    async def write(self, chunk: bytes) -> None:
        """Hand the chunk to the transport; drop a subscriber that has too much left to read."""
        if self.ended.is_set():
            return  # its handler may have ended the answer already
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
    """A plan and its subscribers. ``told`` is the version of the view that all of them know."""

    plan: CachedAreaMap
    asked: TimeFilter
    told: int
    subscribers: set[_Subscriber] = field(default_factory=set)


class EventStreamHub:
    """All event streams of this worker. ``opened`` is told how many there are."""

    def __init__(
        self,
        service: SeatMapService,
        cache: SeatMapCache,
        now: Callable[[], datetime],
        opened: Callable[[int], None] = lambda number: None,
    ) -> None:
        self._reference, self._occupancy = service.reference, service.occupancy
        self._cache, self._now, self._opened = cache, now, opened
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
        asked: TimeFilter,
        session: Session,
        reader: Reader,
    ) -> web.StreamResponse:
        """Answer with the stream; returns when it has ended.

        Raises: Busy, Throttled when there are too many; Unavailable.
        """
        if request.method == "HEAD":
            return web.Response(headers=headers)  # and no body to wait for
        if self._closed or self._of_reader.total() >= STREAMS_AT_MOST:
            raise Busy(retry_after=random.randint(10, 30))
        reader_id = reader.id
        if self._of_reader[reader_id] >= STREAMS_OF_A_READER:
            raise Throttled(5)
        self._of_reader[reader_id] += 1
        try:
            # Before the answer begins: without a database it is a refusal.
            occupancy = await self._occupancy.get_day(asked.day)
            response = web.StreamResponse(headers=headers)
            # A buffer of megabytes would hide for minutes that nobody reads.
            if (sock := request.get_extra_info("socket")) is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            if request.transport is not None:
                request.transport.set_write_buffer_limits(_NEVER_WAIT)
            await response.prepare(request)
            await self._register(request, response, area, occupancy, asked, session.id, reader)
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
        asked: TimeFilter,
        session_id: str,
        reader: Reader,
    ) -> None:
        plan = self._cache.plan(area, occupancy, asked, self._minute(), reader)
        key, reader_id = (area.id, asked, frozenset(plan.barred)), reader.id
        watched = self._watched.get(key)
        if watched is None or self._is_outdated(watched.plan):
            if watched is not None:
                _end(watched.subscribers)  # of a catalog that has changed
            watched = self._watched[key] = _Watched(plan, asked, plan.view.version)
        plan = watched.plan
        plan.refresh(occupancy, self._minute())
        until = monotonic() + random.uniform(*LIVES_S)
        slot = next(self._numbers) % COMMENT_EVERY_S
        subscriber = _Subscriber(reader_id, session_id, request, response, until, slot)
        subscriber.own_seats = dict(plan.own(reader_id))
        # The version first: a client that has loaded another one before loads the plan again.
        first = f"retry: {_RETRY_MS}\n".encode() + _version(plan.version())
        # Others may have been told less than this one knows now: they are told before long, and
        # this one hears some seats twice.
        watched.subscribers.add(subscriber)
        self._opening.set()
        self._opened(self._of_reader.total())
        if self._closed:  # meanwhile
            subscriber.ended.set()
        try:
            await subscriber.write(first)
            await subscriber.ended.wait()
        finally:
            watched.subscribers.discard(subscriber)
            if not watched.subscribers and self._watched.get(key) is watched:
                del self._watched[key]

    def close(self) -> None:
        """End all streams, and open no other: the service goes down."""
        self._closed = True
        for watched in self._watched.values():
            _end(watched.subscribers)

    def end_of(self, key: str) -> None:
        """End the streams of a session that has ended, or of a reader (``reader:<id>``) whose
        rights have changed: the browser connects again, and is judged anew."""
        for watched in self._watched.values():
            _end(s for s in watched.subscribers if key in (s.session_id, f"reader:{s.reader_id}"))

    def _minute(self) -> datetime:
        return floor_minute(self._now())

    # --- the task -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell the subscribers what changes, also by time alone, until cancelled."""
        second, minute = int(monotonic()), self._minute()
        while True:
            if not self._watched:  # nobody is to be told of anything until somebody comes
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
                await self._comment(second % COMMENT_EVERY_S)
            await asyncio.sleep(min(2.0, _SHARE * (monotonic() - began)))

    async def _broadcast_all(self) -> None:
        for key, watched in list(self._watched.items()):
            try:
                await self._broadcast(watched)
            except DomainError:
                # No database at this moment, for the others neither: they are told when there is.
                self._changed.set()
                return
            except Exception:
                log.exception("event_stream_failed", extra={"area": key[0]})
                _end(watched.subscribers)

    async def _broadcast(self, watched: _Watched) -> None:
        plan, view = watched.plan, watched.plan.view
        if self._is_outdated(plan):
            _end(watched.subscribers)  # the catalog has changed: they look at everything anew
            return
        plan.refresh(await self._occupancy.get_day(watched.asked.day), self._minute())
        places = view.changed_since(watched.told)
        watched.told = view.version
        version = _version(plan.version())
        shared = b"".join(_seat(plan.area, place, view.views[place]) for place in places)
        for number, subscriber in enumerate(list(watched.subscribers)):
            own = dict(plan.own(subscriber.reader_id))
            if own or subscriber.own_seats:
                touched = {*places, *(p for p, _ in own.items() ^ subscriber.own_seats.items())}
                chunk = b"".join(
                    _seat(plan.area, place, own.get(place, view.views[place]))
                    for place in sorted(touched)
                )
                subscriber.own_seats = own
            else:
                chunk = shared
            if chunk:
                await subscriber.write(chunk + version)
            if number % _TURN == _TURN - 1:
                await asyncio.sleep(0)

    def _is_outdated(self, plan: CachedAreaMap) -> bool:
        """Has the catalog changed since, or a reader group?"""
        reference = self._reference
        current = reference.catalog.areas.get(plan.area.id)
        return current is not plan.area or reference.groups is not plan.groups

    async def _comment(self, slot: int) -> None:
        """Show that the stream lives, or end it: one fifteenth of the subscribers each second."""
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


def _seat(area: Area, place: int, view: SeatState) -> bytes:
    event = schemas.SeatEvent(
        id=area.seats[place].id,
        status=view.status.value,
        free_until=presenting.moment(view.free_until),
        next_free=presenting.moment(view.next_free),
    )
    return b"event: seat\ndata: " + msgspec.json.encode(event) + b"\n\n"
