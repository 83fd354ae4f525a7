from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from miniapp_server import seed
from models.booking.desk import Desk
from models.store.client import open_database
from models.store.indexes import ensure_indexes
from models.store.sealing import Sealer
from tests.race.stage import EIGHT, Stage


@pytest.fixture(scope="session")
def library() -> seed.LibraryData:
    """The real library, of which one hall is room enough."""
    data = seed.read()
    return replace(data, areas=tuple(area for area in data.areas if area.id == "2f-hall"))


@pytest.fixture
async def stage(mongo_url: str, library: seed.LibraryData) -> AsyncIterator[Stage]:
    """The library on a database of its own, dropped afterwards."""
    async with open_database(mongo_url, f"race{uuid4().hex[:16]}") as db:
        await ensure_indexes(db)
        sealer = Sealer({1: b"k" * 32})
        desk = Desk(db, sealer)
        await seed.seed(desk, library, EIGHT)
        yield Stage(db, sealer, desk)
        await db.client.drop_database(db.name)
