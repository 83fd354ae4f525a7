"""The database of simulated workers: the model in memory, behind a network that fails.

``connect`` returns a worker's view, with the calls that the store uses. Each call is a request that
waits until the world lets it happen. Then its answer arrives or is lost; or the request itself is
lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pymongo import UpdateMany, UpdateOne
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    OperationFailure,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

from lab.proof.memory_mongo import Changed, Deleted, MemoryStore
from lab.proof.memory_query import Document, field_of, sort_key
from models.storage.mongo import Database

Work = Callable[[MemoryStore], Any]
Order = Sequence[tuple[str, int]]


@dataclass(eq=False, slots=True)
class Request:
    """A call that is under way. ``writes`` is False if it only reads."""

    worker: str
    text: str
    writes: bool
    work: Work
    answer: asyncio.Future[Any]
    local: bool = False
    """True if it reads at local: what this primary has, committed by a majority or not."""
    inside: bool = False
    """True if it is a step inside a transaction, which sees and changes only its own view."""


@dataclass(slots=True)
class Cluster:
    """The replica set. ``primary``: what a majority has. While a primary is cut off,
    ``isolated`` is its data with the writes that it has taken since, and ``frozen`` its last
    data of a majority."""

    primary: MemoryStore = field(default_factory=MemoryStore)
    isolated: MemoryStore | None = None
    frozen: MemoryStore | None = None
    behind: set[str] = field(default_factory=set)
    """The workers that talk to the cut-off primary."""
    local_reads: bool = False

    def cut_off(self, workers: set[str]) -> None:
        """Cuts a primary off from its majority. From now on these workers talk to it."""
        self.isolated, self.frozen = self.primary.copy(), self.primary.copy()
        self.behind = set(workers)

    def heal(self) -> None:
        """Undoes all writes of the cut-off primary, and connects its workers to the new one."""
        self.isolated = self.frozen = None
        self.behind = set()

    def perform(self, request: Request) -> tuple[Any, Exception | None]:
        """Performs the request now. Returns (answer, error)."""
        cut_off = request.worker in self.behind and self.isolated is not None
        try:
            if not cut_off:
                return request.work(self.primary), None
            assert self.isolated is not None and self.frozen is not None
            if not request.writes:
                local = self.local_reads or request.local
                return request.work(self.isolated if local else self.frozen), None
            request.work(self.isolated)
        except (DuplicateKeyError, BulkWriteError) as error:
            if not cut_off:
                return None, error
        if request.text.endswith(".insert"):
            return None, BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]})
        return None, WTimeoutError("no majority in time")


class Network:
    """The requests under way, in the order in which they were sent."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.waiting: list[Request] = []

    def connect(self, worker: str) -> Database:
        """The database as this worker sees it."""
        return cast(Database, SimulatedDatabase(self, worker))

    async def ask(
        self,
        worker: str,
        text: str,
        writes: bool,
        work: Work,
        local: bool = False,
        inside: bool = False,
    ) -> Any:
        answer = asyncio.get_running_loop().create_future()
        request = Request(worker, text, writes, work, answer, local, inside)
        self.waiting.append(request)
        return await request.answer

    def let(self, request: Request, *, answered: bool = True) -> None:
        """Performs the request. Its answer arrives, or is lost if not ``answered``."""
        self.waiting.remove(request)
        answer, error = self.cluster.perform(request)
        if request.answer.done():
            return
        if not answered:
            self._fail(request)
        elif error is not None:
            request.answer.set_exception(error)
        else:
            request.answer.set_result(answer)

    def lose(self, request: Request, *, later: bool = False) -> None:
        """Breaks the connection before the request has happened. With ``later`` it stays under
        way, and may happen later."""
        self._fail(request)
        if not later:
            self.waiting.remove(request)

    def _fail(self, request: Request) -> None:
        if not request.answer.done():
            request.answer.set_exception(AutoReconnect("connection closed"))


class DirectNetwork(Network):
    """A network on which no request waits or fails, to prepare a run and to look at its result."""

    async def ask(
        self,
        worker: str,
        text: str,
        writes: bool,
        work: Work,
        local: bool = False,
        inside: bool = False,
    ) -> Any:
        return work(self.cluster.primary)


class SimulatedDatabase:
    """Stands in for the result of ``open_database``, as far as the store uses it."""

    def __init__(self, network: Network, worker: str) -> None:
        self.network, self.worker = network, worker
        self.client = self
        self._collections: dict[str, SimulatedCollection] = {}

    def __getitem__(self, name: str) -> SimulatedCollection:
        if name not in self._collections:
            self._collections[name] = SimulatedCollection(self, name)
        return self._collections[name]

    def start_session(self) -> SimulatedSession:
        return SimulatedSession(self)


class SimulatedSession:
    """A transaction. Its steps change its own view; the commit repeats them on the store in one
    step, unless it conflicts with another write."""

    def __init__(self, database: SimulatedDatabase) -> None:
        self._network, self._worker = database.network, database.worker
        self._view = MemoryStore()
        self._work: list[Work] = []

    async def with_transaction(
        self, work: Callable[[Any], Awaitable[None]], **concerns: Any
    ) -> None:
        """Runs ``work`` as a transaction, again after each conflict.

        Raises: what ``work`` raises; AutoReconnect if the answer to the commit is lost.
        """
        while True:
            await self._begin()
            await work(self)
            if await self._network.ask(self._worker, "commit", True, self._commit):
                return

    async def _begin(self) -> None:
        def begin(store: MemoryStore) -> None:
            self._base, self._view, self._work = store, store.copy(), []
            self._seen = {name: dict(t.documents) for name, t in store.tables.items()}

        await self._network.ask(self._worker, "begin", False, begin)

    async def ask(self, text: str, work: Work) -> Any:
        """Performs one step of the transaction, in its own view."""
        in_view: Work = lambda _: work(self._view)  # noqa: E731
        result = await self._network.ask(self._worker, text, False, in_view, inside=True)
        self._work.append(work)
        return result

    def _commit(self, store: MemoryStore) -> bool:
        """Commits to the store. Returns False, with nothing changed, if another write conflicts."""
        for name, table in self._view.tables.items():
            before, now = self._seen.get(name, {}), store.table(name).documents
            for id in {*table.documents, *before}:
                if table.documents.get(id) is not before.get(id) and now.get(id) is not before.get(
                    id
                ):
                    return False
        trial = store.copy()
        try:
            for work in self._work:
                work(trial)
        except (DuplicateKeyError, BulkWriteError):
            return False  # a key that was free in this view is taken by now
        store.tables = trial.tables
        return True

    async def __aenter__(self) -> SimulatedSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class SimulatedCollection:
    """The methods of a collection that the repositories call."""

    def __init__(self, database: SimulatedDatabase, name: str, local: bool = False) -> None:
        self.database, self.name, self._local = database, name, local

    def with_options(self, *, read_concern: ReadConcern) -> SimulatedCollection:
        """The collection with this read concern."""
        if read_concern.level not in ("local", "majority"):
            raise NotImplementedError(read_concern.level)
        return SimulatedCollection(self.database, self.name, read_concern.level == "local")

    async def _ask(self, verb: str, writes: bool, work: Work, session: Any = None) -> Any:
        text = f"{self.name}.{verb}"
        if isinstance(session, SimulatedSession):
            return await session.ask(text, work)
        network, worker = self.database.network, self.database.worker
        return await network.ask(worker, text, writes, work, self._local)

    def find(
        self,
        query: Mapping[str, Any] | None = None,
        projection: Mapping[str, Any] | None = None,
        session: Any = None,
    ) -> SimulatedCursor:
        return SimulatedCursor(self, query or {}, projection, session)

    async def find_one(
        self,
        query: Mapping[str, Any] | None = None,
        projection: Mapping[str, Any] | None = None,
        sort: Order = (),
        hint: object = None,
    ) -> Document | None:
        documents = await self.find(query, projection).sort(sort).limit(1).to_list(None)
        return documents[0] if documents else None

    async def count_documents(self, query: Mapping[str, Any], hint: object = None) -> int:
        return cast(int, await self._ask("count", False, lambda s: s.count(self.name, query)))

    async def insert_many(
        self, documents: Sequence[Document], ordered: bool = True, session: Any = None
    ) -> None:
        work: Work = lambda s: s.insert_many(self.name, documents, ordered=ordered)  # noqa: E731
        await self._ask("insert", True, work, session)

    async def insert_one(self, document: Document, session: Any = None) -> None:
        work: Work = lambda s: s.insert_one(self.name, document)  # noqa: E731
        await self._ask("insert", True, work, session)

    async def find_one_and_update(
        self,
        query: Mapping[str, Any],
        update: Any,
        projection: Mapping[str, Any] | None = None,
        upsert: bool = False,
        return_document: bool = False,
        session: Any = None,
        sort: Order = (),
    ) -> Document | None:
        def work(store: MemoryStore) -> Document | None:
            return store.find_one_and_update(
                self.name, query, update, projection, upsert, return_document, sort
            )

        return cast("Document | None", await self._ask("change", True, work, session))

    async def update_one(
        self, query: Mapping[str, Any], update: Any, upsert: bool = False, session: Any = None
    ) -> Changed:
        def work(store: MemoryStore) -> Changed:
            return store.update(self.name, query, update, upsert=upsert)

        return cast(Changed, await self._ask("update", True, work, session))

    async def update_many(
        self, query: Mapping[str, Any], update: Any, hint: object = None
    ) -> Changed:
        def work(store: MemoryStore) -> Changed:
            return store.update(self.name, query, update, many=True)

        return cast(Changed, await self._ask("update", True, work))

    async def bulk_write(
        self, updates: Sequence[UpdateMany | UpdateOne], ordered: bool = True
    ) -> Changed:
        def work(store: MemoryStore) -> Changed:
            done = [
                store.update(
                    self.name,
                    one._filter,
                    one._doc,
                    many=isinstance(one, UpdateMany),
                    upsert=bool(one._upsert),
                )
                for one in updates
            ]
            matched = sum(one.matched_count for one in done)
            return Changed(matched, sum(one.modified_count for one in done))

        return cast(Changed, await self._ask("update", True, work))

    async def delete_one(self, query: Mapping[str, Any]) -> Deleted:
        work: Work = lambda s: s.delete(self.name, query)  # noqa: E731
        return cast(Deleted, await self._ask("delete", True, work))

    async def delete_many(self, query: Mapping[str, Any]) -> Deleted:
        work: Work = lambda s: s.delete(self.name, query, many=True)  # noqa: E731
        return cast(Deleted, await self._ask("delete", True, work))

    def __getattr__(self, name: str) -> Any:
        raise OperationFailure(f"the model has no {self.name}.{name}")


class SimulatedCursor:
    """A query that is put together step by step, and sent as one request."""

    def __init__(
        self,
        collection: SimulatedCollection,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None,
        session: Any = None,
    ) -> None:
        self._collection, self._query, self._projection = collection, query, projection
        self._session = session
        self._order: Order = ()
        self._skip = self._limit = 0
        self._from: Sequence[tuple[str, Any]] = ()

    def sort(self, by: str | Order, direction: int = 1) -> SimulatedCursor:
        self._order = [(by, direction)] if isinstance(by, str) else by
        return self

    def skip(self, number: int) -> SimulatedCursor:
        self._skip = number
        return self

    def limit(self, number: int) -> SimulatedCursor:
        self._limit = number
        return self

    def min(self, bound: Sequence[tuple[str, Any]]) -> SimulatedCursor:
        """Starts at this place of the index. The result has the order of the index."""
        self._from = bound
        return self

    def hint(self, index: object) -> SimulatedCursor:
        return self

    def batch_size(self, number: int) -> SimulatedCursor:
        return self

    async def to_list(self, length: int | None = None) -> list[Document]:
        name = self._collection.name

        def work(store: MemoryStore) -> list[Document]:
            query = self._query
            if self._from:
                bound = tuple(sort_key(value) for _, value in self._from)
                names = [field for field, _ in self._from]
                behind = [
                    row["_id"]
                    for row in store.find(name, query)
                    if tuple(sort_key(field_of(row, field)) for field in names) >= bound
                ]
                query = {**query, "_id": {"$in": behind}}
            return store.find(name, query, self._projection, self._order, self._skip, self._limit)

        found = await self._collection._ask("find", False, work, self._session)
        return cast("list[Document]", found)

    async def __aiter__(self) -> AsyncIterator[Document]:
        for document in await self.to_list(None):
            yield document
