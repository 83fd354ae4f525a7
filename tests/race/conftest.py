from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from dataclasses import replace
from uuid import uuid4

import pytest
from pymongo import MongoClient

from miniapp_server import seed
from models.reservations.presence import PresenceMethod
from models.schema.indexes import ensure_indexes
from models.storage.encryption import FieldCipher
from models.storage.mongo import Document, open_database
from tests.inside import features
from tests.race.recording import out_of_order
from tests.race.stage import EIGHT, NIGHT, Stage, over_midnight


@pytest.fixture(scope="session")
def library() -> seed.LibraryData:
    """The real library, reduced to one hall."""
    data = seed.read()
    return replace(data, areas=tuple(area for area in data.areas if area.id == "2f-hall"))


@pytest.fixture(scope="session")
def theatre(mongo_url: str) -> Iterator[str]:
    """The name of a database that is emptied for each race, since dropping one takes half a
    second."""
    name = f"race{uuid4().hex[:16]}"
    yield name
    client: MongoClient[Document] = MongoClient(mongo_url)
    client.drop_database(name)
    client.close()


@pytest.fixture
async def stage(
    request: pytest.FixtureRequest, mongo_url: str, theatre: str, library: seed.LibraryData
) -> AsyncIterator[Stage]:
    """A database with the library alone and all indexes (a control may have dropped one before).

    Afterwards the recorded answers must have a possible order, except for controls. With ``night``
    as its parameter, opening hours and bookings cross midnight.
    """
    night = getattr(request, "param", "day") == "night"
    async with open_database(mongo_url, theatre) as db:
        for collection in await db.list_collection_names():
            await db[collection].delete_many({})
        await ensure_indexes(db)
        cipher = FieldCipher({1: b"k" * 32})
        inside = features(db, cipher)
        await seed.seed(inside.stored, inside.reference, library, EIGHT)
        await inside.stored.presence_methods.put(library.venue.id, PresenceMethod.KIOSK_CODE, EIGHT)
        if night:
            policy = inside.reference.policy
            later = replace(policy, version=policy.version + 1, opening=(NIGHT,), step_minutes=30)
            await inside.reference.publish(later, EIGHT)
        stage = Stage(db, cipher, inside)
        with over_midnight() if night else nullcontext():
            yield stage
        if "control" not in request.node.name:
            disorders = await out_of_order(db, stage.history)
            assert disorders == [], "\n".join(map(str, disorders))
