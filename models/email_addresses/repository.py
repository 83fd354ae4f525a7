from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.email_addresses.entities import AddressSource, EmailAddress, PendingAddress
from models.kernel.ids import ReaderId
from models.messages.entities import KindChoices, Template
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {}
_WAITING: Final = ("pending", "email_code", "code_until", "code_tries")
MAX_TRIES: Final = 5
"""At most this many guesses of the digits that confirm a pending address."""


class EmailAddressRepository:
    """Stores one confirmed and one pending address per reader, encrypted."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["email_addresses"]
        self._cipher = cipher
        self._texts = FreeTexts("email_addresses", cipher)

    async def of(self, reader_id: ReaderId) -> EmailAddress:
        """The reader's address; an empty one if there is none."""
        with translate_errors():
            document = await self._all.find_one({"_id": reader_id})
        return self._address(document) if document else EmailAddress(reader_id)

    async def many(self, reader_ids: Collection[ReaderId]) -> dict[ReaderId, EmailAddress]:
        """The addresses by reader id. Readers without an address are left out."""
        with translate_errors():
            rows = await self._all.find(
                {"_id": {"$in": list(reader_ids)}, "address": {"$gt": ""}}
            ).to_list(None)
        return {ReaderId(row["_id"]): self._address(row) for row in rows}

    async def request(
        self, reader_id: ReaderId, address: str, code_hash: str, expires_at: datetime
    ) -> None:
        """Stores a pending address, replacing an earlier one."""
        waiting = {
            "pending": self._texts.seal("pending", address),
            "email_code": code_hash,
            "code_until": expires_at,
            "code_tries": 0,
        }
        with translate_errors():
            await self._all.update_one(
                {"_id": reader_id},
                {"$set": waiting, "$setOnInsert": _without_address(reader_id)},
                upsert=True,
            )

    async def confirm(self, reader_id: ReaderId, code_hash: str, now: datetime) -> str | None:
        """Confirms the pending address and returns it; None if the code is wrong. An attempt is
        counted before the check, so that simultaneous guesses count like successive ones."""
        waiting = {"_id": reader_id, "code_until": {"$gt": now}, "code_tries": {"$lt": MAX_TRIES}}
        with translate_errors():
            tried = await self._all.find_one_and_update(waiting, {"$inc": {"code_tries": 1}})
            if tried is None or tried.get("email_code") != code_hash:
                return None
            address = self._texts.open("pending", tried["pending"])
            taken = await self._all.update_one(
                {"_id": reader_id, "email_code": code_hash, "pending": tried["pending"]},
                {
                    "$set": {**self._stored(address), "source": AddressSource.READER.value},
                    "$unset": dict.fromkeys(
                        ("pending", "email_code", "code_until", "code_tries"), ""
                    ),
                },
            )
        return address if taken.matched_count else None

    async def follow_campus(self, reader_id: ReaderId, address: str) -> None:
        """Stores an address from the campus, unless the reader has entered or removed one."""
        hashes = self._cipher.hashes(address, "email")
        campus = {**self._stored(address), "source": AddressSource.CAMPUS.value}
        with translate_errors():
            stored = await self._all.find_one({"_id": reader_id}, {"source": 1, "hashes": 1})
            if stored is not None and (
                stored["source"] != AddressSource.CAMPUS.value or stored["hashes"] == hashes
            ):
                return
            try:
                await self._all.update_one(
                    {"_id": reader_id, "source": AddressSource.CAMPUS.value},
                    {"$set": campus, "$setOnInsert": {"reader": reader_id, "choices": {}}},
                    upsert=True,
                )
            except DuplicateKeyError:
                return  # the reader has entered or removed an address at the same moment

    async def choose(
        self, reader_id: ReaderId, choices: dict[Template, bool]
    ) -> EmailAddress | None:
        """Switches mails on (True) or off for kinds of messages. Returns the changed address;
        None if the reader has none."""
        fields = {f"choices.{template}": enabled for template, enabled in choices.items()}
        with translate_errors():
            document = await self._all.find_one_and_update(
                {"_id": reader_id, "address": {"$gt": ""}},
                {"$set": fields},
                return_document=ReturnDocument.AFTER,
            )
        return self._address(document) if document else None

    async def remove(self, reader_id: ReaderId) -> None:
        """Removes the reader's address. Later addresses from the campus are ignored."""
        with translate_errors():
            await self._all.update_one(
                {"_id": reader_id},
                {
                    "$set": {
                        "address": "",
                        "hashes": [],
                        "source": AddressSource.READER.value,
                        "undeliverable": False,
                    },
                    "$unset": dict.fromkeys(
                        ("pending", "email_code", "code_until", "code_tries"), ""
                    ),
                },
            )

    async def mark_undeliverable(self, reader_id: ReaderId, address: str) -> None:
        """Marks the address as undeliverable, if it is still the reader's."""
        with translate_errors():
            await self._all.update_one(
                {"_id": reader_id, "hashes": {"$in": self._cipher.hashes(address, "email")}},
                {"$set": {"undeliverable": True}},
            )

    def _stored(self, address: str) -> Document:
        return {
            "address": self._texts.seal("address", address),
            "hashes": self._cipher.hashes(address, "email"),
            "undeliverable": False,
        }

    def _address(self, d: Document) -> EmailAddress:
        waits = d.get("pending")
        return EmailAddress(
            reader_id=ReaderId(d["_id"]),
            address=self._texts.open("address", d.get("address")),
            source=AddressSource(d["source"]),
            choices=KindChoices(
                {Template(name): enabled for name, enabled in d["choices"].items()}
            ),
            undeliverable=d["undeliverable"],
            pending=PendingAddress(self._texts.open("pending", waits), d["code_until"])
            if waits
            else None,
        )


def _without_address(reader_id: ReaderId) -> Document:
    """The fields of a reader's new document besides those of the pending address. No address is
    confirmed yet, so the campus may still name one."""
    return {
        "reader": reader_id,
        "address": "",
        "hashes": [],
        "source": AddressSource.CAMPUS.value,
        "choices": {},
        "undeliverable": False,
    }
