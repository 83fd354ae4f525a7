"""The change stream of the reservations: what any worker on any host has written, in its order.

Spoken as plain commands, since the drivers' own streams differ and hide what is needed here: an
empty answer is the proof that nothing was missed until now. MongoDB names the protocol in
https://www.mongodb.com/docs/manual/changeStreams/ (``$changeStream``, ``postBatchResumeToken``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isawaitable
from time import monotonic
from typing import Any, Final, cast

from pymongo.errors import OperationFailure, PyMongoError

from models.kernel.ids import ReaderId, ReservationId
from models.library.entities import SeatId
from models.reservations.occupancy import Change, OccupancyRow, RowRemoval, RowUpdate
from models.reservations.state_machine import ReservationState
from models.storage.mongo import CODEC, Database, Document

log = logging.getLogger(__name__)
BOARD_FIELDS: Final = ("rev", "seat", "reader", "state", "start", "end", "available_from")
"""What of a stored reservation makes a row of the occupancy, besides its id."""
_COLLECTION: Final = "reservations"
_BATCH: Final = 1000
_AWAIT_MS: Final = 60
"""An idle stream answers after this long: the heartbeat by which its silence can be trusted."""
_GATHER_S: Final = 0.02
"""After a batch: the next one shall carry more than one change, since each costs a round trip."""
_RETRY_S: Final = 0.25
# ChangeStreamFatalError, ChangeStreamHistoryLost, InvalidResumeToken, and a token nobody knows.
_HISTORY_LOST: Final = frozenset({280, 286, 260, 136})
_STREAM_ENDED: Final = ("drop", "dropDatabase", "invalidate")


def _pipeline(writer: str) -> list[Document]:
    return [
        {
            "$match": {
                "$or": [
                    # A process knows what it has inserted: in a rush that is most of the stream.
                    {
                        "operationType": "insert",
                        "fullDocument.live": True,
                        "fullDocument.writer": {"$ne": writer},
                    },
                    # What does not count the revision up changes nothing that a plan shows.
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
    """``changes`` with the day where it is told, up to ``as_of`` (a monotonic instant), or None
    where more is waiting. ``anew``: what happened before this batch may have been missed."""

    changes: Sequence[tuple[str | None, Change]]
    complete_until: float | None
    reload_required: bool = False


class ReservationChangeStream:
    """``writer`` (``ReservationRepository.writer``): its inserts are left out. It may change at
    any time."""

    def __init__(self, db: Database, writer: str) -> None:
        self._db = db
        self.writer = writer
        self._token: Document | None = None
        self._left_out = writer

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Every change from now on, for ever; goes on where it stopped when the server comes back.

        The first batch is ``anew``, and so is each one before which history was lost, or before
        which inserts of the former ``writer`` may have been left out.
        """
        self._token = None
        while True:
            try:
                async with self._session() as session:
                    async for batch in self._read(session):
                        yield batch
            except PyMongoError as error:
                log.warning("change_stream_broken", extra={"reason": type(error).__name__})
                if isinstance(error, OperationFailure) and error.code in _HISTORY_LOST:
                    self._token = None
                await asyncio.sleep(_RETRY_S)

    async def _read(self, session: Any) -> AsyncIterator[ChangeBatch]:
        """Raises: PyMongoError."""
        writer = self.writer
        anew = self._token is None or writer != self._left_out
        asked = monotonic()
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
                # The collection is gone, and this stream with it.
                self._token = None
                return
            full = len(events) >= _BATCH
            yield ChangeBatch([_change(e) for e in events], None if full else asked, anew)
            # Only now: what was not taken in comes again.
            self._token, anew = cursor.get("postBatchResumeToken", self._token), False
            self._left_out = writer
            if cursor["id"] == 0 or writer != self.writer:
                return
            if events and not full:
                await asyncio.sleep(_GATHER_S)
            asked = monotonic()
            answer = await self._command(
                session,
                {
                    "getMore": cursor["id"],
                    "collection": _COLLECTION,
                    "batchSize": _BATCH,
                    "maxTimeMS": _AWAIT_MS,
                },
            )
            cursor = answer["cursor"]
            events = cursor["nextBatch"]

    async def _command(self, session: Any, command: Document) -> Document:
        return cast(Document, await self._db.command(command, session=session, codec_options=CODEC))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:
        # A cursor belongs to its session; Motor makes one asynchronously, its successor at once.
        started: Any = self._db.client.start_session()
        session = await started if isawaitable(started) else started
        try:
            yield session
        finally:
            await session.end_session()


def _change(event: Document) -> tuple[str | None, Change]:
    id = ReservationId(event["documentKey"]["_id"])
    if event["operationType"] == "delete":
        return None, RowRemoval(id)
    if event["operationType"] == "insert":
        document = event["fullDocument"]
        return document["day"], row_of(id, document)
    fields = event["updateDescription"]["updatedFields"]
    known = {
        ours: kind(fields[theirs]) if fields[theirs] is not None else None
        for theirs, ours, kind in _FIELDS
        if theirs in fields
    }
    return None, RowUpdate(id, fields["rev"], known)


def _as_it_is(value: Any) -> Any:
    return value


_FIELDS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("seat", "seat_id", SeatId),
    ("state", "state", ReservationState),
    ("start", "booked_start", _as_it_is),
    ("available_from", "available_from", _as_it_is),
    ("end", "end", _as_it_is),
)


def row_of(id: ReservationId, d: Document) -> OccupancyRow:
    """The occupancy's row of a stored reservation."""
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
