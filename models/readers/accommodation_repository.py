"""Accommodations of readers, encrypted since they reveal a reader's needs."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from models.kernel.ids import ReaderId
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.storage.encryption import DecryptionError, FieldCipher
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction

INDEXES: Final = {
    "accommodations": [IndexModel([("reader", ASCENDING)], name="reader", unique=True)]
}
_PURPOSE: Final = "allowance"


async def allowances_changed(db: Database, session: Any = None) -> None:
    """Increments the version of the accommodations, so that every worker loads them again."""
    await db["versions"].update_one(
        {"_id": "accommodations"}, {"$inc": {"number": 1}}, upsert=True, session=session
    )


class AccommodationRepository:
    """Stores the accommodations, which are few: workers cache all of them."""

    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._all = db["accommodations"]
        self._db = db
        self._sealer = sealer

    async def replace(self, reader_id: ReaderId, was: Accommodation, new: Accommodation) -> bool:
        """Replaces a reader's accommodation ``was`` by ``new``; False if ``was`` is not stored."""
        with translate_errors():
            row = await self._all.find_one({"_id": reader_id})
        if (self._opened(row["allowance"]) if row else NO_ACCOMMODATION) != was:
            return False

        async def work(session: Any) -> None:
            await self._write(reader_id, row["allowance"] if row else None, new, session)
            await allowances_changed(self._db, session)

        return await try_transaction(self._db, work)

    async def _write(
        self, reader_id: ReaderId, sealed: str | None, new: Accommodation, session: Any
    ) -> None:
        """Writes ``new`` in place of the stored encrypted value ``sealed`` (None: there is
        none). Raises: ConcurrentUpdate, DuplicateKeyError if another value is stored by now."""
        document: Document = {
            "_id": reader_id,
            "reader": reader_id,
            "allowance": self._sealer.encrypt(_text(new), _PURPOSE),
        }
        current = {"_id": reader_id, "allowance": sealed}
        if sealed is None:
            if new != NO_ACCOMMODATION:
                await self._all.insert_one(document, session=session)
        elif new == NO_ACCOMMODATION:
            result = await self._all.delete_one(current, session=session)
            if not result.deleted_count:
                raise ConcurrentUpdate
        else:
            done = await self._all.replace_one(current, document, session=session)
            if not done.matched_count:
                raise ConcurrentUpdate

    def _opened(self, sealed: str) -> Accommodation:
        try:
            return _allowance(self._sealer.decrypt(sealed, _PURPOSE))
        except DecryptionError:
            return NO_ACCOMMODATION  # its key is lost: it has to be granted again

    async def all(self) -> dict[ReaderId, Accommodation]:
        with translate_errors():
            rows = await self._all.find().to_list(None)
        return {ReaderId(row["reader"]): self._opened(row["allowance"]) for row in rows}

    async def reencrypt(self) -> int:
        """Re-encrypts accommodations stored under older keys; returns their number."""
        current, done = f"{self._sealer.current}:", 0
        with translate_errors():
            async for row in self._all.find({"allowance": {"$not": {"$regex": f"^{current}"}}}):
                text = self._sealer.decrypt(row["allowance"], _PURPOSE)
                await self._all.update_one(
                    {"_id": row["_id"], "allowance": row["allowance"]},
                    {"$set": {"allowance": self._sealer.encrypt(text, _PURPOSE)}},
                )
                done += 1
        return done


def _text(a: Accommodation) -> str:
    return json.dumps(
        [a.accessible, a.check_in_minutes, a.leave_minutes, a.until and a.until.isoformat()]
    )


def _allowance(text: str) -> Accommodation:
    accessible, check_in, leave, until = json.loads(text)
    return Accommodation(accessible, check_in, leave, date.fromisoformat(until) if until else None)
