"""Three members of which one can be cut off, and two workers that reach all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from lab.chaos.replica_set import Member, ReplicaSet, until
from models.kernel.errors import DomainError
from models.storage.batching import Batcher
from models.storage.encryption import FieldCipher
from models.storage.mongo import Collection, open_database, ping
from tests.inside import features
from tests.race.stage import Stage
from tests.waiting import patience

BY_HAND: Final = {
    "electionTimeoutMillis": 600_000,
    "heartbeatIntervalMillis": 200,
    "catchUpTimeoutMillis": 100,
}
LONG_S: Final = 40


@dataclass(slots=True)
class Trio:
    """Three members, and the workers of one host that reach all of them at any time."""

    set: ReplicaSet
    first: Stage
    second: Stage

    @property
    def second_by_local_reads(self) -> Stage:
        """The second worker with local reads: it reads its member's data and takes the refusals of
        ``insert_one`` for final."""
        db = self.second.db.with_options(read_concern=ReadConcern("local"))
        inside, reference = features(db, self.second.cipher), self.second.inside.reference
        repository: Any = inside.stored.reservations
        repository._inserts = Batcher(partial(one_by_one, db["reservations"]))
        inside.reference.catalog, inside.reference.policy = reference.catalog, reference.policy
        return Stage(db, self.second.cipher, inside)

    async def cut_off(self) -> Member:
        """Cuts the primary off from the others, which do not know it yet."""
        old = await self.set.primary()
        self.set.isolate(old)
        return old

    async def elect_another(self, old: Member) -> None:
        """Elects another primary, known to both workers; the old one goes on."""
        new = await self.set.step_up(old)
        address = ("127.0.0.1", new.proxy.port)

        async def primary_agreed() -> bool:
            return all([await w.db.client.primary == address for w in (self.first, self.second)])

        await until(primary_agreed, "the new primary to be known")
        # The other member has to find its new source first: a majority takes some seconds.
        patient = WriteConcern("majority", wtimeout=LONG_S * 1000)
        probes = self.first.db.get_collection("probes", write_concern=patient)
        await probes.insert_one({"elected": new.number})

    async def kill_first(self, task: asyncio.Task[Any]) -> None:
        """Kills the first worker: it neither repeats, nor resolves, nor answers."""
        await self.first.db.client.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def heal(self, old: Member) -> None:
        """Reconnects the old primary, which rolls its own writes back and follows."""
        if (await self.set.primary()) is old:
            await self.set.step_up(old)
        self.set.mend()
        await self.set.settled()

    async def has(self, member: Member, query: dict[str, Any]) -> None:
        """Returns once the member has such a reservation, whatever a majority has."""
        books = member.direct["rollback"]["reservations"]

        async def there() -> bool:
            return await books.find_one(query) is not None

        await until(there, f"{query} in member {member.number}")


async def one_by_one(books: Collection, documents: list[dict[str, Any]]) -> list[Exception | None]:
    """Inserts document by document. Returns each error without its part about the majority."""
    errors: list[Exception | None] = []
    for document in documents:
        try:
            await books.insert_one(document)
            errors.append(None)
        except PyMongoError as error:
            errors.append(error)
    return errors


@asynccontextmanager
async def worker(three: ReplicaSet, wtimeout_ms: int) -> AsyncIterator[Stage]:
    cipher = FieldCipher({1: b"k" * 32})
    async with open_database(three.url, "rollback") as probe:
        # The service's own, but sooner: nobody waits five seconds here.
        db = probe.with_options(write_concern=WriteConcern("majority", wtimeout=wtimeout_ms))
        inside = features(db, cipher)

        async def answers() -> bool:
            return not isinstance(await said(ping(db)), Exception)

        await until(answers, "the set to answer a new worker")
        await inside.reference.refresh()
        yield Stage(db, cipher, inside)


async def said(work: Awaitable[Any]) -> Any:
    """A worker's answer: a result, or an error that promises nothing."""
    async with asyncio.timeout(patience(LONG_S)):
        try:
            return await work
        except (DomainError, PyMongoError) as error:
            return error
