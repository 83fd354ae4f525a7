from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
from pymongo import MongoClient

from miniapp_server import seed
from models.reservations.presence import PresenceMethod
from models.schema.indexes import INDEXES, ensure_indexes
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document, open_database
from tests.inside import Inside, features
from tests.race.recording import out_of_order
from tests.race.stage import EIGHT, NIGHT, Stage, over_midnight
from tests.spare_databases import SpareDatabase, as_it_is, restore


@pytest.fixture(scope="session")
def library() -> seed.LibraryData:
    """The real library, reduced to one hall."""
    data = seed.read()
    return replace(data, areas=tuple(area for area in data.areas if area.id == "2f-hall"))


@pytest.fixture(scope="session")
def theatre(mongo_url: str) -> Iterator[str]:
    """The name of the database of all races, since making one takes longer than a race."""
    name = f"race{uuid4().hex[:16]}"
    yield name
    client: MongoClient[Document] = MongoClient(mongo_url)
    client.drop_database(name)
    client.close()


@dataclass(slots=True)
class Scenery:
    """The database with which each race begins: the library alone, and all indexes. Made once;
    what a race has changed is put back before the next one."""

    library: seed.LibraryData
    dropped: set[str] = field(default_factory=set)
    """Collections of which a control has dropped an index."""
    _spare: SpareDatabase | None = None

    async def put_up(self, db: Database, inside: Inside) -> None:
        if self._spare is None:
            await ensure_indexes(db)
            await seed.seed(inside.stored, inside.reference, self.library, EIGHT)
            venue = self.library.venue.id
            await inside.stored.presence_methods.put(venue, PresenceMethod.KIOSK_CODE, EIGHT)
            self._spare = await as_it_is(db)
        else:
            await restore(db, self._spare)
            while self.dropped:
                name = self.dropped.pop()
                await db[name].create_indexes(INDEXES[name])
        await inside.reference.refresh()


@pytest.fixture(scope="session")
def scenery(library: seed.LibraryData) -> Scenery:
    return Scenery(library)


@pytest.fixture
async def stage(
    request: pytest.FixtureRequest, mongo_url: str, theatre: str, scenery: Scenery
) -> AsyncIterator[Stage]:
    """A database with the library alone and all indexes.

    Afterwards the recorded answers must have a possible order, except for controls. With ``night``
    as its parameter, opening hours and bookings cross midnight.
    """
    night = getattr(request, "param", "day") == "night"
    async with open_database(mongo_url, theatre) as db:
        cipher = FieldCipher({1: b"k" * 32})
        inside = features(db, cipher)
        await scenery.put_up(db, inside)
        if night:
            policy = inside.reference.policy
            later = replace(policy, version=policy.version + 1, opening=(NIGHT,), step_minutes=30)
            await inside.reference.publish(later, EIGHT)
        stage = Stage(db, cipher, inside, dropped=scenery.dropped)
        with over_midnight() if night else nullcontext():
            yield stage
        if "control" not in request.node.name:
            disorders = await out_of_order(db, stage.history)
            assert disorders == [], "\n".join(map(str, disorders))
