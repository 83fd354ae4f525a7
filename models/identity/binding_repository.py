"""Which WeChat user is bound to which reader."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from models.identity.errors import AlreadyBound, ReaderBoundElsewhere
from models.kernel.ids import ReaderId
from models.storage.encryption import DecryptionError, FieldCipher
from models.storage.mongo import Database, Document, insert, new_id
from models.storage.mongo_errors import translate_errors


class BindingRepository:
    """Reader ↔ WeChat user, one to one, kept so by two unique indexes."""

    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._all = db["bindings"]
        self._sealer = sealer

    async def bind(
        self, reader_id: ReaderId, openid: str, unionid: str | None, now: datetime
    ) -> None:
        """Raises: AlreadyBound (the WeChat user is), ReaderBoundElsewhere (the reader is)."""
        hashes = self._sealer.hashes(openid, "openid")
        document: Document = {
            "_id": new_id(),
            "reader": reader_id,
            "openid": self._sealer.encrypt(openid, "openid"),
            "openid_hashes": hashes,
            "unionid_hashes": self._sealer.hashes(unionid, "unionid") if unionid else [],
            "bound_at": now,
        }
        with translate_errors():
            try:
                await insert(self._all, document)
            except DuplicateKeyError as error:
                details: Any = error.details or {}
                if "reader" in details.get("keyValue", {}):
                    raise ReaderBoundElsewhere() from error
                raise AlreadyBound() from error

    async def reader_of(self, openid: str) -> ReaderId | None:
        with translate_errors():
            found = await self._all.find_one(
                {"openid_hashes": {"$in": self._sealer.hashes(openid, "openid")}}, {"reader": 1}
            )
        return ReaderId(found["reader"]) if found else None

    async def reader_by_unionid(self, unionid: str) -> ReaderId | None:
        with translate_errors():
            found = await self._all.find_one(
                {"unionid_hashes": {"$in": self._sealer.hashes(unionid, "unionid")}}, {"reader": 1}
            )
        return ReaderId(found["reader"]) if found else None

    async def openids_of(self, reader_ids: Collection[ReaderId]) -> dict[ReaderId, str]:
        """The openids of those readers who are bound."""
        with translate_errors():
            rows = await self._all.find(
                {"reader": {"$in": list(reader_ids)}}, {"reader": 1, "openid": 1}
            ).to_list(None)
        found: dict[ReaderId, str] = {}
        for row in rows:
            # One that was not resealed before its key went: nobody can be reached there.
            with suppress(DecryptionError):
                found[ReaderId(row["reader"])] = self._sealer.decrypt(row["openid"], "openid")
        return found

    async def is_bound(self, reader_id: ReaderId) -> bool:
        with translate_errors():
            return await self._all.find_one({"reader": reader_id}, {"_id": 1}) is not None

    async def unbind(self, reader_id: ReaderId) -> bool:
        """True when there was a binding."""
        with translate_errors():
            result = await self._all.delete_one({"reader": reader_id})
        return result.deleted_count == 1

    async def reencrypt(self, limit: int) -> int:
        """As ``ReaderRepository.reencrypt``. A unionid is kept as a hash only: it is renewed at
        the next bind."""
        current = f"{self._sealer.current}:"
        with translate_errors():
            rows = (
                await self._all.find({"openid": {"$not": {"$regex": f"^{current}"}}})
                .limit(limit)
                .to_list(None)
            )
            for row in rows:
                openid = self._sealer.decrypt(row["openid"], "openid")
                await self._all.update_one(
                    {"_id": row["_id"], "openid": row["openid"]},
                    {
                        "$set": {
                            "openid": self._sealer.encrypt(openid, "openid"),
                            "openid_hashes": self._sealer.hashes(openid, "openid"),
                        }
                    },
                )
        return len(rows)
