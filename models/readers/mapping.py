"""Maps the reason of a suspension to a field of a document, with its words encrypted."""

from __future__ import annotations

from typing import Final

from models.readers.entities import SuspensionReason
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Document


class SuspensionReasonMapping:
    def __init__(self, collection: str, field: str, cipher: FieldCipher) -> None:
        self._texts: Final = FreeTexts(collection, cipher)
        self._words: Final = f"{field}.words"

    def document(self, reason: SuspensionReason | None) -> Document | None:
        if reason is None:
            return None
        return {
            "violations": reason.violations,
            "days": reason.days,
            "words": self._texts.seal(self._words, reason.words),
        }

    def read(self, document: Document | None) -> SuspensionReason | None:
        """The reason with its words decrypted; None for no reason. Raises: DecryptionError."""
        if not document:
            return None
        words = self._texts.open(self._words, document.get("words"))
        return SuspensionReason(document["violations"], document["days"], words)


def reader_reasons(cipher: FieldCipher) -> SuspensionReasonMapping:
    return SuspensionReasonMapping("readers", "suspended_for", cipher)
