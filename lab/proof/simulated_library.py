"""A small library in the simulated database, and workers of the real service on it.

The workers run the service's own code, from its services down to the repositories. Only HTTP above
and MongoDB below are left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE, service_key
from lab.proof.memory_mongo import MemoryStore
from lab.proof.simulated_loop import SimulatedLoop
from lab.proof.simulated_mongo import Cluster, DirectNetwork, Network
from miniapp_server.channels import outbox_dispatcher
from miniapp_server.clock import real_now
from miniapp_server.repositories import Repositories
from miniapp_server.wiring import (
    DEADLINE_EXTENSION,
    DEADLINE_JOBS,
    OCCUPANCY,
    OPENING_DRAW,
    SEASON_DAYS,
    SEASON_USE,
    WAITLIST_JOBS,
    wire_models,
    wire_reference,
)
from models.booking.service import ReservationService
from models.check_in.early_end import EarlyEndService
from models.check_in.renewal import RenewalService
from models.check_in.service import CheckInService
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.kernel.ids import Actor, ReaderId
from models.kernel.zone import Zone
from models.library.entities import Area, AreaId, Kiosk, KioskId, Seat, SeatId, Venue, VenueId
from models.library.room_repository import put_room
from models.library.rooms import RequestAnswer, Room, RoomId, RoomRules
from models.messages.delivery_queue_repository import DeliveryQueue
from models.opening_draw.service import OpeningDraw
from models.parties.service import PartyService
from models.policy.entities import OpeningRule, Policy
from models.profile.entities import LibraryProfile
from models.profile.zones import zone_of
from models.readers.context import IdempotencyKey, RequestContext
from models.readers.entities import Reader
from models.reservations.presence import PresenceMethod
from models.reservations.rules import TimeSelection
from models.rooms.blocks import RoomBlocks
from models.rooms.changes import RoomChangeService
from models.rooms.jobs import RoomJobs
from models.rooms.presence import RoomPresence
from models.rooms.service import RoomService
from models.season_holders.service import SeasonHolders
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from models.violations.recording import ViolationRecorder
from models.waitlist.service import WaitlistService
from notify.conversations import Conversations
from notify.delivery.channel import DeliveryChannel
from notify.delivery.worker import DeliveryWorker
from notify.in_app import InAppNotifier
from notify.publisher import MessagePublisher
from notify.room_reminders import RoomReminders
from notify.routing import ChannelRouting

ZONE: Final = Zone.fixed("Asia/Shanghai", 480)
MONDAY: Final = datetime(2026, 9, 7, tzinfo=ZONE.slot_clock)
MORNING: Final = MONDAY.replace(hour=7)
VENUE: Final = VenueId("hall")
AREA: Final = AreaId("a")
KIOSK: Final = KioskId("kiosk")
QUIET, ASKED, GROUP = ROOMS = RoomId("quiet"), RoomId("asked"), RoomId("group")
"""Rooms for two to four people: one is empty for half an hour after each stay; the staff answer
each request for another; for the third another person must confirm an hour before the start."""
_RULES: Final = (
    RoomRules(buffer_minutes=30),
    RoomRules(unanswered=RequestAnswer.DECLINE),
    RoomRules(confirm_minutes=60),
)
CIPHER: Final = FieldCipher({1: b"1" * 32})


def seat(number: int) -> SeatId:
    return SeatId(f"a-{number:03d}")


def reader_number(number: int) -> str:
    return f"21{number:06d}"


async def _nobody_listens(_: ReaderId) -> None:
    return None


async def _cas_answers() -> bool:
    return True


async def _misses_none(_: ReaderId, __: datetime) -> bool:
    return False


class Worker:
    """One process of the service. Its occupancy has no change stream, so it reads the database
    before each answer."""

    def __init__(self, name: str, network: Network, clock: SimulatedLoop | None = None) -> None:
        self.name = name
        self.db: Database = network.connect(name)
        self.stored = Repositories(self.db, CIPHER)
        app = web.Application()
        zone = library_zone()
        minutes = zone.slot_clock.utcoffset(None) // timedelta(minutes=1)
        wire_reference(app, self.stored, LibraryProfile(zone=zone.name, zone_minutes=minutes))
        app[OPENING_DRAW] = OpeningDraw(
            self.stored.opening_tickets,
            self.stored.opening_draws,
            real_now,
            asyncio.sleep,
            lambda: app[REFERENCE].zone,
        )
        wire_models(
            app,
            self.db,
            self.stored,
            on_reader_changed=_nobody_listens,
            cas_answers=_cas_answers,
            misses_offers=_misses_none,
        )
        self.reference, self.occupancy = app[REFERENCE], app[OCCUPANCY]
        if clock is not None:
            self.occupancy._clock = clock.time
        self.reservations, self.check_in = (
            app[service_key(ReservationService)],
            app[service_key(CheckInService)],
        )
        self.renewal, self.early_end = (
            app[service_key(RenewalService)],
            app[service_key(EarlyEndService)],
        )
        self.parties = app[service_key(PartyService)]
        self.season_days, self.season_use = app[SEASON_DAYS], app[SEASON_USE]
        self.season_holders = app[service_key(SeasonHolders)]
        self.waitlist, self.waitlist_jobs = app[service_key(WaitlistService)], app[WAITLIST_JOBS]
        self.deadlines, self.extension = app[DEADLINE_JOBS], app[DEADLINE_EXTENSION]
        self.publisher = MessagePublisher(
            self.stored.messages, self.stored.deliveries, ChannelRouting(())
        )
        self.delivery: DeliveryWorker | None = None
        self.outbox = outbox_dispatcher(app, self.stored, self.publisher)
        conversations = Conversations(self.stored.feedback, {})
        self.rooms, self.blocks = app[service_key(RoomService)], app[service_key(RoomBlocks)]
        self.room_presence = app[service_key(RoomPresence)]
        self.room_changes = app[service_key(RoomChangeService)]
        self.room_jobs = RoomJobs(
            self.stored.room_bookings,
            self.reference,
            self.extension,
            app[service_key(PresenceKnowledge)],
            app[service_key(ViolationRecorder)],
            InAppNotifier(self.publisher, conversations, self.reference).room_news,
            RoomReminders(self.publisher, self.reference).send,
        )

    def sends_by(self, channel: DeliveryChannel, now: Callable[[], datetime]) -> None:
        """Lets the worker also deliver readers' messages, by this channel."""
        self.publisher._routing = ChannelRouting((channel,))
        self.delivery = DeliveryWorker(
            DeliveryQueue(self.db, channel.name, self.stored.messages),
            channel,
            self.stored.reservations.many,
            now,
        )

    def sending(self) -> Sequence[asyncio.Task[None]]:
        """The delivery tasks that run between two runs of the delivery job."""
        delivery = self.delivery
        if delivery is None:
            return ()
        return [*delivery._slots, *((delivery._writer,) if delivery._writer is not None else ())]

    def reads_all(self) -> None:
        """Makes the occupancy treat everything that it has loaded as current at this moment."""
        self.occupancy._as_of = self.occupancy._clock()

    def share(self, other: Worker) -> None:
        """Takes over the library and the policy that the other worker has loaded."""
        self.reference.catalog, self.reference.policy = (
            other.reference.catalog,
            other.reference.policy,
        )
        self.reference.rooms = other.reference.rooms
        self.reference._loaded = other.reference._loaded
        self.reference._accommodations = other.reference._accommodations


@dataclass(frozen=True, slots=True)
class SimulatedLibrary:
    """The prepared store that each run copies, with readers and no bookings. ``loaded``: a
    worker that has loaded the library and its policy."""

    store: MemoryStore
    readers: Sequence[Reader]
    loaded: Worker

    @property
    def opens(self) -> int:
        """The hour of the opening."""
        opens = self.loaded.reference.policy.opening[0].opens
        assert opens is not None
        return opens.hour

    def worker_on(self, store: MemoryStore) -> Worker:
        """A worker that reads and writes the store directly, so that nothing fails."""
        worker = Worker("direct", DirectNetwork(Cluster(store)))
        worker.share(self.loaded)
        return worker


CLOSES: Final = (22, 10)
"""Hour and minute. The closing lies between two half hours, so that the last half hour is used
in part."""
_SMALL: Final = Policy(party_share_percent=100)
"""The rules of so small a library: all seats of its area can be those of one party."""
DAY: Final = replace(_SMALL, opening=(OpeningRule(time(7), time(*CLOSES)),))
NIGHT: Final = replace(_SMALL, opening=(OpeningRule(time(15), time(6, 10)),))
"""The library with opening hours eight hours later: most bookings cross midnight."""
ACROSS: Final = replace(_SMALL, opening=(OpeningRule(time(20, 30), time(11, 40)),), step_minutes=30)
"""The opening hours during ``across_midnight``."""
JUMP: Final = replace(_SMALL, opening=(OpeningRule(time(22, 30), time(14, 40)),), step_minutes=30)
"""The opening hours during ``over_a_jump``."""
SHORT_NIGHT: Final = replace(_SMALL, opening=(OpeningRule(time(15), time(7, 10)),))
"""The opening hours during ``short_night``, in which as many hours pass as in ``NIGHT``."""
BERLIN: Final = zone_of("Europe/Berlin", 60)
_later = timedelta()
_zone = ZONE


def library_zone() -> Zone:
    """The zone of libraries that are built now."""
    return _zone


async def build(seats: int, readers: int, policy: Policy = DAY) -> SimulatedLibrary:
    """Builds a venue with three rooms and one area that has this many seats, and its readers."""
    store = MemoryStore()
    direct = Worker("direct", DirectNetwork(Cluster(store)))
    venue = Venue(VENUE, "图书馆")
    places = tuple(
        Seat(seat(n), AREA, f"{n:03d}", 50 * (n % 20), 50 * (n // 20)) for n in range(1, seats + 1)
    )
    area = Area(AREA, VENUE, "一层", 1, 0, 1100, 1100, places, ())
    kiosk = Kiosk(KIOSK, VENUE, "选座机", "seat_kiosk")
    await direct.stored.catalogs.add_missing([venue], [area], [kiosk])
    for id, rules in zip(ROOMS, _RULES, strict=True):
        await put_room(direct.db, Room(id, VENUE, f"研修间 {id}", 2, 2, 4, rules=rules), None)
    await direct.stored.policies.add_missing(policy, MORNING)
    await direct.stored.presence_methods.put(VENUE, PresenceMethod.KIOSK_CODE, MORNING)
    await direct.reference.refresh()
    people = [
        await direct.stored.readers.upsert_from_login(reader_number(n), "张三", "student", MORNING)
        for n in range(readers)
    ]
    await direct.stored.heartbeat.set(MORNING)
    return SimulatedLibrary(store, people, direct)


def at(hour: int, minute: int = 0) -> datetime:
    """An instant of the Monday, as the library's clocks show it; during ``across_midnight`` 13.5
    hours later, during ``over_a_jump`` in a night in which they are set forward."""
    return _zone.local(MONDAY + timedelta(hours=hour, minutes=minute) + _later)


@contextmanager
def across_midnight() -> Iterator[None]:
    """During the block ``at`` and ``wish`` are 13.5 hours later, so that ten to eleven becomes
    23:30 to 00:30. The library must be built with ``ACROSS``."""
    global _later
    _later = timedelta(hours=13, minutes=30)
    try:
        yield
    finally:
        _later = timedelta()


def over_a_jump() -> AbstractContextManager[None]:
    """During the block the library is in Berlin, where ten to eleven is 01:30 to 03:30. It must
    be built with ``JUMP``."""
    ten = BERLIN.instant(date(2027, 3, 28), time(1, 30))
    return _in_berlin(ten - MONDAY.replace(hour=10))


def short_night() -> AbstractContextManager[None]:
    """During the block the library is in Berlin, on the day before its clocks are set forward. It
    must be built with ``SHORT_NIGHT``."""
    return _in_berlin(BERLIN.midnight(date(2027, 3, 27)) - MONDAY)


@contextmanager
def _in_berlin(later: timedelta) -> Iterator[None]:
    global _later, _zone
    _later, _zone = later, BERLIN
    try:
        yield
    finally:
        _later, _zone = timedelta(), ZONE


def wish(start: int | None, end: int, hour: int = 0) -> TimeSelection:
    """A span of whole hours of the Monday; from 24 on they are hours of Tuesday. Without
    ``start`` it begins now, and ``hour`` is the current hour."""
    begin = at(hour if start is None else start)
    return TimeSelection(begin.date(), None if start is None else begin.time(), at(end).time())


def context(
    reader: Reader, now: datetime, key: str | None = None, *, repeated: bool = False
) -> RequestContext:
    """The context of a reader's request. With a ``key`` the request can be repeated;
    ``repeated``: it says that it is a repetition."""
    named = IdempotencyKey(key, key, repeated) if key is not None else None
    return RequestContext(reader, Actor("reader", "api"), now, named)
