"""The change stream of the reservations: the writes of all workers on all hosts, in order. It is
read with plain commands, because the driver's own streams hide the server's empty answers, which
prove that no change was missed until now. Protocol (``$changeStream``,
``postBatchResumeToken``): https://www.mongodb.com/docs/manual/changeStreams/"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, cast

from pymongo.errors import OperationFailure, PyMongoError

from models.kernel.ids import ReaderId, ReservationId
from models.library.entities import SeatId
from models.reservations.occupancy_rows import Change, OccupancyRow, RowRemoval, RowUpdate
from models.reservations.state_machine import ReservationState
from models.storage.mongo import CODEC, Database, Document
from models.storage.rounds import pause_s

log = logging.getLogger(__name__)
BOARD_FIELDS: Final = ("rev", "seat", "reader", "state", "start", "end", "available_from")
"""The stored fields of a reservation from which, with its id, a row of the occupancy is made."""
_COLLECTION: Final = "reservations"
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
_RETRY_S: Final = 0.25
# ChangeStreamFatalError, ChangeStreamHistoryLost, InvalidResumeToken, and an unknown token.
_HISTORY_LOST: Final = frozenset({280, 286, 260, 136})
_STREAM_ENDED: Final = ("drop", "dropDatabase", "invalidate")


def _pipeline(writer: str) -> list[Document]:
    return [
        {
            "$match": {
                "$or": [
                    # The process has its own inserts already; in a rush they are most of the
                    # stream.
                    {
                        "operationType": "insert",
                        "fullDocument.live": True,
                        "fullDocument.writer": {"$ne": writer},
                    },
                    # An update that leaves the revision alone changes nothing that a seat map
                    # shows.
                    {
                        "operationType": "update",
                        "updateDescription.updatedFields.rev": {"$exists": True},
                    },
                    {"operationType": {"$in": ["delete", *_STREAM_ENDED]}},
                ]
            }
        },
        {
            "$project": {
                "operationType": 1,
                "documentKey": 1,
                "fullDocument": {"day": 1, **dict.fromkeys(BOARD_FIELDS, 1)},
                "updateDescription": {"updatedFields": dict.fromkeys(BOARD_FIELDS, 1)},
            }
        },
    ]


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """The changes of one read, each with its day if the stream reports it. `complete_until`: all
    changes before this instant of the monotonic clock are included; None if more changes wait.
    `reload_required`: earlier changes may have been missed, so the days must be reloaded."""

    changes: Sequence[tuple[str | None, Change]]
    complete_until: float | None
    reload_required: bool = False


class ReservationChangeStream:
    """Reads the reservations' change stream, frequently while callers use it. Inserts marked
    with ``writer`` (this process's own) are left out; ``writer`` may be replaced at any time."""

    def __init__(self, db: Database, writer: str) -> None:
        self._db = db
        self.writer = writer
        self._token: Document | None = None
        self._left_out = writer
        self._looked = True
        self._awake_until = 0.0
        self._look_requested = asyncio.Event()
        self._awake = asyncio.Event()
        self._awake.set()

    @property
    def resting(self) -> bool:
        """True while the stream is read once a second: other workers' writes may be missing."""
        return not self._awake.is_set()

    def look(self) -> bool:
        """Requests frequent reads of the stream. False if the stream was read only once a second
        until now: recent writes of other workers may be missing."""
        self._looked = True
        if self._awake.is_set():
            return True
        self._look_requested.set()
        return False

    def follow(self) -> None:
        self._awake_until = monotonic() + _FREQUENT_AFTER_FOLLOW_S
        self.look()

    async def wake(self) -> None:
        """Requests frequent reads of the stream; if the stream was read only once a second until
        now, waits for the next read, at most a quarter of a second."""
        if not self.look():
            with suppress(TimeoutError):
                async with asyncio.timeout(_WAKES_WITHIN_S):
                    await self._awake.wait()

    async def _pause(self) -> None:
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

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Yields the changes from now on in batches, and continues after failures of the server.
        ``reload_required`` is set in the first batch, after a loss of the stream's history, and
        after ``writer`` was replaced, since inserts under the old one were left out."""
        self._token = None
        while True:
            try:
                async with self._db.client.start_session() as session:
                    async for batch in self._read(session):
                        yield batch
            except PyMongoError as error:
                log.warning("change_stream_broken", extra={"reason": type(error).__name__})
                self._awake.set()  # requests need not wait: they see how old the data is
                if isinstance(error, OperationFailure) and error.code in _HISTORY_LOST:
                    self._token = None
                await asyncio.sleep(_RETRY_S)

    async def _read(self, session: Any) -> AsyncIterator[ChangeBatch]:
        writer = self.writer
        reload_required = self._token is None or writer != self._left_out
        requested_at = monotonic()
        answer = await self._command(
            session,
            {
                "aggregate": _COLLECTION,
                "pipeline": [
                    {"$changeStream": {"resumeAfter": self._token} if self._token else {}},
                    *_pipeline(writer),
                ],
                "cursor": {"batchSize": _BATCH},
            },
        )
        cursor = answer["cursor"]
        events = cursor["firstBatch"]
        while True:
            if any(e["operationType"] in _STREAM_ENDED for e in events):
                # The collection was dropped, and with it this stream.
                self._token = None
                return
            full = len(events) >= _BATCH
            yield ChangeBatch(
                [_change(e) for e in events], None if full else requested_at, reload_required
            )
            # Only now, after the batch was taken in: one that was not is read again.
            self._token, reload_required = cursor.get("postBatchResumeToken", self._token), False
            self._left_out = writer
            self._awake.set()
            if cursor["id"] == 0 or writer != self.writer:
                return
            if not full:
                await self._pause()
            requested_at = monotonic()
            answer = await self._command(
                session,
                {
                    "getMore": cursor["id"],
                    "collection": _COLLECTION,
                    "batchSize": _BATCH,
                    "maxTimeMS": _AT_ONCE_MS,
                },
            )
            cursor = answer["cursor"]
            events = cursor["nextBatch"]

    async def _command(self, session: Any, command: Document) -> Document:
        return cast(Document, await self._db.command(command, session=session, codec_options=CODEC))


def _change(event: Document) -> tuple[str | None, Change]:
    id = ReservationId(event["documentKey"]["_id"])
    if event["operationType"] == "delete":
        return None, RowRemoval(id)
    if event["operationType"] == "insert":
        document = event["fullDocument"]
        return document["day"], row_of(id, document)
    fields = event["updateDescription"]["updatedFields"]
    row_fields = {
        attribute: kind(fields[name]) if fields[name] is not None else None
        for name, attribute, kind in _FIELDS
        if name in fields
    }
    return None, RowUpdate(id, fields["rev"], row_fields)


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
