"""Migrations from one schema version to the next."""

from __future__ import annotations

import asyncio

import pytest

from models.migrations.repository import (
    BATCH_SIZE,
    MIGRATIONS,
    Migration,
    migrate,
    schema_version,
    update_batch,
)
from models.schema.indexes import INDEXES
from models.storage.installation import FIRST_SCHEMA, SCHEMA
from models.storage.mongo import Database

MANY = 3 * BATCH_SIZE + 7


@pytest.fixture
async def old(db: Database) -> Database:
    await db["reservations"].insert_many({"_id": str(n), "floor": "2"} for n in range(MANY))
    return db


async def _floors(db: Database) -> int:
    return await update_batch(
        db["reservations"],
        {"floor": {"$type": "string"}},
        [{"$set": {"floor": {"$toInt": "$floor"}}}],
    )


NEXT = FIRST_SCHEMA + 1
FLOORS = Migration(NEXT, "floors are numbers", _floors)


async def left(db: Database) -> int:
    return await db["reservations"].count_documents({"floor": {"$type": "string"}})


async def test_a_migration_runs_in_batches_each_document_once(old: Database) -> None:
    portions = []
    while done := await migrate(old, (FLOORS,)):
        portions.append(done)
    assert portions == [BATCH_SIZE, BATCH_SIZE, BATCH_SIZE, 7, 1]
    assert await left(old) == 0
    assert await old["reservations"].distinct("floor") == [2]
    assert await schema_version(old) == NEXT
    assert await migrate(old, (FLOORS,)) == 0


async def test_an_interrupted_migration_is_not_marked_as_done(old: Database) -> None:
    await migrate(old, (FLOORS,))
    assert await schema_version(old) == FIRST_SCHEMA and await left(old) == MANY - BATCH_SIZE
    # Another worker goes on; two at once do no harm.
    while any(await asyncio.gather(migrate(old, (FLOORS,)), migrate(old, (FLOORS,)))):
        pass
    assert await left(old) == 0 and await schema_version(old) == NEXT


async def test_documents_written_during_a_migration_are_kept(old: Database) -> None:
    reservations = old["reservations"]

    async def write() -> None:
        for n in range(0, MANY, 3):
            await reservations.update_one({"_id": str(n)}, {"$set": {"floor": 3}})

    async def step() -> None:
        while await migrate(old, (FLOORS,)):
            pass

    await asyncio.gather(write(), step())
    floors = [row["floor"] async for row in reservations.find({}, {"floor": 1})]
    assert set(floors) == {2, 3} and floors.count(3) == len(range(0, MANY, 3))


async def test_migrations_run_in_order_and_newer_databases_are_left_alone(old: Database) -> None:
    made: list[int] = []

    async def note(number: int) -> int:
        made.append(number)
        return 0

    steps = [Migration(n, "", lambda _, n=n: note(n)) for n in (NEXT, NEXT + 1, NEXT + 2)]  # type: ignore[misc]
    while await migrate(old, steps):
        pass
    assert made == [NEXT, NEXT + 1, NEXT + 2] and await schema_version(old) == NEXT + 2
    assert await migrate(old, steps[:2]) == 0 and await schema_version(old) == NEXT + 2


async def test_migrations_lead_to_the_current_schema_and_indexes(db: Database) -> None:
    assert [one.number for one in MIGRATIONS] == list(range(NEXT, SCHEMA + 1))
    while await migrate(db):
        pass
    assert await schema_version(db) == SCHEMA
    for collection, models in INDEXES.items():
        there = set(await db[collection].index_information())
        assert there == {"_id_", *(model.document["name"] for model in models)}, collection
