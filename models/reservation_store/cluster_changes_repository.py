"""One change stream for all databases of a MongoDB client, split by database: an idle stream costs
the server as much as a busy one. It needs a right beyond one database (docs/deployment.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    suppress,
)
from typing import Final

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from models.reservation_store.change_stream_repository import (
    COLLECTION,
    REPORTED_FIELDS,
    RETRY_S,
    STREAM_ENDED,
    ChangeBatch,
    ReadingPace,
    ReservationChangeStream,
    StreamRead,
    changes_of,
    is_history_lost,
    reported,
    stream_reads,
)
from models.reservations.occupancy_rows import Change
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import UNAUTHORIZED

log = logging.getLogger(__name__)
_TURN_S: Final = 1.0
"""A load waits at most so many seconds for those of other databases, one of which may hang."""


class ClusterChanges:
    """Reads the changes of all reservations in the client's databases, as far as they are
    followed, and gives each database its own. All are read frequently while one is used."""

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._admin = client.get_database("admin")
        self._pace = ReadingPace()
        self._token: Document | None = None
        self._streams: dict[str, _StreamOfDatabase] = {}
        # A name stays: a stream that leaves its database out could not resume after its last event.
        self._names: set[str] = set()
        self._changed = 0
        self._followed = asyncio.Event()
        self._decided = asyncio.Event()
        self._refused = False
        self._loads = asyncio.Lock()

    def stream_of(self, db: Database, writer: str) -> ReservationChangeStream:
        """The changes of one database. Without the right to read those of all, it has a stream
        of its own."""
        return _StreamOfDatabase(db, writer, self._pace, self)

    async def allowed(self) -> bool:
        """Waits until the server has said whether the user may read all databases' changes."""
        await self._decided.wait()
        return not self._refused

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Begins the block when no other one is under way, or after ``_TURN_S``."""
        async with AsyncExitStack() as stack:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TURN_S):
                    await stack.enter_async_context(self._loads)
            yield

    def add(self, stream: _StreamOfDatabase, name: str) -> None:
        self._streams[name] = stream
        self._names.add(name)
        self._changed += 1
        self._followed.set()
        self._pace.look()

    def remove(self, stream: _StreamOfDatabase, name: str) -> None:
        if self._streams.get(name) is stream:
            del self._streams[name]

    async def run(self) -> None:
        """Reads until cancelled; only waits once the server has refused."""
        await self._followed.wait()
        while not self._refused:
            try:
                await self._read()
            except PyMongoError as error:
                self._pace.has_read()  # requests need not wait: they see how old the data is
                code = error.code if isinstance(error, OperationFailure) else None
                if code == UNAUTHORIZED and not self._decided.is_set():
                    log.warning("common_change_stream_refused", extra={"instead": "one each"})
                    self._refused = True
                    self._decided.set()
                    break
                log.warning("change_stream_broken", extra={"reason": type(error).__name__})
                if is_history_lost(error):
                    self._token = None
                await asyncio.sleep(RETRY_S)
        await asyncio.Event().wait()

    def _writers(self) -> dict[str, str]:
        return {name: stream.writer for name, stream in self._streams.items()}

    async def _read(self) -> None:
        """Reads until a database is added, or the writers are others."""
        writers, changed = self._writers(), self._changed
        for name, stream in self._streams.items():
            stream.opened(anew=self._token is None, writer=writers[name])
        resume = {"resumeAfter": self._token} if self._token else {}
        pipeline: list[Document] = [
            {"$changeStream": {"allChangesForCluster": True, **resume}},
            {
                "$match": {
                    "ns.db": {"$in": [*self._names]},
                    "ns.coll": {"$in": [COLLECTION, None]},  # a dropped database has no collection
                    **reported([*writers.values()]),
                }
            },
            {"$project": {**REPORTED_FIELDS, "ns": 1}},
        ]
        async with aclosing(stream_reads(self._admin, None, pipeline, self._pace)) as reads:
            async for read in reads:
                self._decided.set()
                self._deliver(read)
                self._token = read.token or self._token
                self._pace.has_read()
                if changed != self._changed or writers != self._writers():
                    return

    def _deliver(self, read: StreamRead) -> None:
        changes: dict[str, list[tuple[str | None, Change]]] = {}
        for event in read.events:
            name = event["ns"]["db"]
            if event["operationType"] not in STREAM_ENDED:
                changes.setdefault(name, []).extend(changes_of(event))
            elif name in self._streams:
                self._streams[name].lost()
        for name, stream in self._streams.items():
            stream.take(changes.get(name, []), read.complete_until)


class _StreamOfDatabase(ReservationChangeStream):
    """One database's share of the common stream."""

    def __init__(
        self, db: Database, writer: str, pace: ReadingPace, cluster: ClusterChanges
    ) -> None:
        super().__init__(db, writer, pace)
        self._cluster = cluster
        self._batches = asyncio.Queue[ChangeBatch]()
        self._is_open = self._reload_required = False

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        self._batches = asyncio.Queue()
        self._is_open, self._reload_required = False, True
        self._cluster.add(self, self._db.name)
        try:
            if await self._cluster.allowed():
                while True:
                    yield await self._batches.get()
        finally:
            self._cluster.remove(self, self._db.name)
        self._pace = ReadingPace()
        async for batch in super().batches():
            yield batch

    def turn(self) -> AbstractAsyncContextManager[None]:
        return self._cluster.turn()

    def opened(self, anew: bool, writer: str) -> None:
        """The common stream is opened with this database and leaves out what ``writer`` inserts.
        ``anew``: earlier changes may have been missed."""
        self._is_open = True
        self._reload_required = self._reload_required or anew or writer != self._left_out
        self._left_out = writer

    def lost(self) -> None:
        """The collection was dropped."""
        self._reload_required = True

    def take(self, changes: list[tuple[str | None, Change]], complete_until: float | None) -> None:
        """Passes the changes of a read on, unless the stream was opened without this database."""
        if self._is_open:
            self._batches.put_nowait(ChangeBatch(changes, complete_until, self._reload_required))
            self._reload_required = False
