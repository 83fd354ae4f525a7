"""Review codes: 128 bits that let the WeChat user in who reviews the mini-program, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from models.kernel.ids import ReaderId
from models.storage.encryption import token_hash
from models.storage.mongo import Database, Document, insert_if_new, new_id
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "review_codes": [
        IndexModel([("secret", ASCENDING)], name="secret", unique=True),
        # Among live codes only: one reader has one.
        IndexModel(
            [("reader", ASCENDING)],
            name="live_reader",
            unique=True,
            partialFilterExpression={"live": True},
        ),
        IndexModel([("reader", ASCENDING), ("created_at", DESCENDING)], name="latest"),
        IndexModel([("expires_at", ASCENDING)], name="expires_at"),
    ],
}


@dataclass(frozen=True, slots=True)
class ReviewCode:
    """One that was issued; nothing can be opened with this. ``live``: it was neither used nor
    taken back; it may have expired."""

    issued_at: datetime
    expires_at: datetime
    live: bool
    redeemed_at: datetime | None = None

    def is_usable(self, now: datetime) -> bool:
        return self.live and now < self.expires_at


class ReviewCodeRepository:
    """One live code a reader, used up or taken back by one conditional update. Of each only its
    hash is stored, so it is shown when it is made, and never again."""

    def __init__(self, db: Database) -> None:
        self._all = db["review_codes"]

    async def issue(
        self, reader_id: ReaderId, secret: str, now: datetime, expires_at: datetime
    ) -> bool:
        """Make it the reader's live code. False where another one is.

        Raises: Unavailable, also where no majority holds what is in the way.
        """
        document: Document = {
            "_id": new_id(),
            "reader": reader_id,
            "secret": token_hash(secret),
            "live": True,
            "created_at": now,
            "expires_at": expires_at,
        }
        return await insert_if_new(self._all, document)

    async def redeem(self, secret: str, now: datetime) -> ReaderId | None:
        """Use it up: exactly one caller gets the reader. None where it is wrong, used, taken back
        or expired."""
        with translate_errors():
            found = await self._all.find_one_and_update(
                {"secret": token_hash(secret), "live": True, "expires_at": {"$gt": now}},
                {"$set": {"live": False, "redeemed_at": now}},
            )
        return ReaderId(found["reader"]) if found else None

    async def revoke(self, reader_id: ReaderId) -> bool:
        """Take the live code back. False where there is none, or it was used meanwhile."""
        with translate_errors():
            result = await self._all.update_one(
                {"reader": reader_id, "live": True}, {"$set": {"live": False}}
            )
        return result.modified_count == 1

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """Whose live code it is. Uses nothing up."""
        with translate_errors():
            found = await self._all.find_one(
                {"secret": token_hash(secret), "live": True, "expires_at": {"$gt": now}},
                {"reader": 1},
            )
        return ReaderId(found["reader"]) if found else None

    async def is_any_live(self, now: datetime) -> bool:
        """Whether anybody's code could be used now."""
        with translate_errors():
            found = await self._all.find_one({"expires_at": {"$gt": now}, "live": True}, {"_id": 1})
        return found is not None

    async def latest(self, reader_id: ReaderId) -> ReviewCode | None:
        """The reader's last code, whatever has become of it."""
        with translate_errors():
            rows = (
                await self._all.find({"reader": reader_id})
                .sort("created_at", DESCENDING)
                .limit(1)
                .to_list(None)
            )
        if not rows:
            return None
        d = rows[0]
        return ReviewCode(d["created_at"], d["expires_at"], d["live"], d.get("redeemed_at"))

    async def prune(self, before: datetime) -> int:
        with translate_errors():
            result = await self._all.delete_many({"expires_at": {"$lt": before}})
        return result.deleted_count
