"""The steps from one form of the database to the next, made while the service runs.

A step is for ever: it gets a number and is never changed. It is made in portions, each of which can
be made again, so that a worker may die in the middle and no request waits. Code reads both forms
until the step has been made everywhere; a version after that may forget the old one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pymongo.errors import OperationFailure

from models.readers.repository import with_name_hashes
from models.storage.encryption import FieldCipher
from models.storage.mongo import Collection, Database, Document
from models.storage.mongo_errors import translate_errors

BATCH_SIZE: Final = 500
_STATE: Final = "installation"
_INDEX_NOT_FOUND: Final = 27
_NAMESPACE_NOT_FOUND: Final = 26


@dataclass(frozen=True, slots=True)
class Migration:
    """``portion`` does a part and says how much it was; 0: nothing is left."""

    number: int
    what: str
    portion: Callable[[Database], Awaitable[int]]


async def update_batch(collection: Collection, still_old: Document, update: Document) -> int:
    """Update a portion of what is still in the old form. How many."""
    found = await collection.find(still_old, {"_id": 1}).limit(BATCH_SIZE).to_list(None)
    # Asked again for each: a request may have written the new form meanwhile.
    ids = {"_id": {"$in": [row["_id"] for row in found]}}
    if found:
        await collection.update_many({**ids, **still_old}, update)
    return len(found)


async def _drop_indexes_of_before(db: Database) -> int:
    dropped = 0
    for collection, names in _OBSOLETE_INDEXES.items():
        for name in names:
            try:
                await db[collection].drop_index(name)
                dropped += 1
            except OperationFailure as error:
                if error.code not in (_INDEX_NOT_FOUND, _NAMESPACE_NOT_FOUND):
                    raise
    return dropped


_OBSOLETE_INDEXES: Final = {
    "reservations": ("reader_start", "day_board"),
    "violations": ("reader_at",),
    "messages": ("reader_at", "ended_at", "due", "attempts_due"),
}
STEPS: Final[Sequence[Migration]] = (
    Migration(1, "indexes that nothing uses any more", _drop_indexes_of_before),
)


def all_migrations(sealer: FieldCipher) -> Sequence[Migration]:
    """All of them; some need to open what is sealed."""
    return (*STEPS, Migration(2, "readers are found by name", partial(_name_readers, sealer)))


async def _name_readers(sealer: FieldCipher, db: Database) -> int:
    rows = (
        await db["readers"]
        .find({"name_hashes": {"$exists": False}})
        .limit(BATCH_SIZE)
        .to_list(None)
    )
    for row in rows:
        # Asked again: a sign-in may have written them meanwhile. What cannot be opened has none.
        found = with_name_hashes(row, sealer) or {"name_hashes": []}
        await db["readers"].update_one(
            {"_id": row["_id"], "name_hashes": {"$exists": False}}, {"$set": found}
        )
    return len(rows)


async def schema_version(db: Database) -> int:
    """The last step that has been made to its end. Raises: ServiceUnavailable."""
    with translate_errors():
        found = await db[_STATE].find_one({"_id": _STATE})
    return int(found["version"]) if found else 0


async def migrate(db: Database, steps: Sequence[Migration] = STEPS) -> int:
    """One portion of the first step that is not made yet. How much it was; 0: all are made.

    A database that a newer version has written is left as it is.

    Raises: ServiceUnavailable.
    """
    made = await schema_version(db)
    step = next((step for step in steps if step.number > made), None)
    if step is None:
        return 0
    with translate_errors():
        done = await step.portion(db)
        if done == 0:
            version: dict[str, Any] = {"$max": {"version": step.number}}
            await db[_STATE].update_one({"_id": _STATE}, version, upsert=True)
    return max(done, 1)
