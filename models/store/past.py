"""Past reservations in great number, for a database that has none: a sandbox's or a benchmark's.

Nothing here is guarded: no claim is asked for, and a crash loses what was not yet on disk. What is
written is what the repositories would have left behind, byte for byte (tests/store/test_past.py).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from models.messages.entities import DeliveryState, Message
from models.messages.repository import _document as message_document
from models.reservations.entities import Reservation
from models.reservations.mapping import to_document as reservation_document
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.violations.entities import Suspension, Violation
from models.violations.repository import document_of as violation_document
from models.violations.repository import suspension_document

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UTC: Final = CodecOptions[Document](tz_aware=True, tzinfo=UTC)

Blank = bytes | int
"""What goes into a form: ASCII text, or an instant in milliseconds since 1970."""


class PastRefused(Exception):
    """MongoDB did not take what was sent. One clear line."""


def milliseconds(instant: datetime) -> int:
    """Since 1970, as BSON keeps instants."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


class Form:
    """An encoded document with blanks: filling one costs a microsecond or two, encoding twenty.

    Args:
        sample: a document as the store writes it.
        blanks: what of the sample differs from one document to the next, by its position among
            the values to fill in. All differ from one another; every place where one stands is a
            blank. Text keeps its length.
        width: how many values there are.
    """

    def __init__(self, sample: Document, blanks: Mapping[int, Blank], width: int) -> None:
        encoded = bson.encode(sample)
        if len(set(blanks.values())) < len(blanks):
            raise ValueError("two blanks look alike")
        places = sorted(
            (place, index)
            for index, value in blanks.items()
            for place in _places(encoded, _bytes(value))
        )
        layout, done = ["<"], 0
        picked: list[int] = []
        fixed: list[bytes] = []
        for place, index in places:
            value = blanks[index]
            if place > done:
                picked.append(width + len(fixed))
                fixed.append(encoded[done:place])
                layout.append(f"{place - done}s")
            picked.append(index)
            layout.append("q" if isinstance(value, int) else f"{len(value)}s")
            done = place + len(_bytes(value))
        picked.append(width + len(fixed))
        fixed.append(encoded[done:])
        layout.append(f"{len(fixed[-1])}s")
        self._pack = struct.Struct("".join(layout)).pack
        self._fixed = tuple(fixed)
        self._picked = itemgetter(*picked)

    def fill(self, values: tuple[Blank, ...]) -> RawBSONDocument:
        """The document with these values."""
        return RawBSONDocument(self._pack(*self._picked(values + self._fixed)))


def _bytes(value: Blank) -> bytes:
    return struct.pack("<q", value) if isinstance(value, int) else value


def _places(encoded: bytes, wanted: bytes) -> list[int]:
    found, place = [], encoded.find(wanted)
    while place >= 0:
        found.append(place)
        place = encoded.find(wanted, place + len(wanted))
    return found


class Past:
    """Writes what is long over, as it lies in the database then."""

    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._db = db
        self._sealer = sealer

    async def is_empty(self) -> bool:
        """Is there no reservation, no violation and no message?"""
        with translate_errors():
            for name in ("reservations", "violations", "suspensions", "deliveries"):
                if await self._db[name].find_one({}, {"_id": 1}) is not None:
                    return False
        return True

    # --- documents ------------------------------------------------------------------------------

    def reservation(self, r: Reservation, change_ids: Sequence[str]) -> Document:
        """What is left of it once everything was told and carried over; its claims are its own."""
        left = {**reservation_document(r), "outbox": [], "carry_over_at": None}
        return {**left, "changes": list(change_ids)} if change_ids else left

    def violation(self, violation: Violation) -> Document:
        return violation_document(violation)

    def suspension(self, suspension: Suspension) -> Document:
        return suspension_document(suspension)

    def message(self, message: Message, state: DeliveryState) -> Document:
        """One that has come to an end."""
        tries = {"attempts": 1} if state is DeliveryState.SENT else {}
        ended = {"state": state.value, "open": False, "read": message.read, **tries}
        return {**message_document(message, False), **ended}

    def reader(
        self,
        id: str,
        student_no: str,
        name: str,
        kind: str,
        created_at: datetime,
        suspended_until: datetime | None,
    ) -> Document:
        """As ``Readers.admit`` leaves it (MongoDB orders the fields of an upsert by name)."""
        document: Document = {
            "_id": id,
            "no_hashes": self._sealer.hashes(student_no, "student_no"),
            "kind": kind,
            "created_at": created_at,
            "name": self._sealer.encrypt(name, "name"),
            "name_hashes": self._sealer.hashes(name, "name"),
            "no": self._sealer.encrypt(student_no, "student_no"),
        }
        return (
            document if suspended_until is None else document | {"suspended_until": suspended_until}
        )

    # --- writing --------------------------------------------------------------------------------

    async def add(self, collection: str, documents: Sequence[Document | RawBSONDocument]) -> None:
        """Insert them in one command of at most 48 MB, not waiting for the disk.

        Raises: PastRefused, ServiceUnavailable.
        """
        command: dict[str, Any] = {
            "insert": collection,
            "ordered": False,
            "writeConcern": {"w": 1},
            "documents": documents,
        }
        with translate_errors():
            answer = await self._db.command(command)
        if errors := answer.get("writeErrors"):
            raise PastRefused(f"{len(errors)} of {len(documents)}: {errors[0]['errmsg']}")

    async def sizes(self, collection: str) -> dict[str, Any]:
        """``count``, ``size``, ``storageSize`` and ``indexSizes`` in bytes."""
        with translate_errors():
            stats = await self._db.command("collStats", collection)
        return {name: stats[name] for name in ("count", "size", "storageSize", "indexSizes")}


def decoded(document: RawBSONDocument) -> Document:
    """The filled form as the store reads it."""
    return bson.decode(document.raw, codec_options=_UTC)
