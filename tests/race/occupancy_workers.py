"""Workers that follow the change stream and answer from memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pymongo
from pymongo.monitoring import CommandListener

from handlers.seat_map.cache import SeatMapCache
from miniapp_server.scheduler import end
from models.kernel.errors import DomainError
from models.library.entities import AreaId
from models.readers.entities import Reader
from models.seat_map.service import TimeFilter
from models.storage.encryption import FieldCipher
from models.storage.mongo import CODEC, open_database
from tests.builders import ZONE
from tests.inside import Inside, features
from tests.race.stage import MONDAY, clock, selection
from tests.waiting import until

TODAY = MONDAY.date()
TOMORROW = TODAY + timedelta(days=1)
AREA = AreaId("2f-hall")


def windows() -> tuple[TimeFilter, ...]:
    """Every worker is asked for these days and two times."""
    hours = selection(10, 12)
    whole = TimeFilter(TODAY, None, None), TimeFilter(TOMORROW, None, None)
    return *whole, TimeFilter(hours.day, hours.start, hours.end)


@dataclass
class Worker:
    """A process with a MongoDB client of its own that follows the change stream."""

    inside: Inside
    plans: SeatMapCache = field(init=False)
    task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.plans = SeatMapCache(self.inside.seat_map)

    def follow(self) -> None:
        self.task = asyncio.create_task(self.inside.occupancy.follow_changes())

    async def fresh(self) -> None:
        """Returns once the worker's occupancy is authoritative for both days."""

        async def judges() -> bool:
            with suppress(DomainError):
                for day in (TODAY, TOMORROW):
                    await self.inside.occupancy.get_day(day)
            return all(self.inside.occupancy.authoritative_day(day) for day in (TODAY, TOMORROW))

        await until(judges, "an occupancy that is up to date")

    async def stop(self) -> None:
        if self.task is not None:
            await end([self.task])

    async def equals_the_database(self) -> bool:
        """The day includes bookings that began the day before and end after midnight."""
        inside = self.inside
        for day in (TODAY, TOMORROW):
            rows = {
                row.id: row
                for beside in inside.reference.joined_days(day)
                for row in await inside.stored.reservations.occupancy_rows(beside)
                if row.end > ZONE.midnight(day)
            }
            if (await inside.occupancy.get_day(day)).rows != rows:
                return False
        return True

    async def bodies(self, readers: list[Reader]) -> list[tuple[bytes, str]]:
        """A worker's responses: every plan for all onlookers and each holder, and the areas."""
        responses = []
        area, now = self.inside.reference.catalog.areas[AREA], clock(9, 30)
        for window in windows():
            occupancy = await self.inside.occupancy.get_day(window.day)
            plan = self.plans.plan(area, occupancy, window, now)
            answers = [plan.body_for(reader.id) for reader in readers]
            answers.append(self.plans.areas(occupancy, None, window, now))
            responses += [(body._content, body._etag) for body in answers]
        return responses


@asynccontextmanager
async def worker(url: str, name: str, cipher: FieldCipher) -> AsyncIterator[Worker]:
    async with open_database(url, name) as db:
        made = Worker(features(db, cipher))
        await made.inside.reference.refresh()
        made.follow()
        try:
            yield made
        finally:
            await made.stop()


@asynccontextmanager
async def two_workers(url: str, name: str, cipher: FieldCipher) -> AsyncIterator[list[Worker]]:
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(worker(url, name, cipher)) for _ in range(2)]
        for one in workers:
            await one.fresh()
        yield workers


class Commands(CommandListener):
    """The commands about bookings that one client sends, without those of its stream and
    heartbeats."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: Any) -> None:
        if event.command_name not in ("getMore", "hello", "endSessions", "killCursors"):
            self.names.append(event.command_name)

    def succeeded(self, event: Any) -> None: ...

    def failed(self, event: Any) -> None: ...


@asynccontextmanager
async def counted_worker(
    url: str, name: str, cipher: FieldCipher
) -> AsyncIterator[tuple[Worker, Commands]]:
    commands = Commands()
    client: Any = pymongo.AsyncMongoClient(url, event_listeners=[commands])
    db: Any = client.get_database(
        name, codec_options=CODEC, write_concern=pymongo.WriteConcern(w="majority")
    )
    made = Worker(features(db, cipher))
    await made.inside.reference.refresh()
    made.follow()
    try:
        await made.fresh()
        yield made, commands
    finally:
        await made.stop()
        await client.close()
