"""Fills an empty database from another place: a mark keeps services from opening it until all is
there."""

from __future__ import annotations

import secrets
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from models.backup.errors import BackupError
from models.storage.installation import ABOUT, KEYS, MODE, RESTORING, Mode, look
from models.storage.mongo import Database, Document, insert
from models.storage.mongo_errors import translate_errors


async def begin_filling(
    db: Database, origin: str, again: str, now: datetime, mode: Mode, *, over: bool, if_full: str
) -> str:
    """Marks the database as incomplete and empties it. Returns the random token in the mark, by
    which this filling recognises its own. ``origin``: what it is filled from; ``again``: the
    command that repeats an interrupted filling; ``over``: True to replace one; ``if_full``: the
    sentence for an operator whose database contains something else, on what to do.

    Raises: BackupError, DatabaseRefused if the database contains more than a service's first start
    writes, belongs to another mode or is incomplete; Unavailable.
    """
    mark: Document = {
        "_id": RESTORING,
        "file": origin,
        "again": again,
        "began_at": now,
        "token": secrets.token_hex(8),
    }
    with translate_errors():
        broken = over and await db[ABOUT].find_one_and_replace({"_id": RESTORING}, mark)
        if not broken:
            await _refuse_full(db, mode, if_full)
            try:
                await insert(db[ABOUT], mark)
            except DuplicateKeyError:
                (await look(db)).refuse_half()
        for name in await collection_names(db):
            if name != ABOUT:
                await db[name].drop()
        await db[ABOUT].delete_many({"_id": {"$ne": RESTORING}})
    return str(mark["token"])


async def end_filling(db: Database, token: str) -> None:
    """Removes the mark. Raises: BackupError if another filling has begun meanwhile; Unavailable."""
    with translate_errors():
        ended = await db[ABOUT].delete_one({"_id": RESTORING, "token": token})
    if not ended.deleted_count:
        raise BackupError(f"another restore into {db.name} has begun meanwhile")


async def collection_names(db: Database) -> list[str]:
    """The names of all collections but MongoDB's own, sorted. Raises: Unavailable."""
    with translate_errors():
        return sorted(n for n in await db.list_collection_names() if not n.startswith("system."))


async def _refuse_full(db: Database, mode: Mode, if_full: str) -> None:
    about = await look(db)
    about.refuse_half()
    about.refuse_other_mode(mode)
    for name in await collection_names(db):
        first_start = {"_id": {"$nin": [MODE, KEYS]}} if name == ABOUT else {}
        if await db[name].find_one(first_start, {"_id": 1}) is not None:
            raise BackupError(
                f"{about.place} is not empty: it has the collection {name}. {if_full}"
            )
