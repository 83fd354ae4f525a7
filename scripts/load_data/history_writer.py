"""Writes a finished history into the database as the repositories would have left it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pymongo import MongoClient, WriteConcern
from pymongo.errors import BulkWriteError, PyMongoError

from models.messages.entities import Message
from models.messages.mapping import document_of as message_document
from models.readers.mapping import reader_reasons
from models.reservations.entities import Reservation
from models.reservations.mapping import to_document as reservation_document
from models.storage.encryption import FieldCipher
from models.storage.mongo import CODEC, Document, new_id
from scripts.load_data.readers import SimulatedReader

_HISTORY: Final = ("reservations", "messages", "violations", "suspensions")


class HistoryWriteError(Exception):
    """MongoDB refused what was sent. One clear line."""


class HistoryWriter:
    """A connection for bulk inserts. Nothing is guarded: no claim is asked for, and a crash loses
    what was not on disk yet."""

    def __init__(self, mongo_url: str, database: str) -> None:
        self.mongo_url = mongo_url
        self.database = database
        self._client: MongoClient[Document] = MongoClient(
            mongo_url, w=1, serverSelectionTimeoutMS=5000
        )
        self._db = self._client.get_database(database, codec_options=CODEC)
        self._id = new_id()

    def close(self) -> None:
        self._client.close()

    def is_empty(self) -> bool:
        """Is there neither a reservation nor a message, violation or suspension?"""
        with _one_line():
            return not any(self._db[name].find_one({}, {"_id": 1}) for name in _HISTORY)

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        """Insert them without waiting for the disk. Raises: HistoryWriteError."""
        if documents:
            with _one_line():
                self._db[collection].insert_many(documents, ordered=False)

    def wait_for_majority(self) -> None:
        """Return when a read at majority finds all that was inserted. Raises: HistoryWriteError.

        A write that changes nothing waits for every operation before it, whoever sent it.
        """
        with _one_line():
            readers = self._db["readers"].with_options(write_concern=WriteConcern("majority"))
            readers.delete_one({"_id": self._id})

    def finished(self, revisions: Sequence[Reservation], keep_claims: bool) -> Document:
        """The document of an ended reservation: all messages are sent, nobody is carried over."""
        document = {**reservation_document(revisions[-1]), "outbox": [], "carry_over_at": None}
        if not keep_claims:
            document["claims"] = []
        changes = [new_id() for _ in revisions[1:]]
        return {**document, "change": changes[-1], "writer": self._id, "changes": changes}


def read(message: Message) -> Document:
    """The document of a message that its reader has read in the app, without WeChat."""
    return {**message_document(message, False), "read": True}


def admitted(reader: SimulatedReader, sealer: FieldCipher) -> Document:
    """The document of a reader as ``ReaderRepository.upsert_from_login`` leaves it (an upsert sorts
    fields by name)."""
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
