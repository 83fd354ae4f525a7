"""The database that simulated workers talk to: the model in memory, behind a network that fails.

``connect`` gives a worker its own view with the calls that the store uses. Each call is a request
that waits until the world lets it happen; then its answer comes, or is lost, or the request was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
    """One call that waits for its turn. ``writes`` is false of a read."""

    worker: str
    text: str
    writes: bool
    work: Work
    answer: asyncio.Future[Any]
    local: bool = False
    """It asks for what this primary has, whatever a majority has."""


@dataclass(slots=True)
class Cluster:
    """The replica set. ``primary`` is what a majority has. While a primary is cut off from it,
    ``isolated`` is what that one has taken since, and ``frozen`` what it knows of a majority."""

    primary: MemoryStore = field(default_factory=MemoryStore)
    isolated: MemoryStore | None = None
    frozen: MemoryStore | None = None
    behind: set[str] = field(default_factory=set)
    """Workers that still talk to the one that is cut off."""
    local_reads: bool = False

    def cut_off(self, workers: set[str]) -> None:
        """From now on these workers talk to a primary that has lost its majority."""
        self.isolated, self.frozen = self.primary.copy(), self.primary.copy()
        self.behind = set(workers)

    def heal(self) -> None:
        """What the one that was cut off has taken is undone."""
        self.isolated = self.frozen = None
        self.behind = set()

    def perform(self, request: Request) -> tuple[Any, Exception | None]:
        """(answer, error) of the request, done now."""
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
    """Requests under way, in the order in which they were made."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.waiting: list[Request] = []

    def connect(self, worker: str) -> Database:
        """The database as that worker sees it."""
        return cast(Database, SimulatedDatabase(self, worker))

    async def ask(
        self, worker: str, text: str, writes: bool, work: Work, local: bool = False
    ) -> Any:
        answer = asyncio.get_running_loop().create_future()
        request = Request(worker, text, writes, work, answer, local)
        self.waiting.append(request)
        return await request.answer

    def let(self, request: Request, *, answered: bool = True) -> None:
        """The request happens; its answer comes, or is lost."""
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
        """The connection breaks before the request has happened; it may happen ``later``."""
        self._fail(request)
        if not later:
            self.waiting.remove(request)

    def _fail(self, request: Request) -> None:
        if not request.answer.done():
            request.answer.set_exception(AutoReconnect("connection closed"))


class DirectNetwork(Network):
    """Nothing waits and nothing fails: for what stands before a run, and for looking afterwards."""

    async def ask(
        self, worker: str, text: str, writes: bool, work: Work, local: bool = False
    ) -> Any:
        return work(self.cluster.primary)


class SimulatedDatabase:
    """What ``open_database`` gives, as far as the store uses it."""

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
    """A transaction: its own view, entered into the store in one step if nobody was faster."""

    def __init__(self, database: SimulatedDatabase) -> None:
        self._network, self._worker = database.network, database.worker
        self._view = MemoryStore()
        self._work: list[Work] = []

    async def with_transaction(
        self, work: Callable[[Any], Awaitable[None]], **concerns: Any
    ) -> None:
        """Raises: what ``work`` raises; AutoReconnect where the answer to the commit is lost."""
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
        """One step of the transaction, in its own view."""
        result = await self._network.ask(self._worker, text, False, lambda _: work(self._view))
        self._work.append(work)
        return result

    def _commit(self, store: MemoryStore) -> bool:
        """False where somebody has written meanwhile what was written here: from the beginning."""
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
    """What the repositories call, and nothing else."""

    def __init__(self, database: SimulatedDatabase, name: str, local: bool = False) -> None:
        self.database, self.name, self._local = database, name, local

    def with_options(self, *, read_concern: ReadConcern) -> SimulatedCollection:
        """The same collection, read at that concern."""
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
        self, query: Mapping[str, Any] | None = None, projection: Mapping[str, Any] | None = None
    ) -> SimulatedCursor:
        return SimulatedCursor(self, query or {}, projection)

    async def find_one(
        self,
        query: Mapping[str, Any] | None = None,
        projection: Mapping[str, Any] | None = None,
        sort: Order = (),
        hint: object = None,
    ) -> Document | None:
        found = await self.find(query, projection).sort(sort).limit(1).to_list(None)
        return found[0] if found else None

    async def count_documents(self, query: Mapping[str, Any], hint: object = None) -> int:
        return cast(int, await self._ask("count", False, lambda s: s.count(self.name, query)))

    async def insert_many(self, documents: Sequence[Document], ordered: bool = True) -> None:
        await self._ask("insert", True, lambda s: s.insert_many(self.name, documents))

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
    ) -> Document | None:
        def work(store: MemoryStore) -> Document | None:
            return store.find_one_and_update(
                self.name, query, update, projection, upsert, return_document
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
    """A search that is put together and then sent as one request."""

    def __init__(
        self,
        collection: SimulatedCollection,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None,
    ) -> None:
        self._collection, self._query, self._projection = collection, query, projection
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
        """From that place of the index on; the order is the index's."""
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

        return cast("list[Document]", await self._collection._ask("find", False, work))
