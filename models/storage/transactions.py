from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pymongo.errors import DuplicateKeyError

from models.kernel.errors import DomainError
from models.storage.mongo import COMMITTED, MAJORITY, Database
from models.storage.mongo_errors import translate_errors

InTransaction = Callable[[Any], Awaitable[None]]
"""A step of a transaction; it receives the driver's session."""


class ConcurrentUpdate(Exception):
    """The document to be replaced has changed since it was read; nothing was written."""


async def run_transaction(db: Database, work: Callable[[Any], Awaitable[None]]) -> None:
    """Runs ``work(session)`` in a transaction, and repeats it after a conflict with another
    transaction. Raises: the errors of ``work``; PyMongoError. If ``work`` failed because of data
    that it read (``ConcurrentUpdate``, a duplicate key, a service error), a majority of the
    replica set has that data when the error is raised."""
    try:
        async with db.client.start_session() as session:
            # Both are named: a transaction takes the client's concerns, not the database's.
            await session.with_transaction(work, read_concern=COMMITTED, write_concern=MAJORITY)
    except (ConcurrentUpdate, DuplicateKeyError, DomainError):
        # An aborted transaction does not wait for a majority. A caller that reads at majority and
        # tries again could otherwise meet the old state until it is replicated.
        await _wait_for_majority(db)
        raise


async def _wait_for_majority(db: Database) -> None:
    """Waits until a majority of the replica set has all writes this primary accepted. (A
    majority update that matches nothing waits for the last write.) Raises: PyMongoError."""
    await db["installation"].update_one({"_id": None}, {"$set": {"awaited": True}})


async def try_transaction(db: Database, work: Callable[[Any], Awaitable[None]]) -> bool:
    """Runs ``work`` in a transaction; False after ``ConcurrentUpdate`` or a duplicate key, when
    nothing was written. Raises: Unavailable."""
    try:
        with translate_errors():
            await run_transaction(db, work)
    except (ConcurrentUpdate, DuplicateKeyError):
        return False
    return True
