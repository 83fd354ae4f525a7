"""One change stream for several databases: each gets its own changes, and no loss is unreported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from miniapp_server.scheduler import end
from models.occupancy.live import LiveOccupancy
from models.reservation_store.change_stream_repository import ChangeBatch
from models.reservation_store.cluster_changes_repository import ClusterChanges
from models.reservation_store.repository import ReservationRepository
from models.reservations.occupancy_rows import OccupancyRow, RowRemoval
from models.schema.indexes import ensure_indexes
from models.storage.mongo import Database, SharedClients, new_id
from tests.builders import MONDAY
from tests.guarded_mongod import cell
from tests.log_lines import log_lines
from tests.store.changes import Heard, OldTokens, booking, following, kill_cursors, next_of
from tests.waiting import patience, until


@pytest.fixture
async def others(db: Database) -> AsyncIterator[tuple[Database, Database]]:
    """Two more databases of the client."""
    made = tuple(
        db.client.get_database(
            f"{db.name}-{number}",
            codec_options=db.codec_options,
            write_concern=db.write_concern,
            read_concern=db.read_concern,
        )
        for number in (2, 3)
    )
    for each in made:
        await ensure_indexes(each)
    yield made[0], made[1]
    for each in made:
        await db.client.drop_database(each.name)


@asynccontextmanager
async def reading(client: Any) -> AsyncIterator[ClusterChanges]:
    cluster = ClusterChanges(client)
    task = asyncio.create_task(cluster.run())
    try:
        yield cluster
    finally:
        await end([task])


class ClientWith:
    """A client with another administrative database."""

    def __init__(self, admin: Any) -> None:
        self._admin = admin

    def get_database(self, _: str) -> Any:
        return self._admin


class Judge:
    """Compares what a follower has been told with the writes of its database."""

    def __init__(self, db: Database, heard: Heard) -> None:
        self.store, self.heard = ReservationRepository(db), heard
        self.loop = asyncio.get_running_loop()
        self.answered: list[tuple[float, str, int]] = []
        self.reported: set[tuple[str, int]] = set()
        self.late: list[tuple[str, int]] = []
        heard.check = self.check

    def check(self, batch: ChangeBatch) -> None:
        self.reported.update(
            (c.id, c.rev) for _, c in batch.changes if not isinstance(c, RowRemoval)
        )
        if (as_of := batch.complete_until) is not None:
            self.late += [
                (id, rev)
                for t, id, rev in self.answered
                if t < as_of and (id, rev) not in self.reported
            ]

    async def write(self, numbers: range) -> None:
        for number in numbers:
            r = booking(number)
            await self.store.insert(r)
            self.answered.append((self.loop.time(), r.id, 1))
            r = await self.store.replace(r, next_of(r)) or r
            self.answered.append((self.loop.time(), r.id, 2))

    async def done(self) -> None:
        await self.heard.until(lambda: len(self.reported) == len(self.answered))
        assert self.reported == {(id, rev) for _, id, rev in self.answered}
        assert not self.late and self.heard.anew == 1


async def test_each_database_gets_all_of_its_own_changes_before_as_of(
    db: Database, others: tuple[Database, Database]
) -> None:
    """Also after broken cursors, and while another database is added and removed."""
    two, three = others
    async with (
        reading(db.client) as cluster,
        following(cluster.stream_of(db, "")) as first,
        following(cluster.stream_of(two, "")) as second,
    ):
        one, other = Judge(db, first), Judge(two, second)

        async def disturb(before: int) -> None:
            await first.until(lambda: len(one.reported) > before)
            async with following(cluster.stream_of(three, "")) as third:
                await ReservationRepository(three).insert(made := booking(0))
                await third.until(lambda: third.knows(made.id, 1))
                await three["reservations"].delete_many({})
            while not await kill_cursors(db.client.get_database("admin"), None):
                pass

        # Each round has reports of its own to wait for, however fast the machine is.
        for begin in (0, 30):
            numbers = range(begin, begin + 30)
            await asyncio.gather(
                one.write(numbers), other.write(numbers), disturb(len(one.reported))
            )
        await asyncio.gather(one.write(range(60, 70)), other.write(range(60, 70)))
        await one.done()
        await other.done()
        assert not one.reported & other.reported


async def test_own_inserts_lost_history_and_a_drop_concern_their_database(
    db: Database, others: tuple[Database, Database]
) -> None:
    two, _ = others
    short = OldTokens(db.client.get_database("admin"))
    mine, theirs = ReservationRepository(db), ReservationRepository(two)
    async with reading(ClientWith(short)) as cluster:
        changes = cluster.stream_of(db, mine.writer)
        async with following(changes) as first, following(cluster.stream_of(two, "")) as second:
            await mine.insert(own := booking(0))
            await theirs.insert(made := booking(0))
            await second.until(lambda: second.knows(made.id, 1))
            assert not first.changes
            former, changes.writer = mine.writer, new_id()
            await first.until(lambda: first.anew == 2)
            assert second.anew == 1 and not first.knows(own.id, 1)
            await mine.insert(late := booking(1))
            await first.until(lambda: first.knows(late.id, 1))
            assert mine.writer == former

            short.armed = True
            while not await kill_cursors(db.client.get_database("admin"), None):
                pass
            await first.until(lambda: first.anew == 3)
            await second.until(lambda: second.anew == 2)
            await two["reservations"].drop()
            await second.until(lambda: second.anew == 3)
            await theirs.insert(after := booking(2))
            await second.until(lambda: second.knows(after.id, 1))
            assert (first.anew, second.anew) == (3, 3)


class Loads:
    """The loads of days in all schools of a process."""

    def __init__(self) -> None:
        self.under_way = self.most = self.reloads_required = 0
        self.hanging = ""
        """The database whose loads do not end."""


class CountedLoads(ReservationRepository):
    def __init__(self, db: Database, loads: Loads) -> None:
        super().__init__(db)
        self._name, self._loads = db.name, loads

    async def occupancy_rows(self, day: date) -> list[OccupancyRow]:
        self._loads.under_way += 1
        self._loads.most = max(self._loads.most, self._loads.under_way)
        try:
            if self._name == self._loads.hanging:
                await asyncio.Event().wait()
            return await super().occupancy_rows(day)
        finally:
            self._loads.under_way -= 1


class SchoolOccupancy(LiveOccupancy):
    def __init__(self, db: Database, cluster: ClusterChanges, loads: Loads) -> None:
        super().__init__(CountedLoads(db, loads), cluster.stream_of(db, ""))
        self._loads = loads

    def invalidate(self) -> None:
        super().invalidate()
        self._loads.reloads_required += 1


async def test_days_are_loaded_one_database_after_the_other_and_none_holds_the_others_up(
    db: Database, others: tuple[Database, Database]
) -> None:
    short, loads = OldTokens(db.client.get_database("admin")), Loads()
    async with reading(ClientWith(short)) as cluster, AsyncExitStack() as stack:
        schools = [SchoolOccupancy(each, cluster, loads) for each in (db, *others)]
        for school in schools:
            task = asyncio.create_task(school.follow_changes())
            stack.push_async_callback(end, [task])

        async def reloads_required(times: int) -> None:
            async def so() -> bool:
                return loads.reloads_required == times * len(schools)

            await until(so, f"a reload is required of all, not {loads.reloads_required}")

        async def history_lost() -> None:
            short.armed = True
            while not await kill_cursors(db.client.get_database("admin"), None):
                pass

        def look() -> list[asyncio.Task[Any]]:
            return [asyncio.create_task(school.get_day(MONDAY)) for school in schools]

        async with asyncio.timeout(patience(30)):
            await ReservationRepository(db).insert(booking(0))
            await reloads_required(1)
            await asyncio.gather(*look())
            assert loads.most == 1, "after the start"
            await history_lost()
            await reloads_required(2)
            loads.hanging = db.name
            hanging, *served = look()
            await asyncio.gather(*served)
            assert not hanging.done() and loads.most > 1
            await end([hanging])
            loads.hanging, loads.most = "", 0
            await history_lost()
            await reloads_required(3)
            await asyncio.gather(*look())
            assert loads.most == 1, "also after a load that was cancelled"


async def test_without_the_documented_right_each_database_has_a_stream_of_its_own(
    tmp_path: Path,
) -> None:
    privilege = {"resource": {"db": "", "collection": ""}, "actions": ["find", "changeStream"]}
    own = [{"role": "readWrite", "db": "one"}, {"role": "readWrite", "db": "two"}]
    async with cell(tmp_path / "cell", "cell") as guarded:
        admin = guarded.root.admin
        await admin.command("createRole", "seatsChanges", privileges=[privilege], roles=[])
        may = await guarded.add_user("may", *own, {"role": "seatsChanges", "db": "admin"})
        for url, refused in ((await guarded.add_user("may-not", *own), 1), (may, 0)):
            with log_lines() as log:
                await _each_has_its_own(url)
            assert len(log.of("common_change_stream_refused")) == refused


async def _each_has_its_own(url: str) -> None:
    async with SharedClients() as clients, AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(clients.open_database(url, name))
            for name in ("one", "two")
        ]
        assert one.client is two.client
        async with (
            reading(one.client) as cluster,
            following(cluster.stream_of(one, "")) as first,
            following(cluster.stream_of(two, "")) as second,
        ):
            await ReservationRepository(one).insert(made := booking(0))
            await first.until(lambda: first.knows(made.id, 1))
            beats = second.batches
            await second.until(lambda: second.batches > beats)
            assert not second.changes
            await one["reservations"].delete_many({})


async def test_a_database_followed_anew_begins_with_a_full_load(db: Database) -> None:
    async with reading(db.client) as cluster:
        changes = cluster.stream_of(db, "")
        for _ in range(2):
            async with following(cast(Any, changes)) as heard:
                await ReservationRepository(db).insert(made := booking(0))
                await heard.until(lambda heard=heard, made=made: heard.knows(made.id, 1))  # type: ignore[misc]
                await db["reservations"].delete_many({})
