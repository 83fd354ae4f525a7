"""Readers' documents, and the indexes of readers, bindings and sessions."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from functools import partial
from typing import Final

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.kernel.ids import ReaderId
from models.reader_groups.mapping import read_memberships
from models.readers.entities import VISITOR, Reader, SuspensionReason, Visit
from models.readers.errors import NumberOfVisitor
from models.readers.mapping import reader_reasons
from models.readers.sealed_identity import opened, sealed_name, sealed_number
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document, insert, new_id
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "readers": [
        IndexModel([("no_hashes", ASCENDING)], name="no_hashes", unique=True),
        IndexModel([("name_hashes", ASCENDING)], name="name_hashes"),
        IndexModel([("memberships.group", ASCENDING)], name="memberships", sparse=True),
        IndexModel([("staff_grants.id", ASCENDING)], name="staff_grants", sparse=True),
        IndexModel(
            [("stay.1", ASCENDING)],
            name="stay",
            partialFilterExpression={"kind": VISITOR},
        ),
    ],
    "bindings": [
        IndexModel([("reader", ASCENDING)], name="reader", unique=True),
        IndexModel([("openid_hashes", ASCENDING)], name="openid_hashes", unique=True),
        IndexModel([("unionid_hashes", ASCENDING)], name="unionid_hashes"),
    ],
    "sessions": [
        IndexModel([("ticket", ASCENDING)], name="ticket", sparse=True),
        IndexModel([("subject", ASCENDING)], name="subject", sparse=True),
        IndexModel([("reader", ASCENDING)], name="reader", sparse=True),
        IndexModel([("expires_at", ASCENDING)], name="expires_at"),
    ],
    "logged_out_tickets": [IndexModel([("at", ASCENDING)], name="at")],
}
_SEARCH_FIELDS: Final = ("no", "name", "kind", "suspended_until", "stay")
_STAY_STARTS: Final = len("HH:MM ") * 15
"""At most this many characters are kept, those of the latest starts."""
_BATCH: Final = 500
"""The search decrypts this many readers at a time, which takes two milliseconds."""


class ReaderRepository:
    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._all = db["readers"]
        self._sealer = sealer
        # Decrypting in two threads is no faster and takes time from the event loop.
        self._opening = asyncio.Lock()

    async def upsert_from_login(
        self, student_no: str, name: str, kind: str, now: datetime
    ) -> Reader:
        """The reader with this normalised student number, created at the first sign-in; later
        sign-ins update name and category. Raises: NumberOfVisitor if the number is a visitor's."""
        fresh: Document = {"kind": kind, **sealed_name(name, self._sealer)}
        number = sealed_number(student_no, self._sealer)
        first: Document = {"_id": new_id(), **number, "created_at": now}
        for _ in range(2):  # of two first logins at once, one finds the other's document
            with translate_errors():
                try:
                    row = await self._all.find_one_and_update(
                        {"no_hashes": {"$in": number["no_hashes"]}, "stay": {"$exists": False}},
                        {"$set": fresh, "$setOnInsert": first},
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
                    assert row is not None
                    return read_reader(row, self._sealer)
                except DuplicateKeyError:
                    continue
        raise NumberOfVisitor()

    async def admit_visitor(self, id: ReaderId, name: str, stay: Visit, now: datetime) -> Reader:
        """Creates a visitor with a new random number (V and eight digits)."""
        while True:
            number = f"V{secrets.randbelow(10**8):08d}"
            document: Document = {
                "_id": id,
                **sealed_number(number, self._sealer),
                "created_at": now,
                "kind": VISITOR,
                "stay": _stay_document(stay),
                **sealed_name(name, self._sealer),
            }
            with translate_errors():
                try:
                    await insert(self._all, document)
                except DuplicateKeyError:
                    continue  # the number is taken
            return read_reader(document, self._sealer)

    async def get(self, id: ReaderId) -> Reader | None:
        with translate_errors():
            row = await self._all.find_one({"_id": id})
        return read_reader(row, self._sealer) if row else None

    async def many(self, ids: Collection[ReaderId]) -> dict[ReaderId, Reader]:
        with translate_errors():
            rows = await self._all.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {ReaderId(row["_id"]): read_reader(row, self._sealer) for row in rows}

    async def by_numbers(self, numbers: Collection[str]) -> dict[str, ReaderId]:
        """Reader ids by normalised student number. Numbers without a reader are left out."""
        hashes = {h: n for n in numbers for h in self._sealer.hashes(n, "student_no")}
        with translate_errors():
            rows = await self._all.find(
                {"no_hashes": {"$in": list(hashes)}}, {"no_hashes": 1}
            ).to_list(None)
        return {
            hashes[h]: ReaderId(row["_id"]) for row in rows for h in row["no_hashes"] if h in hashes
        }

    async def enter_numbers(self, numbers: Collection[str], now: datetime) -> dict[str, ReaderId]:
        """The ids of the readers with these normalised student numbers. A number without a
        reader gets a new reader, whose name the first sign-in adds."""
        existing = await self.by_numbers(numbers)
        missing = [number for number in numbers if number not in existing]
        if not missing:
            return existing
        new: list[Document] = [
            {
                "_id": new_id(),
                **sealed_number(number, self._sealer),
                "created_at": now,
                "kind": "",
                **sealed_name("", self._sealer),
            }
            for number in missing
        ]
        with translate_errors(), suppress(BulkWriteError):  # one may sign in at this moment
            await self._all.insert_many(new, ordered=False)
        return await self.by_numbers(numbers)

    async def find_by_name(self, name: str, limit: int) -> list[Reader]:
        """At most ``limit`` readers whose name is exactly ``name``, found by its keyed hash."""
        with translate_errors():
            rows = (
                await self._all.find({"name_hashes": {"$in": self._sealer.hashes(name, "name")}})
                .sort("_id", ASCENDING)
                .limit(limit)
                .to_list(None)
            )
        return [read_reader(row, self._sealer) for row in rows]

    async def find_by_part(self, part: str, limit: int) -> list[Reader]:
        """At most ``limit`` readers with ``part`` in their number or name, in any order. The
        database cannot search encrypted values, so a thread decrypts readers in batches until
        enough match. Nothing decrypted is stored. Raises: Unavailable, DecryptionError."""
        matches: list[Reader] = []
        rows = self._all.find({}, dict.fromkeys(_SEARCH_FIELDS, 1)).batch_size(_BATCH)
        with translate_errors():
            try:
                while len(matches) < limit and (batch := await rows.to_list(_BATCH)):
                    async with self._opening:
                        matches += await asyncio.to_thread(_with_part, batch, part, self._sealer)
            finally:
                await rows.close()
        return matches[:limit]

    async def delete_visitor(self, id: ReaderId) -> None:
        with translate_errors():
            await self._all.delete_one({"_id": id, "kind": VISITOR})

    async def visitors_until(self, before: date, now: datetime, limit: int) -> list[Reader]:
        """At most ``limit`` visitors whose last day is before ``before``, the earliest last day
        first. Suspended visitors are left out."""
        query = {
            "kind": VISITOR,
            "stay.1": {"$lt": before.isoformat()},
            "$or": [{"suspended_until": None}, {"suspended_until": {"$lte": now}}],
        }
        with translate_errors():
            rows = await self._all.find(query).sort("stay.1", ASCENDING).limit(limit).to_list(None)
        return [read_reader(row, self._sealer) for row in rows]

    async def set_visit(self, id: ReaderId, was: Visit | None, stay: Visit) -> bool:
        """Replaces the visitor's days ``was`` by ``stay``; False if other days are stored."""
        with translate_errors():
            result = await self._all.update_one(
                {"_id": id, "stay": _stay_document(was)}, {"$set": {"stay": _stay_document(stay)}}
            )
        return bool(result.matched_count)

    async def set_suspended_until(
        self,
        id: ReaderId,
        was: datetime | None,
        until: datetime | None,
        reason: SuspensionReason | None = None,
    ) -> bool:
        """Sets the suspension's end; None ends it now. False if the stored end is not ``was``."""
        suspended_for = reader_reasons(self._sealer).document(reason)
        with translate_errors():
            result = await self._all.update_one(
                {"_id": id, "suspended_until": was},
                {"$set": {"suspended_until": until, "suspended_for": suspended_for}},
            )
        return bool(result.matched_count)

    async def choose_language(self, id: ReaderId, language: str) -> None:
        with translate_errors():
            chosen = {"language": language, "language_chosen": True}
            await self._all.update_one({"_id": id}, {"$set": chosen})

    async def learn_language(self, id: ReaderId, language: str) -> None:
        """Stores the language unless the reader has chosen one."""
        unchosen = {"_id": id, "language_chosen": {"$ne": True}}
        with translate_errors():
            await self._all.update_one(unchosen, {"$set": {"language": language}})

    async def add_stay_starts(self, starts: Mapping[ReaderId, time]) -> None:
        """Adds the time of day at which each reader began on one day, and keeps the latest ones."""
        earlier: Document = {"$ifNull": ["$stay_starts", ""]}
        updates = []
        for id, start in starts.items():
            joined: Document = {"$concat": [f"{start:%H:%M} ", earlier]}
            latest: Document = {"$substrBytes": [joined, 0, _STAY_STARTS]}
            updates.append(UpdateOne({"_id": id}, [{"$set": {"stay_starts": latest}}]))
        if updates:
            with translate_errors():
                await self._all.bulk_write(updates, ordered=False)

    async def languages(self, ids: Collection[ReaderId]) -> dict[ReaderId, str]:
        """The tags of the readers' languages. Readers without a language are left out."""
        query = {"_id": {"$in": list(ids)}, "language": {"$exists": True}}
        with translate_errors():
            rows = await self._all.find(query, {"language": 1}).to_list(None)
        return {ReaderId(row["_id"]): row["language"] for row in rows}

    async def reencrypt(self, limit: int) -> int:
        """Re-encrypts the data of up to ``limit`` readers from older keys; returns their number."""
        current = f"{self._sealer.current}:"
        with translate_errors():
            rows = (
                await self._all.find({"no": {"$not": {"$regex": f"^{current}"}}})
                .limit(limit)
                .to_list(None)
            )
            for row in rows:
                number = self._sealer.decrypt(row["no"], "student_no")
                name = self._sealer.decrypt(row["name"], "name")
                await self._all.update_one(
                    {"_id": row["_id"], "no": row["no"]},
                    {
                        "$set": {
                            **sealed_number(number, self._sealer),
                            **sealed_name(name, self._sealer),
                        }
                    },
                )
        return len(rows)


def reader_of_session(session: Document, holders: Mapping[str, str]) -> str | None:
    """The id of the session's reader. A web session contains this id; for a WeChat session,
    ``holders`` (readers by openid hash) has the user's present reader. None if unbound."""
    own: str | None = session.get("reader")
    return own or next((holders[h] for h in session.get("openid_hashes", ()) if h in holders), None)


PRINCIPAL_FIELDS: Final = (
    *("kind", "no", "name", "suspended_until", "suspended_for"),
    *("stay", "memberships", "staff_grants", "language", "language_chosen", "stay_starts"),
)
"""The fields of a reader's document that ``read_reader`` and ``read_grants`` use."""


def read_reader(d: Document, sealer: FieldCipher) -> Reader:
    days = [date.fromisoformat(day) for day in d.get("stay") or ()]
    stay = Visit(*days) if days else None
    why = d.get("suspended_for")  # read only if present: each request loads a reader
    reason = reader_reasons(sealer).read(why) if why else None
    return Reader(
        ReaderId(d["_id"]),
        d["kind"],
        d.get("suspended_until"),
        # Thousands of readers are cached briefly: the partial holds two values, not the document.
        partial(opened, sealer, d["no"], d["name"]),
        stay,
        reason,
        read_memberships(d.get("memberships")),
        bool(d.get("staff_grants")),
        d.get("language"),
        d.get("language_chosen", False),
        d.get("stay_starts", ""),
    )


def _with_part(rows: Sequence[Document], part: str, sealer: FieldCipher) -> list[Reader]:
    readers = (read_reader(row, sealer) for row in rows)
    return [reader for reader in readers if reader.decrypt().contains(part)]


def _stay_document(stay: Visit | None) -> list[str] | None:
    return [stay.first.isoformat(), stay.last.isoformat()] if stay is not None else None
