"""Stores messages as documents."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.request_id import REQUEST_ID
from models.messages.entities import Message, Template
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document

DEFAULT_EXPIRY: Final = timedelta(hours=24)
"""A message without `expires_at` is not sent any more after this time."""


class MessageCollection:
    """The collection of messages. A text with words that a person typed is encrypted."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["messages"]
        self._texts = FreeTexts("messages", cipher)

    def _document(self, message: Message) -> Document:
        document = document_of(message)
        if message.typed or message.template is Template.ANSWER:
            document |= {"text": "", "typed": self._texts.seal("typed", message.text)}
        return document

    def _message(self, d: Document) -> Message:
        return Message(
            id=d["_id"],
            reader_id=ReaderId(d["reader"]),
            template=Template(d["template"]),
            title=d["title"],
            text=d["text"] or self._texts.open("typed", d.get("typed")),
            at=d["at"],
            facts=d["facts"],
            reservation_id=ReservationId(d["reservation"]) if d["reservation"] else None,
            expires_at=d["expires_at"],
            read=d["read"],
            request_id=d.get("request", ""),
            typed="typed" in d,
        )


def document_of(message: Message) -> Document:
    """The document of a message, with its text unencrypted."""
    return {
        "_id": message.id,
        "reader": message.reader_id,
        "template": message.template.value,
        "title": message.title,
        "text": message.text,
        "at": message.at,
        "facts": dict(message.facts),
        "reservation": message.reservation_id,
        "expires_at": message.expires_at,
        "read": False,
        "request": message.request_id or REQUEST_ID.get(),
    }
