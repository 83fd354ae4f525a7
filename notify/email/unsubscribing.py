"""Links by which a reader switches mails off without signing in. The encrypted token in them
names the reader and the kind of mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from models.kernel.ids import ReaderId
from models.messages.entities import Template
from models.storage.encryption import DecryptionError, FieldCipher

PATH: Final = "/email/unsubscribe"
_PURPOSE: Final = "unsubscribe"


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    cipher: FieldCipher
    base_url: str

    def of(self, reader_id: ReaderId, template: Template) -> str:
        sealed = self.cipher.encrypt(f"{reader_id} {template}", _PURPOSE)
        return f"{self.base_url}{PATH}?t={quote(sealed, safe='')}"

    def read(self, token: str) -> tuple[ReaderId, Template] | None:
        """The reader and kind of mail that a link's token names; None if the token is invalid."""
        try:
            reader, _, name = self.cipher.decrypt(token, _PURPOSE).partition(" ")
            return ReaderId(reader), Template(name)
        except (DecryptionError, ValueError):
            return None
