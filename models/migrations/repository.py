"""The steps from one form of the database to the next, made while the service runs.

A migration is for ever: it gets a number and is never changed. It is made in batches, each of which
can be made again, so that a worker may die in the middle and no request waits. Code reads both
forms until the migration has been made everywhere; a version after that may forget the old one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.storage.installation import ABOUT, FIRST_SCHEMA, FORM
from models.storage.mongo import Collection, Database, Document
from models.storage.mongo_errors import translate_errors

BATCH_SIZE: Final = 500


@dataclass(frozen=True, slots=True)
class Migration:
    """``batch`` does a part and says how much it was; 0: nothing is left."""

    number: int
    what: str
    batch: Callable[[Database], Awaitable[int]]


MIGRATIONS: Final[Sequence[Migration]] = ()
"""All of them; the last one's number is ``SCHEMA`` (models/storage/installation.py)."""


async def update_batch(collection: Collection, still_old: Document, update: Document) -> int:
    """Update a batch of what is still in the old form. How many."""
    found = await collection.find(still_old, {"_id": 1}).limit(BATCH_SIZE).to_list(None)
    # Asked again for each: a request may have written the new form meanwhile.
    ids = {"_id": {"$in": [row["_id"] for row in found]}}
    if found:
        await collection.update_many({**ids, **still_old}, update)
    return len(found)


async def schema_version(db: Database) -> int:
    """The last migration that has been made to its end. Raises: Unavailable."""
    with translate_errors():
        found = await db[ABOUT].find_one({"_id": FORM})
    return int(found["version"]) if found else FIRST_SCHEMA


async def migrate(db: Database, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """One batch of the first migration that is not made yet. How much it was; 0: all are made.

    A database that a newer version has written is left as it is.

    Raises: Unavailable.
    """
    made = await schema_version(db)
    migration = next((one for one in migrations if one.number > made), None)
    if migration is None:
        return 0
    with translate_errors():
        done = await migration.batch(db)
        if done == 0:
            version: dict[str, Any] = {"$max": {"version": migration.number}}
            await db[ABOUT].update_one({"_id": FORM}, version, upsert=True)
    return max(done, 1)
