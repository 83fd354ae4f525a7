"""Two workers' occupancies converge to the database, byte for byte.

A refusal by the occupancy alone is correct, costs nothing, and never comes from an outdated one.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from miniapp_server import seed
from miniapp_server.embedded_databases import embedded_databases
from models.kernel.errors import DomainError
from models.readers.entities import Reader
from models.schema.indexes import ensure_indexes
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, open_database
from tests.inside import features
from tests.race.occupancy_workers import TODAY, Worker, two_workers
from tests.race.stage import (
    EIGHT,
    MONDAY,
    SEATS,
    Stage,
    both_sides_whole,
    clock,
    ctx,
    scan,
    selection,
)
from tests.waiting import until

# --- random histories ---------------------------------------------------------------------------


async def act(chance: random.Random, workers: list[Worker], readers: list[Reader]) -> None:
    """One use case at one of the workers; refusals and unknown outcomes are ignored."""
    inside = chance.choice(workers).inside
    reader = chance.choice(readers)
    begin = chance.randint(9, 20)
    hours = selection(begin, begin + chance.randint(1, 2))
    hours = replace(hours, day=hours.day + timedelta(days=chance.choice([0, 0, 1])))
    seat = chance.choice(SEATS[:8])
    now = clock(chance.choice([8, 9, 10, 11]), chance.choice([0, 20, 45]))
    verbs = ["reserve"] * 4 + ["change", "cancel", "check_in", "leave", "back", "finish"]
    verbs += ["extend", "shorten", "party", "end_party", "end_parties", *["accept"] * 3, "party"]
    verb = chance.choice(
        [*verbs, "no_show", "complete", "expire_leaves", "send_reminders", "carry_over"]
    )
    with suppress(DomainError):
        if verb == "reserve":
            await inside.reservations.create(ctx(reader, EIGHT), seat, hours)
            return
        if verb in ("no_show", "complete", "expire_leaves", "send_reminders"):
            await getattr(inside.deadlines, verb)(now)
            return
        if verb == "party":
            friends = chance.sample(SEATS[:8], chance.randint(1, 3))
            await inside.parties.begin(ctx(reader, EIGHT), seat, friends, hours)
            return
        if verb == "accept":
            for party in (await inside.stored.parties.due(clock(12), 1))[:1]:
                await inside.parties.accept(ctx(reader), inside.parties.invitation_of(party))
            return
        if verb == "end_parties":
            await inside.parties.end_due(now)
            return
        if verb == "carry_over":
            await inside.deadlines.carry_over(now)
            return
        live = await inside.stored.reservations.live_of(reader.id, clock(0))
        if not live:
            return
        r = chance.choice(live)
        if verb == "change":
            await inside.reservations.change(ctx(reader, EIGHT), r.id, seat, hours.start, hours.end)
        elif verb == "end_party":
            await inside.parties.end(ctx(reader, EIGHT), r.id)
        elif verb == "cancel":
            await inside.reservations.cancel(ctx(reader, EIGHT), r.id)
        elif verb == "check_in":
            early = r.check_in_from + timedelta(minutes=chance.choice([0, 7, 30]))
            await inside.check_in.check_in(ctx(reader, early), r.id, scan(chance.randint(1, 10**6)))
        elif verb == "leave":
            await inside.check_in.leave(ctx(reader, r.start), r.id)
        elif verb == "back":
            step = scan(chance.randint(1, 10**6))
            await inside.check_in.return_from_leave(ctx(reader, r.start), r.id, step)
        elif verb == "finish":
            await inside.check_in.finish(ctx(reader, r.start), r.id)
        elif verb == "shorten":
            sooner = (r.end - timedelta(hours=1)).astimezone(MONDAY.tzinfo).time()
            await inside.early_end.shorten(ctx(reader, r.start), r.id, sooner)
        else:
            later = (r.end + timedelta(hours=1)).astimezone(MONDAY.tzinfo).time()
            await inside.renewal.renew(ctx(reader, r.end - timedelta(minutes=9)), r.id, later)


async def many(
    seed: int, number: int, workers: list[Worker], readers: list[Reader], at_once: int = 8
) -> None:
    async def some(chance: random.Random) -> None:
        for _ in range(number // at_once):
            await act(chance, workers, readers)

    await asyncio.gather(*(some(random.Random(f"{seed}.{n}")) for n in range(at_once)))


async def they_become_equal(workers: list[Worker], readers: list[Reader]) -> None:
    for one in workers:
        await one.fresh()
        await until(one.equals_the_database, "the occupancy is the database")
    first, second = [await one.bodies(readers) for one in workers]
    assert first == second
    stranger = Worker(workers[0].inside)  # whose plans were never mended
    assert await stranger.bodies(readers) == first


async def kill_cursors(db: Database) -> None:
    admin: Any = db.client.get_database("admin")
    pipeline: list[dict[str, Any]] = [
        {"$currentOp": {"idleCursors": True, "allUsers": True}},
        {"$match": {"cursor.originatingCommand.pipeline.0.$changeStream": {"$exists": True}}},
    ]
    answer = await admin.command({"aggregate": 1, "pipeline": pipeline, "cursor": {}})
    cursors = [op["cursor"]["cursorId"] for op in answer["cursor"]["firstBatch"]]
    if cursors:
        await db.command({"killCursors": "reservations", "cursors": cursors})


@both_sides_whole
async def test_two_workers_occupancies_converge_to_the_database(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    readers = [await stage.reader() for _ in range(6)]
    async with two_workers(mongo_url, theatre, stage.cipher) as workers:
        for round in range(8):
            history = asyncio.create_task(many(round, 160, workers, readers))
            trouble = round % 4
            if trouble == 1:
                while not history.done():
                    await kill_cursors(stage.db)
                    await asyncio.sleep(0.1)
            elif trouble == 2:
                await workers[1].stop()  # and what happens now it is never told
                workers[1].inside.occupancy.invalidate()
                await history
                workers[1].follow()
            elif trouble == 3:
                while not history.done():
                    workers[0].inside.occupancy.invalidate()
                    await workers[0].inside.occupancy.get_day(TODAY)
            await history
            await they_become_equal(workers, readers)
        # How many of them still live is chance; about a hundred are made.
        made = await workers[0].inside.stored.reservations.count()
        assert made > 30, "something happened"
        parties = stage.db["reservations"].count_documents
        assert await parties({"asker": {"$exists": True}}) > 0
        assert await parties({"seats.booking": {"$type": "string"}}) > 0, "some friends came"


@pytest.mark.whole
async def test_occupancies_converge_after_a_killed_mongod(
    tmp_path: Path, library: seed.LibraryData
) -> None:
    cipher = FieldCipher({1: b"k" * 32})
    async with embedded_databases(tmp_path / "data") as servers:
        async with open_database(servers.mongo_url, "occupancy") as db:
            await ensure_indexes(db)
            inside = features(db, cipher)
            await seed.seed(inside.stored, inside.reference, library, EIGHT)
            stage = Stage(db, cipher, inside)
            readers = [await stage.reader() for _ in range(6)]
        async with two_workers(servers.mongo_url, "occupancy", cipher) as workers:
            await many(7, 120, workers, readers)
            history = asyncio.create_task(many(8, 240, workers, readers))
            before = await workers[0].inside.stored.reservations.count()

            async def goes_on() -> bool:
                return await workers[0].inside.stored.reservations.count() >= before + 5

            await until(goes_on, "writes are under way")
            await servers.kill_mongod()

            async def stale() -> bool:
                return all(one.inside.occupancy.is_stale for one in workers)

            await until(stale, "both know that they hear nothing")
            await servers.start_mongod()
            await history
            await many(9, 120, workers, readers)
            await they_become_equal(workers, readers)
