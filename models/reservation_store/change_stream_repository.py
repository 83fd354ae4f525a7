"""The change stream of the reservations: what any worker on any host has written, in its order.

Spoken as plain commands, since the drivers' own streams differ and hide what is needed here: an
empty answer is the proof that nothing was missed until now. MongoDB names the protocol in
https://www.mongodb.com/docs/manual/changeStreams/ (``$changeStream``, ``postBatchResumeToken``).
"""

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
"""What of a stored reservation makes a row of the occupancy, besides its id."""
_COLLECTION: Final = "reservations"
_BATCH: Final = 1000
_AT_ONCE_MS: Final = 1
"""The server answers with what there is: where it waits for more, every insert wakes it in vain,
also each of our own, which cost a lone booking an eighth of mongod's time."""
_EVERY_S: Final = 0.05
"""How often the stream is read while somebody looks: by an empty answer its silence is trusted."""
_REST_S: Final = 1.0
"""How often while nobody does: often enough that what is known does not become stale."""
_LOOKED_FOR_S: Final = 0.15
"""For how long after a look it is read often: the first look after that costs one read."""
_FOLLOWED_FOR_S: Final = 3.5
"""The same where somebody is to be told of changes, which no look asks for."""
_WAKES_WITHIN_S: Final = 0.25
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
        self._looked = True
        self._awake_until = 0.0
        self._wanted = asyncio.Event()
        self._awake = asyncio.Event()
        self._awake.set()

    @property
    def resting(self) -> bool:
        """It is read seldom now: what others have written lately may not be told yet."""
        return not self._awake.is_set()

    def look(self) -> bool:
        """Note that somebody looks at what the stream has told: it is read often from now on.

        False where it rested: others may have written meanwhile. ``wake`` waits for that.
        """
        self._looked = True
        if self._awake.is_set():
            return True
        self._wanted.set()
        return False

    def follow(self) -> None:
        """Whatever changes is wanted soon for some seconds, also without a look."""
        self._awake_until = monotonic() + _FOLLOWED_FOR_S
        self.look()

    async def wake(self) -> None:
        """Returns once a stream that rested has been read; after a moment also where it cannot."""
        if not self.look():
            with suppress(TimeoutError):
                async with asyncio.timeout(_WAKES_WITHIN_S):
                    await self._awake.wait()

    async def _pause(self) -> None:
        """Before the next look: short while somebody looks, and ended by the first who does."""
        now = monotonic()
        if self._looked:
            self._looked = False
            self._awake_until = max(self._awake_until, now + _LOOKED_FOR_S)
        if now < self._awake_until:
            await asyncio.sleep(_EVERY_S)
            return
        self._awake.clear()
        self._wanted.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s(_REST_S)):
                await self._wanted.wait()

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Every change from now on, for ever; goes on where it stopped when the server comes back.

        The first batch is ``anew``, and so is each one before which history was lost, or before
        which inserts of the former ``writer`` may have been left out.
        """
        self._token = None
        while True:
            try:
                async with self._db.client.start_session() as session:
                    async for batch in self._read(session):
                        yield batch
            except PyMongoError as error:
                log.warning("change_stream_broken", extra={"reason": type(error).__name__})
                self._awake.set()  # nobody waits for it: how old it is is seen
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
            self._awake.set()
            if cursor["id"] == 0 or writer != self.writer:
                return
            if not full:
                await self._pause()
            asked = monotonic()
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
