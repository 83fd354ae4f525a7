"""A service to measure: its database, its library on a Monday at ten, its readers, its process."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Final

import aiohttp
from aiohttp import web

from handlers.http.keys import REFERENCE, service_key
from lab.bench.cost import Processes, per_thousand
from lab.bench.load import ROOT, BenchFailed, Load, Run, page, request
from lab.bench.processes import READY_S, played, process, processes, ready
from miniapp_server import seed as seeding
from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock
from miniapp_server.embedded_databases import EmbeddedDatabases, free_ports
from miniapp_server.keys import RESOURCES
from miniapp_server.load_data.generate import HistoryGenerator
from miniapp_server.load_data.history_repository import HistoryWriter
from miniapp_server.repositories import Repositories
from miniapp_server.resources import ALONE, MongoAccess, Resources
from miniapp_server.sandbox.state_repository import SandboxState
from models.booking.service import ReservationService
from models.kernel.ids import Actor, ReaderId
from models.library.entities import SeatId
from models.readers.context import RequestContext
from models.readers.entities import PersonalData, Reader
from models.reference_data import ReferenceData
from models.reservations.rules import TimeSelection
from models.storage.encryption import token_hash
from models.storage.mongo import Database, new_id

MORNING: Final = datetime.fromisoformat("2026-09-07T10:00:00+08:00")
"""The start of the service's clock: a Monday, the library open, tomorrow bookable."""
TOMORROW: Final = MORNING.date() + timedelta(days=1)
AREA: Final = "2f-east"
AREAS: Final = "/api/v1/areas"
PLAN: Final = f"{AREAS}/{AREA}/map"
LOOKERS: Final = 500
"""Readers who look at areas and plans."""
HOURS: Final = range(7, 21)
"""Starts of the one-hour bookings. The hour after them is the contended one."""
UNPACED: Final = 1_000_000
"""RATE_LIMIT_SCALE of runs in which few readers and one address send everything."""


@dataclass(frozen=True, slots=True)
class Member:
    """A reader with the token of a live session."""

    id: ReaderId
    token: str


@dataclass(slots=True)
class House:
    """A database with the library in it, opened from this process as well."""

    folder: Path
    databases: EmbeddedDatabases
    env: Mapping[str, str]
    app: web.Application

    @property
    def resources(self) -> Resources:
        return self.app[RESOURCES]

    @property
    def db(self) -> Database:
        return self.resources.db

    @property
    def stored(self) -> Repositories:
        return self.resources.repositories

    @property
    def reference(self) -> ReferenceData:
        return self.app[REFERENCE]

    async def doubles(self) -> int:
        return len(await self.stored.reservations.find_double_bookings())

    async def rewind(self) -> None:
        """Resets the database to the morning: no reservation of that day or the next, no traces of
        an earlier service."""
        db = self.db
        await db["reservations"].delete_many({"day": {"$gte": MORNING.date().isoformat()}})
        for name in ("heartbeat", "leases"):
            await db[name].delete_many({})
        await SandboxState(db).set_offset(self.resources.clock.set(MORNING))


@asynccontextmanager
async def house(
    folder: Path,
    databases: EmbeddedDatabases,
    history: int = 0,
    library: seeding.LibraryData | None = None,
    mongo: MongoAccess = ALONE,
) -> AsyncIterator[House]:
    """Makes a database for the block, with about ``history`` past reservations, and with the given
    library or the demo's. ``mongo``: how this process reaches it."""
    env = {
        "SANDBOX": "1",
        "PORT": "1",  # each service gets its own
        "MONGO_URL": databases.mongo_url,
        "REDIS_URL": databases.redis_url,
        "MONGO_DATABASE": f"bench{secrets.token_hex(4)}",
        "ENCRYPTION_KEYS": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(folder),
    }
    async with open_application(load(env), Clock(), mongo=mongo) as app:
        home = House(folder, databases, env, app)
        try:
            await seeding.seed(home.stored, home.reference, library or seeding.read(), MORNING)
            if history:
                await _load_history(home, history)
                # Otherwise the history would be written to disk during a run.
                await home.db.client.admin.command("fsync")
            yield home
        finally:
            await home.db.client.drop_database(home.db.name)


async def _load_history(home: House, count: int) -> None:
    settings, reference = home.resources.settings, home.reference
    with closing(HistoryWriter(settings.mongo_url, home.db.name)) as writer:
        history = HistoryGenerator(
            writer, settings.sealer, reference.zone, reference.catalog, reference.policy
        )
        await asyncio.to_thread(history.generate, until=MORNING.date(), count=count)


@dataclass(frozen=True, slots=True)
class Stage:
    """A running service on a house. ``pid`` is its process, or the supervisor of its workers."""

    house: House
    port: int
    pid: int
    ready_s: float
    """Seconds from the start to ready."""

    @property
    def processes(self) -> Processes:
        return processes(self.pid, self.house.databases)

    async def play(self, seconds: int, load: Load) -> Run:
        return await played(self.house.folder, self.port, self.processes, seconds, load)

    async def booked(self, seconds: int, load: Load, exactly: int | None = None) -> Run:
        """Plays bookings, and checks that the 201s are the bookings in the database. The cost is
        counted until all of their messages are written.

        Raises: BenchFailed.
        """
        before, cpu = await self.house.stored.reservations.count(), self.processes.cpu_s()
        run = await self.play(seconds, load)
        await self.wait_for_dispatch()
        cost = per_thousand(cpu, self.processes.cpu_s(), sum(run.statuses.values()))
        await self.compare(run.statuses.get(201, 0), before, exactly)
        return replace(run, cpu=cost)

    async def compare(self, confirmed: int, before: int, exactly: int | None = None) -> None:
        """Raises: BenchFailed unless exactly the confirmed bookings were added to those
        ``before``."""
        new = await self.house.stored.reservations.count() - before
        if confirmed != new:
            raise BenchFailed(f"{confirmed} bookings were confirmed and {new} are in the database")
        if exactly not in (None, new):
            raise BenchFailed(f"{new} bookings for {exactly} seats in one hour")

    async def etag(self, path: str, member: Member) -> str:
        """The ETag of the path's answer. Raises: BenchFailed without one."""
        headers = {"Authorization": f"Bearer {member.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
        ):
            if "ETag" not in answer.headers:
                raise BenchFailed(f"{path} has no ETag: {answer.status}")
            return answer.headers["ETag"]

    async def half_fill(self) -> None:
        """Books half of the seats until noon; returns when all of their messages are written.

        Areas and plans of an empty library would be cheaper to show than those of a real one.
        """
        seats = seats_of(self.house)[::2]
        readers = await members(self.house, len(seats))
        selection = TimeSelection(MORNING.date(), None, time(12))

        async def take(member: Member, seat: SeatId) -> None:
            reader = Reader(member.id, "student", None, lambda: PersonalData("", ""))
            ctx = RequestContext(reader, Actor("reader", "web"), MORNING)
            await self.house.app[service_key(ReservationService)].create(ctx, seat, selection)

        await asyncio.gather(*(take(m, seat) for m, seat in zip(readers, seats, strict=True)))
        await self.wait_for_dispatch()

    async def wait_for_dispatch(self) -> None:
        """Returns when the outboxes are empty. Raises: BenchFailed."""
        deadline = monotonic() + READY_S
        while any(await self.house.stored.reservations.with_outbox_events(1)):
            if monotonic() > deadline:
                raise BenchFailed("the service does not dispatch its outbox")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def serving(
    house: House, workers: int = 1, throttle_scale: int = UNPACED, root: Path = ROOT
) -> AsyncIterator[Stage]:
    """Runs the service of the checkout in ``root`` on the house during the block; all of its
    workers are ready.

    Raises: BenchFailed.
    """
    await house.rewind()
    [port] = free_ports(1)
    env = {**house.env, "PORT": str(port), "RATE_LIMIT_SCALE": str(throttle_scale)}
    began = monotonic()
    command = ["-m", "miniapp_server", "serve", "--workers", str(workers)]
    async with process(command, env, root) as pid:
        await ready(port, "/readyz", workers)
        yield Stage(house, port, pid, monotonic() - began)


# --- readers and what they ask --------------------------------------------------------------------


def seats_of(home: House) -> list[SeatId]:
    """All seats in service."""
    return [seat.id for seat in home.reference.catalog.seats.values() if seat.disabled is None]


def looks(path: str, looking: Iterable[Member], etag: str = "") -> list[bytes]:
    """A request for the path by each reader, conditional if an ``etag`` is given."""
    return [request("GET", path, member.token, etag=etag) for member in looking]


PAGES_S: Final = 3
"""Seconds of a burst of pages, at least: a page costs fifty times what a read costs, and the first
one of its kind still more."""


def pages(looking: Iterable[Member]) -> list[bytes]:
    """Requests of the most read pages, in turns: areas, the plan, the reader's own reservations."""
    paths = "/", f"/areas/{AREA}", "/reservations"
    return [page(path, member.token) for member in looking for path in paths]


def booking(member: Member, seat: SeatId, hour: int, day: date = TOMORROW) -> bytes:
    """A booking of one hour of the day."""
    body = {
        "seat_id": seat,
        "date": day.isoformat(),
        "start": f"{hour:02}:00",
        "end": f"{hour + 1:02}:00",
    }
    return request("POST", "/api/v1/reservations", member.token, json.dumps(body).encode())


def contended(home: House, readers: Sequence[Member], count: int) -> Load:
    """Bookings in which every reader wants each of ``count`` seats in the same hour, shuffled."""
    seats = [seat.id for seat in home.reference.area(AREA).seats if seat.disabled is None]
    wishes = list(product(readers, seats[:count]))
    random.Random(1).shuffle(wishes)
    return Load([booking(m, seat, HOURS.stop) for m, seat in wishes], frozenset({201, 409}))


def free_hours(home: House, days: int = 1) -> Iterator[tuple[SeatId, int, date]]:
    """Each seat of the library in each hour of ``days`` days from tomorrow on, except the contended
    hour."""
    seats = seats_of(home)
    random.Random(2).shuffle(seats)
    ahead = (TOMORROW + timedelta(days=n) for n in range(days))
    return ((seat, hour, day) for day in ahead for hour in HOURS for seat in seats)


async def members(
    home: House, count: int, lasting: timedelta = timedelta(hours=12)
) -> list[Member]:
    """New readers with web sessions: the first is made by the repositories, the others copy it."""
    first = f"B{secrets.token_hex(4)}".upper()
    sealer = home.resources.settings.sealer
    token, ticket = sealer.new_token(), secrets.token_urlsafe(16)
    reader = await home.stored.readers.upsert_from_login(first, "张三", "student", MORNING)
    await home.stored.sessions.open_web(token, reader.id, ticket, MORNING, MORNING + lasting)
    reader_image = await home.db["readers"].find_one({"_id": reader.id})
    session_image = await home.db["sessions"].find_one({"_id": token_hash(token)})
    assert reader_image is not None and session_image is not None
    made, readers, sessions = [Member(reader.id, token)], [], []
    for number in range(1, count):
        member = Member(ReaderId(new_id()), sealer.new_token())
        hashes = sealer.hashes(f"{first}{number}", "student_no")
        readers.append({**reader_image, "_id": member.id, "no_hashes": hashes})
        sessions.append(
            {
                **session_image,
                "_id": token_hash(member.token),
                "reader": member.id,
                "ticket": token_hash(f"{ticket}{number}"),
            }
        )
        made.append(member)
    if readers:
        await home.db["readers"].insert_many(readers, ordered=False)
        await home.db["sessions"].insert_many(sessions, ordered=False)
    return made
