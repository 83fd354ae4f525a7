"""Migrations of the database. They run in batches while the service runs, and a worker may crash
midway. A released migration keeps its number and never changes. The service reads a document's
old and new form until the migration is complete; a later version may drop the old form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.profile.entities import DEFAULT_ZONE_MINUTES
from models.reservations.state_machine import ReservationState
from models.storage.installation import ABOUT, CLOCKS_JUMP, FIRST_DEADLINES, FIRST_SCHEMA, FORM
from models.storage.mongo import Collection, Database, Document
from models.storage.mongo_errors import translate_errors

BATCH_SIZE: Final = 500


@dataclass(frozen=True, slots=True)
class Migration:
    """A change of stored documents to a new form. ``batch`` changes some of them and returns
    their number; 0 means that none are left."""

    number: int
    what: str
    batch: Callable[[Database], Awaitable[int]]


async def update_batch(
    collection: Collection,
    still_old: Document,
    update: Document | list[Document],
    hint: str | None = None,
) -> int:
    """Applies ``update`` to a batch of documents that match ``still_old``; returns their number.
    ``hint``: the name of the index that finds them."""
    rows = await collection.find(still_old, {"_id": 1}, hint=hint).limit(BATCH_SIZE).to_list(None)
    # The condition again: a request may have written the new form in the meantime.
    ids = {"_id": {"$in": [row["_id"] for row in rows]}}
    if rows:
        await collection.update_many({**ids, **still_old}, update)
    return len(rows)


async def _note_offset(db: Database) -> int:
    """From here on clocks may jump, so a library's offset from UTC is that of its claims. The
    first release, which knew one offset only, must not open such a database any more."""
    return await update_batch(
        db["profile"],
        {"_id": "profile", "zone_minutes": {"$exists": False}},
        {"$set": {"zone_minutes": DEFAULT_ZONE_MINUTES}},
    )


_REPLACED: Final = (
    "due_no_show",
    "due_leave_expiry",
    "due_complete",
    "due_remind",
    "due_offer_expiry",
    "due_presence_check",
    "due_carry_over",
)
"""The indexes by a kind of deadline, in the place of which there is one by the first deadline."""


async def _note_first_deadline(db: Database) -> int:
    """From here on a reservation names its first deadline, by which alone the jobs look for it.
    Most reservations have ended and have none; the two indexes leave these out."""

    def while_in(instant: str, *states: ReservationState) -> Document:
        return {"$cond": [{"$in": ["$state", [state.value for state in states]]}, instant, None]}

    stays = (ReservationState.IN_USE, ReservationState.AWAY)
    instants = [
        "$remind_at",
        "$presence_due_at",
        "$held_until",
        "$carry_over_at",
        while_in("$check_in_until", ReservationState.RESERVED),
        while_in("$return_by", ReservationState.AWAY),
        while_in("$end", *stays),
    ]
    first: list[Document] = [{"$set": {"due_at": {"$min": instants}}}]
    carried: Document = {
        "live": False,
        "claims": {"$type": "string"},
        "carry_over_at": {"$type": "date"},
    }
    unnamed: Document = {"due_at": {"$exists": False}}
    reservations = db["reservations"]
    done = await update_batch(reservations, {"live": True, **unnamed}, first, "occupancy")
    done += await update_batch(reservations, carried | unnamed, first, "ended_with_claims")
    if done == 0:
        for name in (await reservations.index_information()).keys() & _REPLACED:
            await reservations.drop_index(name)
    return done


MIGRATIONS: Final[Sequence[Migration]] = (
    Migration(CLOCKS_JUMP, "claims count half hours on a clock that never jumps", _note_offset),
    Migration(FIRST_DEADLINES, "a reservation names its first deadline", _note_first_deadline),
)
"""All migrations in order; the last number equals ``SCHEMA`` (models/storage/installation.py)."""


async def schema_version(db: Database) -> int:
    """The number of the last completed migration. Raises: Unavailable."""
    with translate_errors():
        schema = await db[ABOUT].find_one({"_id": FORM})
    return int(schema["version"]) if schema else FIRST_SCHEMA


async def migrate(db: Database, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Runs one batch of the first incomplete migration. Returns the batch's size, at least 1; or
    0 if all migrations are complete. A database that a newer version has written is not changed.
    Raises: Unavailable."""
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
