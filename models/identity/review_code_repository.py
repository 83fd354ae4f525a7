"""Review codes: secrets of 128 bits, valid once, for WeChat's reviewers of the mini-program."""

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
    """A review code without its secret. ``live``: neither used nor revoked, but perhaps expired."""

    issued_at: datetime
    expires_at: datetime
    live: bool
    redeemed_at: datetime | None = None

    def is_usable(self, now: datetime) -> bool:
        return self.live and now < self.expires_at


class ReviewCodeRepository:
    """Stores at most one live code per reader. Its secret, stored as a hash, is shown only once."""

    def __init__(self, db: Database) -> None:
        self._all = db["review_codes"]

    async def issue(
        self, reader_id: ReaderId, secret: str, now: datetime, expires_at: datetime
    ) -> bool:
        """Stores ``secret`` as the reader's live review code; False if the reader has a live
        code. Raises: Unavailable, also if it is unknown whether the existing code will stay."""
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
        """Redeems a live code and returns its reader. None if wrong, used, revoked or expired."""
        with translate_errors():
            document = await self._all.find_one_and_update(
                {"secret": token_hash(secret), "live": True, "expires_at": {"$gt": now}},
                {"$set": {"live": False, "redeemed_at": now}},
            )
        return ReaderId(document["reader"]) if document else None

    async def revoke(self, reader_id: ReaderId) -> bool:
        """Revokes the reader's live code; False if there is none (perhaps it was just used)."""
        with translate_errors():
            result = await self._all.update_one(
                {"reader": reader_id, "live": True}, {"$set": {"live": False}}
            )
        return result.modified_count == 1

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """The reader of the live, unexpired code with this secret, or None. Redeems nothing."""
        with translate_errors():
            document = await self._all.find_one(
                {"secret": token_hash(secret), "live": True, "expires_at": {"$gt": now}},
                {"reader": 1},
            )
        return ReaderId(document["reader"]) if document else None

    async def is_any_live(self, now: datetime) -> bool:
        with translate_errors():
            document = await self._all.find_one(
                {"expires_at": {"$gt": now}, "live": True}, {"_id": 1}
            )
        return document is not None

    async def latest(self, reader_id: ReaderId) -> ReviewCode | None:
        """The reader's last review code, live or not; None if there was none."""
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
