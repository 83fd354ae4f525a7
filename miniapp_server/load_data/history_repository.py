from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Final

from pymongo import MongoClient, WriteConcern
from pymongo.errors import BulkWriteError, PyMongoError

from miniapp_server.load_data.readers import SimulatedReader
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.messages.entities import Message
from models.messages.mapping import message_document
from models.readers.mapping import reader_reasons
from models.reservation_store.mapping import to_new_document
from models.reservation_store.queries import A_RESERVATION
from models.reservations.entities import Reservation
from models.reservations.state_machine import LIVE
from models.storage.encryption import FieldCipher
from models.storage.mongo import CODEC, Document, new_id

_DUPLICATE: Final = 11000
_HISTORY: Final = ("reservations", "messages", "violations", "suspensions")


class HistoryWriteError(Exception):
    """MongoDB refused an operation. The message is one line for the operator."""


class HistoryWriter:
    """Inserts generated documents in bulk without claim checks; a crash loses unsynced writes."""

    def __init__(self, mongo_url: str, database: str, id: str = "") -> None:
        """``id``: marks this writer's reservations in the database; a new id if it is empty."""
        self.mongo_url = mongo_url
        self.database = database
        self._client: MongoClient[Document] = MongoClient(
            mongo_url, w=1, serverSelectionTimeoutMS=5000
        )
        self._db = self._client.get_database(database, codec_options=CODEC)
        self.id = id or new_id()

    def close(self) -> None:
        self._client.close()

    def is_empty(self) -> bool:
        with _one_line():
            return not any(self._db[name].find_one({}, {"_id": 1}) for name in _HISTORY)

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        """Inserts the documents without waiting for the disk. Raises: HistoryWriteError."""
        if documents:
            with _one_line():
                self._db[collection].insert_many(documents, ordered=False)

    def insert_what_is_free(self, reservations: Sequence[Document]) -> None:
        """Inserts the reservations whose claims are all free. Raises: HistoryWriteError."""
        if not reservations:
            return
        try:
            with _one_line():
                self._db["reservations"].insert_many(reservations, ordered=False)
        except HistoryWriteError as error:
            refused = error.__cause__
            codes = refused.details["writeErrors"] if isinstance(refused, BulkWriteError) else ()
            if not codes or any(one["code"] != _DUPLICATE for one in codes):
                raise
        self.wait_for_majority()

    def spans_since(self, day: date) -> dict[SeatId, list[TimeRange]]:
        """The booked times of each seat from ``day`` on. Raises: HistoryWriteError."""
        spans: dict[SeatId, list[TimeRange]] = {}
        with _one_line():
            query = {"day": {"$gte": day.isoformat()}, **A_RESERVATION}
            for row in self._db["reservations"].find(query, {"seat": 1, "start": 1, "end": 1}):
                spans.setdefault(SeatId(row["seat"]), []).append(
                    TimeRange(row["start"], row["end"])
                )
        return spans

    def wait_for_majority(self) -> None:
        """Makes a majority write, which waits for every earlier write; afterwards majority reads
        see all inserts. Raises: HistoryWriteError."""
        with _one_line():
            readers = self._db["readers"].with_options(write_concern=WriteConcern("majority"))
            readers.delete_one({"_id": self.id})

    def as_of_now(self, revisions: Sequence[Reservation]) -> Document:
        """The document of a reservation's last revision, as if its messages were already sent."""
        r = revisions[-1]
        if r.state not in LIVE:
            return self.finished(revisions, keep_claims=True)
        changes = [new_id() for _ in revisions[1:]]
        changed = {"change": changes[-1], "changes": changes} if changes else {}
        return {**to_new_document(r, self.id), "outbox": [], **changed}

    def finished(self, revisions: Sequence[Reservation], keep_claims: bool) -> Document:
        """The document of an ended reservation, from its revisions. The reservation's messages
        count as already sent. ``keep_claims``: whether the reservation keeps its claims."""
        ended = replace(revisions[-1], carry_over_at=None)
        document = to_new_document(ended, self.id) | {"outbox": []}
        if not keep_claims:
            document["claims"] = []
        changes = [new_id() for _ in revisions[1:]]
        return {**document, "change": changes[-1], "changes": changes}


def read(message: Message) -> Document:
    """The document of a message that was read in the app and has no deliveries."""
    return {**message_document(message), "read": True}


def admitted(reader: SimulatedReader, sealer: FieldCipher) -> Document:
    """The document of an invented reader, as ``ReaderRepository.upsert_from_login`` writes it,
    with its fields sorted."""
    document: Document = {
        "_id": reader.id,
        "no_hashes": sealer.hashes(reader.number, "student_no"),
        "created_at": reader.admitted_at,
        "kind": reader.kind,
        "name": sealer.encrypt(reader.name, "name"),
        "name_hashes": sealer.hashes(reader.name, "name"),
        "no": sealer.encrypt(reader.number, "student_no"),
    }
    if reader.suspended_until is not None:
        document["suspended_until"] = reader.suspended_until
        document["suspended_for"] = reader_reasons(sealer).document(reader.suspended_for)
    return document


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except BulkWriteError as error:
        refused = error.details["writeErrors"]
        raise HistoryWriteError(f"{len(refused)} refused: {refused[0]['errmsg']}") from error
    except PyMongoError as error:
        raise HistoryWriteError(str(error)) from error
