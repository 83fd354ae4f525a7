"""Stores messages as documents."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from languages.text import Text, document_of, text_of
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.request_id import REQUEST_ID
from models.messages.entities import Message, Template
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document

DEFAULT_EXPIRY: Final = timedelta(hours=24)
"""A message without `expires_at` is not sent any more after this time."""


class MessageCollection:
    """The collection of messages. A text with words that a person typed is encrypted. Title and
    text are stored in Chinese; their facts, from which they are said in other languages, are in
    ``title_facts`` and ``text_facts``, of an encrypted text in ``typed_facts``."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["messages"]
        self._texts = FreeTexts("messages", cipher)

    def _document(self, message: Message) -> Document:
        document = message_document(message)
        if message.typed or message.template is Template.ANSWER:
            document |= {"text": "", "typed": self._texts.seal("typed", message.text)}
            if facts := document.pop("text_facts", None):
                sealed = self._texts.seal("typed_facts", json.dumps(facts, ensure_ascii=False))
                document["typed_facts"] = sealed
        return document

    def _message(self, d: Document) -> Message:
        facts = self._texts.open("typed_facts", d.get("typed_facts"))
        return Message(
            id=d["_id"],
            reader_id=ReaderId(d["reader"]),
            template=Template(d["template"]),
            title=_text(d["title"], d.get("title_facts")),
            text=_text(
                d["text"] or self._texts.open("typed", d.get("typed")),
                json.loads(facts) if facts else d.get("text_facts"),
            ),
            at=d["at"],
            facts=d["facts"],
            reservation_id=ReservationId(d["reservation"]) if d["reservation"] else None,
            expires_at=d["expires_at"],
            read=d["read"],
            request_id=d.get("request", ""),
            typed="typed" in d,
        )


def _text(chinese: str, facts: dict[str, Any] | None) -> str:
    return text_of(chinese, facts) if facts else chinese


def message_document(message: Message) -> Document:
    """The document of a message, with its text unencrypted."""
    texts = {"title_facts": message.title, "text_facts": message.text}
    return {
        **{name: document_of(text) for name, text in texts.items() if isinstance(text, Text)},
        "_id": message.id,
        "reader": message.reader_id,
        "template": message.template.value,
        "title": str(message.title),
        "text": str(message.text),
        "at": message.at,
        "facts": dict(message.facts),
        "reservation": message.reservation_id,
        "expires_at": message.expires_at,
        "read": False,
        "request": message.request_id or REQUEST_ID.get(),
    }
