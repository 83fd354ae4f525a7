"""Second factors of the staff: encrypted authenticator secrets, and hashes of recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import IndexModel

from models.kernel.ids import ReaderId
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.encryption import FieldCipher, token_hash
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document, insert_if_new
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {}


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A confirmed secret of an authenticator app, and the number of recovery codes left."""

    secret: str
    recovery_codes: int


def attempt_limits(reader_id: ReaderId) -> list[AttemptLimit]:
    """The limits of wrong codes by a reader: 5 in 15 minutes, 20 in a day."""
    return [
        AttemptLimit(f"second factor {reader_id}", 5, timedelta(minutes=15)),
        AttemptLimit(f"second factor {reader_id} day", 20, timedelta(days=1)),
    ]


class SecondFactorRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["second_factors"]
        self._texts = FreeTexts("second_factors", cipher)
        self._attempts = AttemptLimiter(db)

    async def of(self, reader_id: ReaderId) -> SecondFactor | None:
        """The reader's second factor; None if the reader has not set one up."""
        with translate_errors():
            document = await self._all.find_one({"_id": reader_id})
        if document is None:
            return None
        return SecondFactor(
            self._texts.open("secret", document.get("secret")), len(document["hashes"])
        )

    async def put(
        self,
        reader_id: ReaderId,
        secret: str,
        recovery_codes: Sequence[str],
        step: int,
        now: datetime,
        *,
        replace: bool = False,
    ) -> bool:
        """Stores a second factor. ``step``: the number of the 30-second interval whose code
        confirmed it and is used up. False if the reader has a factor and ``replace`` is False."""
        document: Document = {
            "_id": reader_id,
            "reader": reader_id,
            "secret": self._texts.seal("secret", secret),
            "hashes": [token_hash(code) for code in recovery_codes],
            "last_step": step,
            "at": now,
        }
        if not replace:
            return await insert_if_new(self._all, document)
        with translate_errors():
            await self._all.replace_one({"_id": reader_id}, document, upsert=True)
        return True

    async def use_step(self, reader_id: ReaderId, step: int) -> bool:
        """Marks the code of interval ``step`` as used; False if this or a later code was used."""
        with translate_errors():
            used = await self._all.update_one(
                {"_id": reader_id, "last_step": {"$lt": step}}, {"$set": {"last_step": step}}
            )
        return used.matched_count > 0

    async def use_recovery_code(self, reader_id: ReaderId, code: str) -> bool:
        """Redeems one of the reader's recovery codes; False if it is wrong or used."""
        mark = token_hash(code)
        with translate_errors():
            used = await self._all.update_one(
                {"_id": reader_id, "hashes": mark}, {"$pull": {"hashes": mark}}
            )
        return used.matched_count > 0

    async def remove(self, reader_id: ReaderId) -> bool:
        """Removes a second factor and its counts of wrong codes; False if the reader had none."""
        with translate_errors():
            removed = await self._all.delete_one({"_id": reader_id})
        await self._attempts.forget(attempt_limits(reader_id))
        return removed.deleted_count > 0
