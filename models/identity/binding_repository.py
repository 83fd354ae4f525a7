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
    """Binds readers and WeChat users one to one, guarded by two unique indexes."""

    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._all = db["bindings"]
        self._sealer = sealer

    async def bind(
        self, reader_id: ReaderId, openid: str, unionid: str | None, now: datetime
    ) -> None:
        """Binds the reader and the WeChat user. Raises: AlreadyBound if the WeChat user is bound
        already, ReaderBoundElsewhere if the reader is."""
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
            binding = await self._all.find_one(
                {"openid_hashes": {"$in": self._sealer.hashes(openid, "openid")}}, {"reader": 1}
            )
        return ReaderId(binding["reader"]) if binding else None

    async def reader_by_unionid(self, unionid: str) -> ReaderId | None:
        with translate_errors():
            binding = await self._all.find_one(
                {"unionid_hashes": {"$in": self._sealer.hashes(unionid, "unionid")}}, {"reader": 1}
            )
        return ReaderId(binding["reader"]) if binding else None

    async def openids_of(self, reader_ids: Collection[ReaderId]) -> dict[ReaderId, str]:
        """The openids of the readers in ``reader_ids``; readers without a binding are left out."""
        with translate_errors():
            rows = await self._all.find(
                {"reader": {"$in": list(reader_ids)}}, {"reader": 1, "openid": 1}
            ).to_list(None)
        openids: dict[ReaderId, str] = {}
        for row in rows:
            # The key of an old value may be lost: that user cannot be reached.
            with suppress(DecryptionError):
                openids[ReaderId(row["reader"])] = self._sealer.decrypt(row["openid"], "openid")
        return openids

    async def is_bound(self, reader_id: ReaderId) -> bool:
        with translate_errors():
            return await self._all.find_one({"reader": reader_id}, {"_id": 1}) is not None

    async def unbind(self, reader_id: ReaderId) -> bool:
        """Removes the reader's binding; False if there was none."""
        with translate_errors():
            result = await self._all.delete_one({"reader": reader_id})
        return result.deleted_count == 1

    async def reencrypt(self, limit: int) -> int:
        """Re-encrypts openids stored under older keys; returns their number. A unionid is stored
        as a hash only, and gets a hash under the new key at the next binding."""
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
