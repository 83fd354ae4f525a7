"""Transactions, and waiting for a majority."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pymongo.errors import DuplicateKeyError

from models.kernel.errors import DomainError
from models.storage.mongo import COMMITTED, MAJORITY, Database
from models.storage.mongo_errors import translate_errors

InTransaction = Callable[[Any], Awaitable[None]]
"""A step of a transaction: it gets the session."""


class ConcurrentUpdate(Exception):
    """What was to be written over is not what stands any more: nothing of it is written."""


async def run_transaction(db: Database, work: Callable[[Any], Awaitable[None]]) -> None:
    """All of ``work(session)`` or nothing; conflicts with other transactions are tried again.

    Raises: what ``work`` raises; PyMongoError. Where the transaction was given up for something
    that it has seen (``ConcurrentUpdate``, a duplicate key, a service error), a majority holds
    that by now.
    """
    try:
        async with db.client.start_session() as session:
            # Both are named: a transaction takes the client's concerns, not the database's.
            await session.with_transaction(work, read_concern=COMMITTED, write_concern=MAJORITY)
    except (ConcurrentUpdate, DuplicateKeyError, DomainError):
        # An aborted transaction waits for nobody. Whoever reads at majority and tries again would
        # meet the same state again and again until it has reached the other members.
        await _wait_for_majority(db)
        raise


async def _wait_for_majority(db: Database) -> None:
    """Return when a majority holds all that this primary has accepted until now.

    A write that matches nothing waits for the last one before it. Raises: PyMongoError.
    """
    await db["installation"].update_one({"_id": None}, {"$set": {"awaited": True}})


async def try_transaction(db: Database, work: Callable[[Any], Awaitable[None]]) -> bool:
    """As ``together``. False where somebody else was first: what was to be written over is not what
    stands (``ConcurrentUpdate``), or an index refuses. Raises: Unavailable."""
    try:
        with translate_errors():
            await run_transaction(db, work)
    except (ConcurrentUpdate, DuplicateKeyError):
        return False
    return True
