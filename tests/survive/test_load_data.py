"""Queries of every minute cost the same after 60,000 reservations as on the first day.

Measured by MongoDB's profiler in keys and documents, never by time. The same busy day is in an
empty database and in one with a history of full days.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from typing import Any, Final

import psutil
import pytest

from miniapp_server import seed as seeding
from miniapp_server.load_data.generate import HistoryGenerator
from miniapp_server.load_data.history_repository import HistoryWriter
from models.kernel.ids import ReaderId
from models.reservation_store.integrity_queries import DoubleBooking
from models.reservations.state_machine import ReservationState
from models.schema.indexes import ensure_indexes
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, new_id, open_database
from models.violations.rules import window_start
from tests.builders import MONDAY, ZONE, on
from tests.busy_day import Store, a_busy_day
from tests.hot_verbs import HOT, KINDS, RARE, Verb, profiled
from tests.inside import Inside, features

COUNT: Final = 60_000
A_LONG_HISTORY: Final = 2000
"""Reservations of one reader in four years, coming nearly twice a day."""
A_NEIGHBOUR: Final = 2
"""Keys more that a scan may meet where its range ends among others instead of at the very end."""
SWEEP_MB: Final = 32
"""A quarter of what all of the reservations would take."""


@asynccontextmanager
async def database(url: str, name: str) -> AsyncIterator[Database]:
    async with open_database(url, name) as db:
        await ensure_indexes(db)
        try:
            yield db
        finally:
            await db.command("dropDatabase")


async def examined(s: Store, verb: Verb) -> tuple[int, int]:
    """(keys, documents) that MongoDB examined for the query."""
    rows = await profiled(s, verb)
    keys, documents = (
        sum(row.get(name, 0) for row in rows) for name in ("keysExamined", "docsExamined")
    )
    return keys, documents


@pytest.mark.timeout(300)
async def test_no_frequent_query_grows_with_the_history(mongo_url: str) -> None:
    sealer = FieldCipher({1: b"1" * 32})
    async with database(mongo_url, "first_day") as new, database(mongo_url, "with_history") as old:
        inside = features(old, sealer)
        await seeding.seed(inside.stored, inside.reference, seeding.read(), on("00:00"))
        with closing(HistoryWriter(mongo_url, old.name)) as writer:
            catalog, policy = inside.reference.catalog, inside.reference.policy
            history = HistoryGenerator(writer, sealer, ZONE, catalog, policy)
            written = await asyncio.to_thread(
                history.generate, until=MONDAY, count=COUNT, keep_messages=timedelta(days=3)
            )
        assert abs(written["reservations"] - COUNT) < COUNT * 0.02
        await violations_are_those_of_the_service(inside, old)
        await the_sweep_streams(inside, old)
        # As on any morning: yesterday's claims are no longer wanted.
        while await inside.stored.reservations.drop_past_claims(ZONE, MONDAY, 2000):
            pass
        first_day, today = await a_busy_day(new, sealer), await a_busy_day(old, sealer)
        dearer = []
        for name, verb, _ in HOT:
            if name in RARE:
                continue
            usual, now = await examined(first_day, verb), await examined(today, verb)
            if now[0] > usual[0] + A_NEIGHBOUR or now[1] > max(usual[1], KINDS.get(name, 0)):
                dearer.append(f"{name}: (keys, documents) {usual} grew to {now}")
        assert dearer == [], "\n" + "\n".join(dearer)
        await a_long_history_is_listed_page_by_page(today)


async def the_sweep_streams(inside: Inside, db: Database) -> None:
    """The search for double bookings finds the planted one and holds at most a few batches of
    rows."""
    one: Any = await db["reservations"].find_one({"state": "completed"})
    again = {**one, "_id": new_id()}
    await db["reservations"].insert_one(again)
    process, highest = psutil.Process(), 0

    async def watch() -> None:
        nonlocal highest
        while True:
            highest = max(highest, process.memory_info().rss)
            await asyncio.sleep(0.02)

    before = process.memory_info().rss
    watching = asyncio.create_task(watch())
    doubles = await inside.stored.reservations.find_double_bookings()
    watching.cancel()
    assert (highest - before) >> 20 < SWEEP_MB
    pair = sorted((one["_id"], again["_id"]))
    assert doubles == [DoubleBooking("seat", *pair), DoubleBooking("reader", *pair)]
    await db["reservations"].delete_one({"_id": again["_id"]})


async def violations_are_those_of_the_service(inside: Inside, db: Database) -> None:
    missed = (
        await db["reservations"].find({"state": "no_show"}, {"reader": 1, "day": 1}).to_list(None)
    )
    violations = {row["_id"]: row for row in await db["violations"].find().to_list(None)}
    assert violations.keys() == {f"{row['_id']}:no_show" for row in missed}
    counted = Counter(row["counted_on"] for row in violations.values() if "counted_on" in row)
    days = {f"{row['reader']}:{row['day']}" for row in missed}
    assert counted.keys() == days and set(counted.values()) == {1}, "one a day, and always one"
    suspensions = await db["suspensions"].find().to_list(None)
    assert len(suspensions) > 20
    for row in suspensions:
        used = [violations[id] for id in row["uses"]]
        assert len(used) == inside.reference.policy.violations_limit
        assert used[0]["at"] > window_start(inside.reference.policy, row["start"])
        assert row["until"] == row["start"] + timedelta(
            days=inside.reference.policy.suspension_days
        )
        booked = {"reader": row["reader"], "created_at": {"$gt": row["start"], "$lt": row["until"]}}
        assert await db["reservations"].count_documents(booked) == 0, "suspended, yet booking"
        reader = await inside.stored.readers.get(row["reader"])
        assert reader is not None and reader.suspended_until is not None
        assert reader.suspended_until >= row["until"]


async def a_long_history_is_listed_page_by_page(s: Store) -> None:
    """For each page and filter, only shown documents are read."""
    reader = ReaderId("f" * 24)
    rows = await s.db["reservations"].find({"live": False}).limit(A_LONG_HISTORY).to_list(None)
    own = [{**row, "_id": new_id(), "reader": reader, "claims": []} for row in rows]
    await s.db["reservations"].insert_many(own)
    long_inbox = [
        {**row, "_id": f"{n}", "reader": reader, "read": n % 100 > 0}
        for n, row in enumerate(await s.db["messages"].find().limit(A_LONG_HISTORY).to_list(None))
    ]
    await s.db["messages"].insert_many(long_inbox)
    reservations, messages = s.stored.reservations, s.stored.messages
    pages: list[tuple[Verb, int]] = [
        (lambda _: reservations.page_of(reader, (), 0, 20), 20),
        (lambda _: reservations.page_of(reader, (ReservationState.NO_SHOW,), 0, 20), 20),
        (lambda _: messages.page_of(reader, False, 0, 20), 20),
        (lambda _: messages.page_of(reader, True, 0, 20), 20),
    ]
    for page, expected in pages:
        keys, documents = await examined(s, page)
        assert documents == expected and keys <= 2 * (A_LONG_HISTORY + 1)
    total = (await reservations.page_of(reader, (), 0, 1))[1]
    assert total == A_LONG_HISTORY
