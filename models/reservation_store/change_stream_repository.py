"""The change stream of the reservations: the writes of all workers on all hosts, in order. It is
read with plain commands, because the driver's own streams hide the server's empty answers, which
prove that no change was missed until now. Protocol (``$changeStream``,
``postBatchResumeToken``): https://www.mongodb.com/docs/manual/changeStreams/"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from pymongo.errors import OperationFailure, PyMongoError

from models.kernel.ids import PartyId, ReaderId, ReservationId
from models.library.entities import SeatId
from models.reservation_store.party_mapping import PARTY_FIELDS, party_of
from models.reservations.occupancy_rows import Change, OccupancyRow, RowRemoval, RowUpdate
from models.reservations.party import row_id
from models.reservations.state_machine import ReservationState
from models.storage.mongo import CODEC, Database, Document
from models.storage.rounds import pause_s

log = logging.getLogger(__name__)
BOARD_FIELDS: Final = ("rev", "seat", "reader", "state", "start", "end", "available_from")
"""The stored fields of a reservation from which, with its id, a row of the occupancy is made."""
COLLECTION: Final = "reservations"
_BATCH: Final = 1000
_AT_ONCE_MS: Final = 1
"""Milliseconds for which the server waits for changes in one read. During a longer wait every
insert would wake the read, also this process's inserts, which the stream leaves out."""
_EVERY_S: Final = 0.05
"""Seconds between frequent reads. Even an empty answer proves that the occupancy is up to date."""
_REST_S: Final = 1.0
"""Seconds between reads while no caller uses the occupancy, so that it stays nearly current."""
_FREQUENT_AFTER_LOOK_S: Final = 0.15
"""For this many seconds after a call of ``look`` the stream is read frequently. A call of
``look`` after a longer pause returns False."""
_FREQUENT_AFTER_FOLLOW_S: Final = 3.5
"""Seconds of frequent reads after ``follow``, for listeners that never call ``look``."""
_WAKES_WITHIN_S: Final = 0.25
RETRY_S: Final = 0.25
# ChangeStreamFatalError, ChangeStreamHistoryLost, InvalidResumeToken, and an unknown token.
_HISTORY_LOST: Final = frozenset({280, 286, 260, 136})
STREAM_ENDED: Final = ("drop", "dropDatabase", "invalidate")


def reported(writers: Sequence[str]) -> Document:
    """The condition of the events that the stream reports. ``writers``: those who know their own
    inserts already; in a rush they are most of the stream."""
    return {
        "$or": [
            {
                "operationType": "insert",
                "fullDocument.live": True,
                "fullDocument.writer": {"$nin": [*writers]},
            },
            # An update that leaves the revision alone changes nothing that a seat map shows.
            {
                "operationType": "update",
                "updateDescription.updatedFields.rev": {"$exists": True},
            },
            {"operationType": {"$in": ["delete", *STREAM_ENDED]}},
        ]
    }


REPORTED_FIELDS: Final[Document] = {
    "operationType": 1,
    "documentKey": 1,
    "fullDocument": {"day": 1, **dict.fromkeys((*BOARD_FIELDS, *PARTY_FIELDS), 1)},
    "updateDescription": {"updatedFields": dict.fromkeys((*BOARD_FIELDS, *PARTY_FIELDS), 1)},
}


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """The changes of one read, each with its day if the stream reports it. `complete_until`: all
    changes before this instant of the monotonic clock are included; None if more changes wait.
    `reload_required`: earlier changes may have been missed, so the days must be reloaded."""

    changes: Sequence[tuple[str | None, Change]]
    complete_until: float | None
    reload_required: bool = False


class ReadingPace:
    """How often a stream is read: frequently while callers use it, otherwise once a second."""

    def __init__(self) -> None:
        self._looked = True
        self._awake_until = 0.0
        self._look_requested = asyncio.Event()
        self._awake = asyncio.Event()
        self._awake.set()

    @property
    def resting(self) -> bool:
        return not self._awake.is_set()

    def look(self) -> bool:
        """Requests frequent reads. False if there were none until now."""
        self._looked = True
        if self._awake.is_set():
            return True
        self._look_requested.set()
        return False

    def follow(self) -> None:
        self._awake_until = monotonic() + _FREQUENT_AFTER_FOLLOW_S
        self.look()

    async def wake(self) -> None:
        """Requests frequent reads; waits for the first, at most a quarter of a second."""
        if not self.look():
            with suppress(TimeoutError):
                async with asyncio.timeout(_WAKES_WITHIN_S):
                    await self._awake.wait()

    def has_read(self) -> None:
        """Ends the waits for a read, which has succeeded or failed."""
        self._awake.set()

    async def pause(self) -> None:
        """Waits until the next read is due."""
        now = monotonic()
        if self._looked:
            self._looked = False
            self._awake_until = max(self._awake_until, now + _FREQUENT_AFTER_LOOK_S)
        if now < self._awake_until:
            await asyncio.sleep(_EVERY_S)
            return
        self._awake.clear()
        self._look_requested.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s(_REST_S)):
                await self._look_requested.wait()


@dataclass(frozen=True, slots=True)
class StreamRead:
    """One read of a change stream. ``complete_until`` as in ``ChangeBatch``; ``token``: resumes the
    stream after this read."""

    events: Sequence[Document]
    complete_until: float | None
    token: Document | None


async def stream_reads(
    db: Database, collection: str | None, pipeline: list[Document], pace: ReadingPace
) -> AsyncGenerator[StreamRead, None]:
    """Opens a change stream, of all collections without ``collection``, and reads it at the pace
    until the server closes it. Raises: PyMongoError."""
    async with db.client.start_session() as session:

        async def command(command: Document) -> Any:
            answer = await db.command(command, session=session, codec_options=CODEC)
            return answer["cursor"]

        requested_at = monotonic()
        opening = {"aggregate": collection or 1, "pipeline": pipeline}
        cursor = await command({**opening, "cursor": {"batchSize": _BATCH}})
        events = cursor["firstBatch"]
        while True:
            full = len(events) >= _BATCH
            token = cursor.get("postBatchResumeToken")
            yield StreamRead(events, None if full else requested_at, token)
            if cursor["id"] == 0:
                return
            if not full:
                await pace.pause()
            requested_at = monotonic()
            cursor = await command(
                {
                    "getMore": cursor["id"],
                    "collection": collection or "$cmd.aggregate",
                    "batchSize": _BATCH,
                    "maxTimeMS": _AT_ONCE_MS,
                }
            )
            events = cursor["nextBatch"]


class ReservationChangeStream:
    """Reads the reservations' change stream, frequently while callers use it. Inserts marked
    with ``writer`` (this process's own) are left out; ``writer`` may be replaced at any time."""

    def __init__(self, db: Database, writer: str, pace: ReadingPace | None = None) -> None:
        """``pace``: that of a stream which several databases share."""
        self._db = db
        self.writer = writer
        self._token: Document | None = None
        self._left_out = writer
        self._pace = pace or ReadingPace()

    @property
    def resting(self) -> bool:
        """True while the stream is read once a second: other workers' writes may be missing."""
        return self._pace.resting

    def look(self) -> bool:
        """Requests frequent reads of the stream. False if the stream was read only once a second
        until now: recent writes of other workers may be missing."""
        return self._pace.look()

    def follow(self) -> None:
        self._pace.follow()

    async def wake(self) -> None:
        """Requests frequent reads of the stream; if the stream was read only once a second until
        now, waits for the next read, at most a quarter of a second."""
        await self._pace.wake()

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Surrounds the load of a day that is not in memory. Databases that share a stream load one
        after the other: they all have to after a start, or once the stream's history is lost."""
        return nullcontext()

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Yields the changes from now on in batches, and continues after failures of the server.
        ``reload_required`` is set in the first batch, after a loss of the stream's history, and
        after ``writer`` was replaced, since inserts under the old one were left out."""
        self._token = None
        while True:
            try:
                async for batch in self._read():
                    yield batch
            except PyMongoError as error:
                log.warning("change_stream_broken", extra={"reason": type(error).__name__})
                self._pace.has_read()  # requests need not wait: they see how old the data is
                if is_history_lost(error):
                    self._token = None
                await asyncio.sleep(RETRY_S)

    async def _read(self) -> AsyncIterator[ChangeBatch]:
        writer = self.writer
        reload_required = self._token is None or writer != self._left_out
        pipeline = [
            {"$changeStream": {"resumeAfter": self._token} if self._token else {}},
            {"$match": reported([writer])},
            {"$project": REPORTED_FIELDS},
        ]
        async with aclosing(stream_reads(self._db, COLLECTION, pipeline, self._pace)) as reads:
            async for read in reads:
                if any(e["operationType"] in STREAM_ENDED for e in read.events):
                    # The collection was dropped, and with it this stream.
                    self._token = None
                    return
                changes = [change for e in read.events for change in changes_of(e)]
                yield ChangeBatch(changes, read.complete_until, reload_required)
                # Only now, after the batch was taken in: one that was not is read again.
                self._token, reload_required = read.token or self._token, False
                self._left_out = writer
                self._pace.has_read()
                if writer != self.writer:
                    return


def is_history_lost(error: PyMongoError) -> bool:
    """True if the stream cannot be resumed."""
    return isinstance(error, OperationFailure) and error.code in _HISTORY_LOST


def changes_of(event: Document) -> list[tuple[str | None, Change]]:
    """The changes of the occupancy that the event reports, each with its day if it is known."""
    id = ReservationId(event["documentKey"]["_id"])
    if event["operationType"] == "delete":
        return [(None, RowRemoval(id))]
    if event["operationType"] == "insert":
        document = event["fullDocument"]
        if "seats" in document:
            return [(document["day"], row) for row in party_of(document | {"_id": id}).rows()]
        # A booking of a room is of no seat. Its updates have no revision, so none is reported.
        return [(document["day"], row_of(id, document))] if "seat" in document else []
    fields = event["updateDescription"]["updatedFields"]
    if "seats" in fields:
        return [(None, _update_of(id, fields["rev"], seat)) for seat in fields["seats"]]
    row_fields = {
        attribute: kind(fields[name]) if fields[name] is not None else None
        for name, attribute, kind in _FIELDS
        if name in fields
    }
    return [(None, RowUpdate(id, fields["rev"], row_fields))]


def _update_of(party_id: str, rev: int, seat: Document) -> RowUpdate:
    over: Document = {"state": ReservationState.OFFER_EXPIRED}
    row = row_id(PartyId(party_id), SeatId(seat["seat"]))
    return RowUpdate(row, rev, {} if seat["held"] else over)


def _unchanged(value: Any) -> Any:
    return value


_FIELDS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("seat", "seat_id", SeatId),
    ("state", "state", ReservationState),
    ("start", "booked_start", _unchanged),
    ("available_from", "available_from", _unchanged),
    ("end", "end", _unchanged),
)


def row_of(id: ReservationId, d: Document) -> OccupancyRow:
    return OccupancyRow.of(
        id,
        d["rev"],
        SeatId(d["seat"]),
        ReaderId(d["reader"]),
        ReservationState(d["state"]),
        d["start"],
        d.get("available_from"),
        d["end"],
    )
