"""Encryption of the free texts that readers and staff type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pymongo

from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

FREE_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "feedback": ("text", "answer", "note", "openid"),
    "fault_reports": ("text", "answer"),
    "reservations": ("purpose", "answer"),
    "violations": ("appeal.text", "appeal.answer", "waiver.reason"),
    "suspensions": ("reason.words",),
    "readers": ("suspended_for.words",),
    "messages": ("typed", "typed_facts"),
    "audit": ("reason",),
    "email_addresses": ("address", "pending"),
    "opening_draws": ("secret",),
    "season_applications": ("salt",),
    "seasons": ("secret",),
    "second_factors": ("secret",),
}
"""The encrypted free-text fields by collection, used to rotate keys and export a reader's data."""
_ROTATION_S: Final = 3600.0
"""Seconds to search all free texts for old keys: no index covers the key version of a value."""


class FreeTexts:
    """Encrypts and decrypts the free texts of one collection. An empty text stays empty."""

    def __init__(self, collection: str, cipher: FieldCipher) -> None:
        self._cipher = cipher
        self._purposes = {field: f"{collection}.{field}" for field in FREE_TEXTS[collection]}

    def seal(self, field: str, text: str) -> str:
        return self._cipher.encrypt(text, self._purposes[field]) if text else ""

    def open(self, field: str, sealed: str | None) -> str:
        """Decrypts the stored text; empty if there is none. Raises: DecryptionError."""
        return self._cipher.decrypt(sealed, self._purposes[field]) if sealed else ""

    def open_all(self, document: Document) -> Document:
        """A copy of the document with its free texts decrypted. Raises: DecryptionError."""
        opened = dict(document)
        for field in self._purposes:
            outer, _, inner = field.rpartition(".")
            if outer and opened.get(outer):
                opened[outer] = dict(opened[outer])
            holder = opened.get(outer) if outer else opened
            if holder and inner in holder:
                holder[inner] = self.open(field, holder[inner])
        return opened


async def reencrypt_free_texts(db: Database, cipher: FieldCipher) -> int:
    """Re-encrypts texts stored under older keys; returns their number. Raises: Unavailable."""
    done = 0
    with translate_errors(), pymongo.timeout(_ROTATION_S):
        for collection, fields in FREE_TEXTS.items():
            texts = FreeTexts(collection, cipher)
            for field in fields:
                old = {"$type": "string", "$ne": "", "$not": {"$regex": f"^{cipher.current}:"}}
                async for row in db[collection].find({field: old}, {field: 1}):
                    sealed = _value(row, field)
                    renewed = texts.seal(field, texts.open(field, sealed))
                    await db[collection].update_one(
                        {"_id": row["_id"], field: sealed}, {"$set": {field: renewed}}
                    )
                    done += 1
    return done


def _value(row: Document, field: str) -> str:
    value: Any = row
    for name in field.split("."):
        value = value[name]
    return str(value)
