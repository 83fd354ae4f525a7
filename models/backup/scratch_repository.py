"""The scratch database of a rehearsal, which is emptied before and after it."""

from __future__ import annotations

from models.backup.errors import BackupError
from models.storage.installation import ABOUT, RESTORING
from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors

_MARK = "rehearsal"
"""A collection that only scratch databases have."""


async def mark_scratch(db: Database) -> None:
    """Notes in a restored database that it may be emptied. Raises: Unavailable."""
    with translate_errors():
        await db[_MARK].insert_one({"_id": _MARK})


async def empty_scratch(db: Database) -> None:
    """Drops all collections; a database without collections is gone. Raises: BackupError if a
    rehearsal has not filled the database; Unavailable."""
    with translate_errors():
        names = await db.list_collection_names(filter={"name": {"$not": {"$regex": "^system[.]"}}})
        if names and _MARK not in names and not await db[ABOUT].find_one({"_id": RESTORING}):
            raise BackupError(
                f"the database {db.name} is not left of a rehearsal: drop it if nobody needs it"
            )
        for name in sorted(names, key=lambda name: (name == _MARK, name == ABOUT)):
            await db[name].drop()
