"""Opens MongoDB, and reads and writes documents with the driver's errors translated."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from datetime import UTC, datetime
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from bson.codec_options import CodecOptions
from bson.objectid import ObjectId
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, lock
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from models.kernel.errors import Malformed
from models.storage.batching import Batcher
from models.storage.mongo_errors import errors_per_document, translate_errors

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]
# Server selection bounds a request's wait for a primary; the socket timeout
# bounds the wait for a server that accepts the connection and does not answer.
_OPTIONS: Final[dict[str, Any]] = {
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 8000,
    "maxPoolSize": 32,
    "retryWrites": True,
    "appname": "miniapp_server",
}
# majority and j unset: j=False waits for the journal's 100 ms tick.
MAJORITY: Final = WriteConcern(w="majority", wtimeout=5000)
COMMITTED: Final = ReadConcern("majority")
"""The read concern of all queries. Reads may be stale, but show nothing that can be rolled back."""

_CLOSE_S: Final = 2.0
CODEC: Final = CodecOptions[Document](tz_aware=True, tzinfo=UTC)


async def _wait_for(work: Awaitable[bool], timeout_s: float | None) -> bool:
    async with asyncio.timeout(timeout_s):
        return await work


if sys.version_info < (3, 12):
    # The driver waits for its conditions by ``asyncio.wait_for``, which until 3.12 ran the wait in
    # a task of its own (python/cpython#86766). Cancelled as it timed out, the driver's lock was
    # held for ever, and this process found no server any more.
    setattr(lock, "wait_for", _wait_for)  # noqa: B010


OpenDatabase = Callable[[str, str], AbstractAsyncContextManager[Database]]
"""Opens the database of a URL and a name within a block, as ``open_database`` does."""


@asynccontextmanager
async def open_database(url: str, name: str) -> AsyncIterator[Database]:
    """The service's database, open within the block. Raises: Malformed for an invalid URL."""
    async with SharedClients() as clients, clients.open_database(url, name) as database:
        yield database


class SharedClients:
    """The process's clients of MongoDB, one for each URL, used by any number of databases and
    closed at the end of the block."""

    def __init__(self) -> None:
        self._clients: dict[str, AsyncMongoClient[Document]] = {}

    @asynccontextmanager
    async def open_database(self, url: str, name: str) -> AsyncIterator[Database]:
        """A database that uses its URL's client. Raises: Malformed for an invalid URL."""
        with _readable("MONGO_URL"):
            if url not in self._clients:
                self._clients[url] = AsyncMongoClient[Document](url, **_OPTIONS)
            database = self._clients[url].get_database(
                name, codec_options=CODEC, write_concern=MAJORITY, read_concern=COMMITTED
            )
        yield database

    async def __aenter__(self) -> SharedClients:
        return self

    async def __aexit__(self, *_: object) -> None:
        # A client ends its sessions first, and waits for a server that may be gone. Asked again, it
        # closes at once.
        for client in 2 * [*self._clients.values()]:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await client.close()


@contextmanager
def _readable(setting: str) -> Iterator[None]:
    """Raises ``Malformed`` naming ``setting`` if the driver cannot parse its value in the block."""
    try:
        yield
    except (PyMongoError, ValueError) as error:
        raise Malformed(setting, str(error)) from error


async def ping(db: Database) -> None:
    """Raises: Unavailable if the primary does not answer."""
    with translate_errors():
        await db.command("ping")


async def server_version(db: Database) -> str:
    """The primary's version of MongoDB. Raises: Unavailable."""
    with translate_errors():
        return str((await db.command("buildInfo"))["version"])


_ASKING: Final = WeakKeyDictionary[AsyncMongoClient[Document], Batcher[Database, datetime]]()
"""The calls of ``server_time`` by each client."""


async def server_time(db: Database) -> datetime:
    """The time on the primary's clock. Schools of one client ask at once, and in one command.
    Raises: Unavailable."""
    if db.client not in _ASKING:
        _ASKING[db.client] = Batcher(_times)
    return await _ASKING[db.client].submit(db)


async def _times(databases: list[Database]) -> list[datetime]:
    with translate_errors():
        answer = await databases[0].command("hello", codec_options=CODEC)
    return [cast(datetime, answer["localTime"])] * len(databases)


async def insert(collection: Collection, document: Document) -> None:
    """Inserts the document. Raises: DuplicateKeyError if a majority has confirmed the
    conflicting document; WTimeoutError if the outcome is unknown. (``insert_one`` raises
    DuplicateKeyError in both cases.)"""
    try:
        await collection.insert_many([document])
    except BulkWriteError as error:
        raise errors_per_document(error, 1)[0] or error from error


async def insert_new(collection: Collection, documents: Sequence[Document]) -> list[bool]:
    """Returns for each document whether it was inserted; if not, a majority has confirmed a
    conflicting document. Raises: Unavailable if the outcome is unknown."""
    with translate_errors():
        try:
            await collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            errors = errors_per_document(error, len(documents))
            if not all(e is None or isinstance(e, DuplicateKeyError) for e in errors):
                raise
            return [e is None for e in errors]
    return [True] * len(documents)


async def insert_if_new(collection: Collection, document: Document) -> bool:
    """Inserts the document; False if a majority has a conflicting document. Raises: Unavailable."""
    (new,) = await insert_new(collection, [document])
    return new


async def aggregate_groups(
    collection: Collection, query: Document, group: Document
) -> list[Document]:
    with translate_errors():
        cursor = await collection.aggregate([{"$match": query}, {"$group": group}])
        return await cursor.to_list(None)


async def find_page(
    collection: Collection,
    query: Document,
    newest_by: Sequence[str],
    skip: int,
    limit: int,
    without: Sequence[str] = (),
) -> tuple[list[Document], int]:
    """A page of the matching documents, newest first, and the number of all matches.
    ``newest_by``: the fields that sort by age, which follow the query's fields in the index.
    ``without``: fields to leave out."""
    matching = collection.find(query, dict.fromkeys(without, 0) or None)
    with translate_errors():
        rows = await (
            matching.sort([(name, DESCENDING) for name in newest_by])
            .skip(skip)
            .limit(limit)
            .to_list(None)
        )
        return rows, await total_of(collection, query, skip, limit, len(rows))


async def total_of(
    collection: Collection, query: Document, skip: int, limit: int, on_page: int
) -> int:
    """The number of all matching documents, of which a page shows ``on_page``. Counts them only if
    the page is full or empty: the last page itself shows how many there are."""
    if on_page < limit and (on_page or not skip):
        return skip + on_page
    return await collection.count_documents(query)


async def delete_oldest(
    collection: Collection, query: Document, oldest_by: Sequence[str], limit: int
) -> int:
    """Deletes at most ``limit`` matching documents, oldest first; returns their number.
    ``oldest_by``: index fields that sort by age."""
    with translate_errors():
        rows = (
            await collection.find(query, {"_id": 1})
            .sort([(name, ASCENDING) for name in oldest_by])
            .limit(limit)
            .to_list(None)
        )
        deleted = await collection.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
    return deleted.deleted_count


def previous_revisions(rev: int) -> list[int | None]:
    """The values that a document's ``rev`` may have when the revision ``rev`` replaces it. None
    stands for a document without the field, which precedes revision 1."""
    return [rev - 1, None] if rev == 1 else [rev - 1]


def new_id() -> str:
    """A new document id: 24 hex digits that begin with the time."""
    return str(ObjectId())
