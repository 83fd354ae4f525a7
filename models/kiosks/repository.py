from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

from models.kiosks.entities import KeyHolder
from models.library.entities import KioskId
from models.storage.encryption import FieldCipher, token_hash
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors


class KioskRepository:
    """The kiosks' keys, code secrets and last contacts. Names and venues are in the catalog."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._db, self._cipher = db, cipher

    async def issue_kiosk_key(
        self, kiosk_id: KioskId, key: str, secret: str, now: datetime | None = None
    ) -> bool:
        """Stores the kiosk's new key as a hash, and the secret of its codes encrypted. ``now``:
        when the key was issued. False if the kiosk is retired or deleted."""
        with translate_errors():
            result = await self._db["kiosks"].update_one(
                {"_id": kiosk_id, "retired": {"$ne": True}},
                new_key(token_hash(key), self._cipher.encrypt(secret, "kiosk"), now),
            )
        return bool(result.matched_count)

    async def key_holders(self) -> dict[KioskId, KeyHolder]:
        projection = {"key_since": 1, "key_browser": 1, "key_rev": 1}
        with translate_errors():
            rows = (
                await self._db["kiosks"]
                .find({"key_hash": {"$type": "string"}}, projection)
                .to_list(None)
            )
        return {KioskId(row["_id"]): _holder(row) for row in rows}

    async def kiosk_secret(self, kiosk_id: str) -> str | None:
        """The secret of the kiosk's codes; None if the kiosk is unknown or has no key."""
        with translate_errors():
            document = await self._db["kiosks"].find_one({"_id": kiosk_id}, {"secret": 1})
        encrypted = document.get("secret") if document else None
        return self._cipher.decrypt(encrypted, "kiosk") if encrypted else None

    async def kiosk_secrets(self, kiosk_ids: Iterable[KioskId]) -> dict[KioskId, str]:
        """The secrets of these kiosks' codes, without kiosks that have no key."""
        query: Document = {"_id": {"$in": [*kiosk_ids]}, "secret": {"$type": "string"}}
        with translate_errors():
            rows = await self._db["kiosks"].find(query, {"secret": 1}).to_list(None)
        return {KioskId(row["_id"]): self._cipher.decrypt(row["secret"], "kiosk") for row in rows}

    async def verify_kiosk_key(self, kiosk_id: str, key: str) -> bool:
        with translate_errors():
            document = await self._db["kiosks"].find_one({"_id": kiosk_id}, {"key_hash": 1})
        key_hash = (document or {}).get("key_hash") or ""
        return secrets.compare_digest(key_hash, token_hash(key))

    async def record_kiosk_seen(self, kiosk_id: KioskId, now: datetime, browser: str = "") -> None:
        change: Document = {"$max": {"last_seen_at": now}}
        if browser:
            change["$set"] = {"key_browser": browser}
        with translate_errors():
            await self._db["kiosks"].update_one({"_id": kiosk_id}, change)

    async def kiosk_last_seen(self) -> dict[KioskId, datetime]:
        with translate_errors():
            rows = (
                await self._db["kiosks"]
                .find(
                    {"last_seen_at": {"$type": "date"}, "retired": {"$ne": True}},
                    {"last_seen_at": 1},
                )
                .to_list(None)
            )
        return {KioskId(row["_id"]): row["last_seen_at"] for row in rows}

    async def reencrypt(self) -> int:
        """Re-encrypts code secrets that were encrypted with older keys; returns their number."""
        current = f"{self._cipher.current}:"
        with translate_errors():
            rows = await self._db["kiosks"].find({"secret": {"$type": "string"}}).to_list(None)
            stale = [row for row in rows if not row["secret"].startswith(current)]
            for row in stale:
                secret = self._cipher.decrypt(row["secret"], "kiosk")
                await self._db["kiosks"].update_one(
                    {"_id": row["_id"], "secret": row["secret"]},
                    {"$set": {"secret": self._cipher.encrypt(secret, "kiosk")}},
                )
        return len(stale)


def new_key(key_hash: str, secret: str, now: datetime | None, browser: str = "") -> Document:
    return {
        "$set": {
            "key_hash": key_hash,
            "secret": secret,
            "key_since": now,
            "key_browser": browser,
        },
        "$inc": {"key_rev": 1},
    }


def _holder(row: Document) -> KeyHolder:
    """The screen that has the kiosk's key. Keys issued by earlier versions have no date."""
    return KeyHolder(row.get("key_browser", ""), row.get("key_since"), row.get("key_rev", 0))
