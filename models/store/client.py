"""Opening MongoDB with either driver, and the one place where driver errors become ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any, Final, Literal, cast

from bson.codec_options import CodecOptions
from bson.objectid import ObjectId
from pymongo import DESCENDING, AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from models.errors import Malformed, ServiceError, Upstream

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]
Driver = Literal["pymongo", "motor"]

# Server selection bounds how long a request waits while no primary is there; the socket timeout
# bounds a server that accepts and does not answer.
_OPTIONS: Final[dict[str, Any]] = {
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 8000,
    "maxPoolSize": 32,
    "retryWrites": True,
    "appname": "miniapp_server",
}
_CLOSE_S: Final = 2.0
CODEC: Final = CodecOptions[Document](tz_aware=True, tzinfo=UTC)
# majority and j unset: j=False waits for the journal's 100 ms tick.
_MAJORITY: Final = WriteConcern(w="majority", wtimeout=5000)
_COMMITTED: Final = ReadConcern("majority")
"""A read at majority may be old, and is never undone. One at "local" may show what a primary that
has lost its majority will roll back: an answer that rests on it may never have been true."""

NEVER_SENT: Final = (ServerSelectionTimeoutError,)
"""No primary was found. On a retry the driver raises the first attempt's error instead, so with
this one nothing has left the machine."""

UNKNOWN_OUTCOME: Final = (AutoReconnect, WriteConcernError, ExecutionTimeout)
"""The write may have happened or not: to be resolved, never guessed. A write concern that failed
(time-out, step-down) means that it has happened here and may yet be rolled back."""


@asynccontextmanager
async def open_database(url: str, name: str, driver: Driver = "pymongo") -> AsyncIterator[Database]:
    """The service's database. Both drivers offer the calls that the store uses."""
    with _readable("MONGO_URL"):
        client = _client(url, driver)
        database = client.get_database(
            name, codec_options=CODEC, write_concern=_MAJORITY, read_concern=_COMMITTED
        )
    try:
        yield cast(Database, database)
    finally:
        closing = client.close()
        if closing is not None:
            # Its pools may wait for ever for a lock that a cancellation has left behind.
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await closing


def _client(url: str, driver: Driver) -> Any:
    if driver == "motor":
        from motor.motor_asyncio import AsyncIOMotorClient

        return AsyncIOMotorClient(url, **_OPTIONS)
    return AsyncMongoClient(url, **_OPTIONS)


@contextmanager
def _readable(setting: str) -> Iterator[None]:
    """Raises: Malformed that names the setting whose value the driver cannot read."""
    try:
        yield
    except (PyMongoError, ValueError) as error:
        raise Malformed(setting, str(error)) from error


async def ping(db: Database) -> None:
    """Raises: Upstream when the primary does not answer."""
    with upstream():
        await db.command("ping")


async def server_time(db: Database) -> datetime:
    """The primary's own time. Raises: Upstream."""
    with upstream():
        answer = await db.command("hello", codec_options=CODEC)
    return cast(datetime, answer["localTime"])


class Changed(Exception):
    """What was to be written over is not what stands any more: nothing of it is written."""


async def together(db: Database, work: Callable[[Any], Awaitable[None]]) -> None:
    """All of ``work(session)`` or nothing; conflicts with other transactions are tried again.

    Raises: what ``work`` raises; PyMongoError. Where the transaction was given up for something
    that it has seen (``Changed``, a duplicate key, a service error), a majority holds that by now.
    """
    started: Any = db.client.start_session()
    session = await started if isawaitable(started) else started
    try:
        # Both are asked for here: a transaction takes the client's concerns, not the database's.
        await session.with_transaction(work, read_concern=_COMMITTED, write_concern=_MAJORITY)
    except (Changed, DuplicateKeyError, ServiceError):
        # An aborted transaction waits for nobody. Whoever reads at majority and tries again would
        # meet the same state again and again until it has reached the other members.
        await _wait_for_majority(db)
        raise
    finally:
        await session.end_session()


async def _wait_for_majority(db: Database) -> None:
    """Return when a majority holds all that this primary has accepted until now.

    A write that matches nothing waits for the last one before it. Raises: PyMongoError.
    """
    await db["schema"].update_one({"_id": None}, {"$set": {"awaited": True}})


async def insert(collection: Collection, document: Document) -> None:
    """Insert the document.

    Raises: DuplicateKeyError where a majority holds the one that is in its way; WTimeoutError
    where no majority has confirmed either in time: the outcome is unknown then. ``insert_one``
    would raise DuplicateKeyError for both, as PyMongo shows the write error only.
    """
    try:
        await collection.insert_many([document])
    except BulkWriteError as error:
        raise each_error(error, 1)[0] or error from error


async def won(db: Database, work: Callable[[Any], Awaitable[None]]) -> bool:
    """As ``together``. False where somebody else was first: what was to be written over is not what
    stands (``Changed``), or an index refuses. Raises: Upstream."""
    try:
        with upstream():
            await together(db, work)
    except (Changed, DuplicateKeyError):
        return False
    return True


async def grouped(collection: Collection, wanted: Document, group: Document) -> list[Document]:
    """The groups of the documents that match."""
    found: Any = collection.aggregate([{"$match": wanted}, {"$group": group}])
    with upstream():
        cursor = await found if isawaitable(found) else found
        return list(await cursor.to_list(None))


async def page(
    collection: Collection,
    query: Document,
    newest_by: Sequence[str],
    skip: int,
    limit: int,
    without: Sequence[str] = (),
) -> tuple[list[Document], int]:
    """At most ``limit`` of the documents that match, the newest first, and how many there are.

    ``newest_by`` are the fields of the index that follow the query's own: rows come in its order
    and are counted in it, both at once, so that a long history costs no more than a short one.
    ``without`` are fields that are not wanted.
    """
    rows = (
        collection.find(query, dict.fromkeys(without, 0) or None)
        .sort([(name, DESCENDING) for name in newest_by])
        .skip(skip)
        .limit(limit)
        .to_list(None)
    )
    with upstream():
        found, total = await asyncio.gather(rows, collection.count_documents(query))
    return found, total


def rev_before(rev: int) -> list[int | None]:
    """What a document had before ``rev``; the first ones were written without."""
    return [rev - 1, None] if rev == 1 else [rev - 1]


def new_id() -> str:
    """A new document id: 24 hex digits that begin with the time, made on our side of the wire."""
    return str(ObjectId())


@contextmanager
def upstream() -> Iterator[None]:
    """Driver errors leave as ``Upstream``; a duplicate key is the repository's to read."""
    try:
        yield
    except (
        ConnectionFailure,
        ExecutionTimeout,
        WriteConcernError,
    ) as error:
        raise Upstream() from error
    except BulkWriteError as error:
        if (error.details or {}).get("writeConcernErrors"):
            raise Upstream() from error
        raise
    except OperationFailure as error:
        if error.has_error_label("RetryableWriteError") or error.code in _NOT_PRIMARY:
            raise Upstream() from error
        raise


_DUPLICATE_KEY: Final = 11000
# NotWritablePrimary, PrimarySteppedDown, InterruptedDueToReplStateChange, shutdown, NotPrimary…
_NOT_PRIMARY: Final = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})


def each_error(error: BulkWriteError, count: int) -> list[Exception | None]:
    """The error of each of ``count`` documents.

    Without a majority all of them are unknown: a duplicate may be of what will be rolled back.
    """
    details = cast("dict[str, Any]", error.details)
    if details.get("writeConcernErrors"):
        return [WTimeoutError("no majority in time")] * count
    found: list[Exception | None] = [None] * count
    for one in details.get("writeErrors", []):
        kind = DuplicateKeyError if one["code"] == _DUPLICATE_KEY else OperationFailure
        found[one["index"]] = kind(one["errmsg"], one["code"], one)
    return found


def unconfirmed(error: DuplicateKeyError) -> bool:
    """Is it open whether a majority holds what was in the way? For commands such as
    ``find_one_and_update``, whose whole answer is in the error's details."""
    return bool((error.details or {}).get("writeConcernError"))


def duplicate_claim(error: PyMongoError) -> str:
    """The key value that lost, from a duplicate-key error (MongoDB names it in ``keyValue``)."""
    details = cast("dict[str, Any]", getattr(error, "details", None) or {})
    values = details.get("keyValue") or {}
    return str(next(iter(values.values()), ""))
