"""A schema migration while people book."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from models.migrations.repository import (
    BATCH_SIZE,
    Migration,
    migrate,
    schema_version,
    update_batch,
)
from models.storage.mongo import Database
from tests.builders import MONDAY, reserved
from tests.living import Client, Living


async def _season(db: Database) -> int:
    return await update_batch(
        db["reservations"], {"season": {"$exists": False}}, {"$set": {"season": "autumn"}}
    )


@pytest.mark.whole
async def test_people_book_while_every_reservation_is_rewritten(service: Living) -> None:
    db, reservations = service.db, service.db["reservations"]
    await service.inside.stored.reservations.insert(reserved(day=MONDAY))
    sample = await reservations.find_one({})
    assert sample is not None
    past = {**sample, "claims": [], "live": False, "state": "completed"}
    for part in range(3):
        await reservations.insert_many(
            {**past, "_id": (name := f"past-{part}-{n}"), "seat": name, "reader": name}
            for n in range(BATCH_SIZE)
        )
    first = await schema_version(db)
    step = Migration(first + 1, "reservations know their season", _season)
    over = asyncio.Event()
    booked = 0

    async def books(reader: Client, number: int) -> None:
        nonlocal booked
        for n in count():
            made = await reader.reserve(
                f"2f-hall-{number:03}", f"{10 + n % 8}:00", f"{11 + n % 8}:00"
            )
            await reader.ok("POST", f"/reservations/{made['id']}/cancel")
            booked += 1
            if over.is_set():
                return

    async def migrates() -> None:
        try:
            while await migrate(db, (step,)):
                pass
        finally:
            over.set()

    readers = [await service.reader() for _ in range(4)]
    await asyncio.gather(
        migrates(), *(books(reader, n) for n, reader in enumerate(readers, start=1))
    )
    assert booked >= len(readers)
    assert await schema_version(db) == step.number
    await migrate(db, (Migration(step.number + 1, "what came meanwhile", _season),))
    assert await reservations.count_documents({"season": {"$exists": False}}) == 0
    assert await reservations.count_documents({"state": "cancelled"}) == booked
    assert await service.inside.stored.reservations.find_double_bookings() == []
