"""A follower of a change stream, reservations for it, and faults of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from miniapp_server.scheduler import end
from models.check_in import transitions
from models.kernel.ids import ReaderId
from models.policy.entities import Policy
from models.reservation_store.change_stream_repository import (
    ChangeBatch,
    ReservationChangeStream,
)
from models.reservations.entities import Reservation
from models.reservations.occupancy_rows import Change, RowRemoval
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Database, Document, new_id
from tests.builders import BY_READER, PROOF, ZONE, on, reserved
from tests.waiting import Progress

# The token of an event of 1970, at whose place the server finds the first event that it still has.
_OLD_EVENT = (
    "8200000001000000022B022C0100296E5A1004BABAA344484241FAB5B8125FE20E78B0461E5F6964002B020004"
)
SEATS = [f"2f-hall-{number:03d}" for number in range(1, 401)]


@dataclass
class Heard:
    """All that a follower has received so far."""

    changes: list[tuple[str | None, Change]] = field(default_factory=list)
    batches: int = 0
    anew: int = 0
    as_of: float | None = None
    progress: Progress = field(default_factory=Progress)
    check: Callable[[ChangeBatch], None] = lambda batch: None

    async def listen(self, changes: ReservationChangeStream) -> None:
        async for batch in changes.batches():
            self.changes += batch.changes
            self.batches += 1
            self.anew += batch.reload_required
            self.as_of = batch.complete_until or self.as_of
            self.check(batch)
            await self.progress.made()

    async def until(self, holds: Callable[[], bool]) -> None:
        await self.progress.until(holds, 20)

    def knows(self, id: str, rev: int) -> bool:
        changes = (change for _, change in self.changes)
        return any(c.id == id and not isinstance(c, RowRemoval) and c.rev == rev for c in changes)


@asynccontextmanager
async def following(changes: ReservationChangeStream) -> AsyncIterator[Heard]:
    heard = Heard()
    task = asyncio.create_task(heard.listen(changes))
    try:
        await heard.until(lambda: heard.anew == 1)
        assert heard.batches == 1, "the first batch says that nothing is known before it"
        yield heard
    finally:
        await end([task])
    assert task.cancelled(), "it follows for ever"


def booking(number: int) -> Reservation:
    """One of many unrelated reservations."""
    seat, reader = SEATS[number], ReaderId(f"{number:024x}")
    return reserved("09:00", "10:00", id=new_id(), seat=seat, reader=reader)


def next_of(r: Reservation) -> Reservation:
    """The reservation's next revision."""
    if r.state is ReservationState.RESERVED:
        return transitions.check_in(ZONE, r, PROOF, Policy(), BY_READER, r.start, early=False)
    return transitions.leave(r, on("09:50"), Policy(), BY_READER, on("09:20"))


async def kill_cursors(db: Database, collection: str | None = "reservations") -> int:
    """Kills every cursor on the reservations, or without a collection those on all changes, as a
    failing server would. Returns their number."""
    admin: Any = db.client.get_database("admin")
    of_ours = {
        "cursor.originatingCommand.aggregate": collection or 1,
        "ns": {"$in": [f"{db.name}.{collection}", f"{db.name}.$cmd.aggregate"]},
    }
    pipeline: list[Document] = [
        {"$currentOp": {"idleCursors": True, "allUsers": True}},
        {"$match": of_ours},
    ]
    answer = await admin.command({"aggregate": 1, "pipeline": pipeline, "cursor": {}})
    cursors = [op["cursor"]["cursorId"] for op in answer["cursor"]["firstBatch"]]
    if cursors:
        await db.command({"killCursors": collection or "$cmd.aggregate", "cursors": cursors})
    return len(cursors)


class OldTokens:
    """A database whose oplog, which must have an event, is once too short for the stream to
    resume."""

    def __init__(self, db: Database) -> None:
        self._db, self.armed, self.asked = db, False, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    async def command(self, command: Document, **options: Any) -> Any:
        if self.armed and "aggregate" in command:
            stage = command["pipeline"][0]["$changeStream"]
            if "resumeAfter" in stage:
                self.armed, self.asked = False, self.asked + 1
                stage["resumeAfter"] = {"_data": _OLD_EVENT}
        return await self._db.command(command, **options)
