"""Opens MongoDB. The one place where the driver's errors become the service's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final, cast

from bson.codec_options import CodecOptions
from bson.objectid import ObjectId
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from models.kernel.errors import Malformed
from models.storage.mongo_errors import errors_per_document, translate_errors

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]
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
# majority and j unset: j=False waits for the journal's 100 ms tick.
MAJORITY: Final = WriteConcern(w="majority", wtimeout=5000)
COMMITTED: Final = ReadConcern("majority")
"""A read at majority may be old, and is never undone. One at "local" may show what a primary that
has lost its majority will roll back: an answer that rests on it may never have been true."""

_CLOSE_S: Final = 2.0
CODEC: Final = CodecOptions[Document](tz_aware=True, tzinfo=UTC)


@asynccontextmanager
async def open_database(url: str, name: str) -> AsyncIterator[Database]:
    """Opens the service's database. Raises: Malformed for a URL that the driver cannot read."""
    with _readable("MONGO_URL"):
        client = AsyncMongoClient[Document](url, **_OPTIONS)
        database = client.get_database(
            name, codec_options=CODEC, write_concern=MAJORITY, read_concern=COMMITTED
        )
    try:
        yield database
    finally:
        # Its pools may wait for ever for a lock that a cancellation has left behind.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await client.close()


@contextmanager
def _readable(setting: str) -> Iterator[None]:
    """Raises: Malformed that names the setting whose value the driver cannot read."""
    try:
        yield
    except (PyMongoError, ValueError) as error:
        raise Malformed(setting, str(error)) from error


async def ping(db: Database) -> None:
    """Raises: Unavailable when the primary does not answer."""
    with translate_errors():
        await db.command("ping")


async def server_version(db: Database) -> str:
    """The release that the primary is of. Raises: Unavailable."""
    with translate_errors():
        return str((await db.command("buildInfo"))["version"])


async def server_time(db: Database) -> datetime:
    """The primary's own time. Raises: Unavailable."""
    with translate_errors():
        answer = await db.command("hello", codec_options=CODEC)
    return cast(datetime, answer["localTime"])


async def insert(collection: Collection, document: Document) -> None:
    """Insert the document.

    Raises: DuplicateKeyError where a majority holds the one that is in its way; WTimeoutError
    where no majority has confirmed either in time: the outcome is unknown then. ``insert_one``
    would raise DuplicateKeyError for both, as PyMongo shows the write error only.
    """
    try:
        await collection.insert_many([document])
    except BulkWriteError as error:
        raise errors_per_document(error, 1)[0] or error from error


async def insert_new(collection: Collection, documents: Sequence[Document]) -> list[bool]:
    """Insert those of the documents whose keys are free. For each of them, whether it is new: of
    the others a majority holds the one that was there.

    Raises: Unavailable where that cannot be found out now.
    """
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
    """Insert the document. False where a majority holds one that is in its way. Raises:
    Unavailable where that cannot be found out now."""
    (new,) = await insert_new(collection, [document])
    return new


async def aggregate_groups(
    collection: Collection, wanted: Document, group: Document
) -> list[Document]:
    """The groups of the documents that match."""
    with translate_errors():
        cursor = await collection.aggregate([{"$match": wanted}, {"$group": group}])
        return await cursor.to_list(None)


async def find_page(
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
    with translate_errors():
        found, total = await asyncio.gather(rows, collection.count_documents(query))
    return found, total


async def delete_oldest(
    collection: Collection, query: Document, oldest_by: Sequence[str], limit: int
) -> int:
    """Delete those that match, at most ``limit`` and the oldest first. How many.

    ``oldest_by`` are the fields of the index that has them in their order.
    """
    with translate_errors():
        rows = (
            await collection.find(query, {"_id": 1})
            .sort([(name, ASCENDING) for name in oldest_by])
            .limit(limit)
            .to_list(None)
        )
        gone = await collection.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
    return gone.deleted_count


def previous_revisions(rev: int) -> list[int | None]:
    """What a document had before ``rev``; the first ones were written without."""
    return [rev - 1, None] if rev == 1 else [rev - 1]


def new_id() -> str:
    """A new document id: 24 hex digits that begin with the time, made on our side of the wire."""
    return str(ObjectId())
