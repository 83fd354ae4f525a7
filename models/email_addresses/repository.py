"""Readers' e-mail addresses, one document a reader; addresses are sealed."""

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
"""Guesses of the six digits of one request."""


class EmailAddressRepository:
    """Keeps at most one address, and one that waits for its code, for each reader."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["email_addresses"]
        self._cipher = cipher
        self._texts = FreeTexts("email_addresses", cipher)

    async def of(self, reader_id: ReaderId) -> EmailAddress:
        """The reader's address; an empty one where there is none."""
        with translate_errors():
            found = await self._all.find_one({"_id": reader_id})
        return self._address(found) if found else EmailAddress(reader_id)

    async def many(self, reader_ids: Collection[ReaderId]) -> dict[ReaderId, EmailAddress]:
        """Those of the readers who have an address."""
        with translate_errors():
            rows = await self._all.find(
                {"_id": {"$in": list(reader_ids)}, "address": {"$gt": ""}}
            ).to_list(None)
        return {ReaderId(row["_id"]): self._address(row) for row in rows}

    async def request(
        self, reader_id: ReaderId, address: str, code_hash: str, expires_at: datetime
    ) -> None:
        """The address waits for its code; another one that waited does so no more."""
        waiting = {
            "pending": self._texts.seal("pending", address),
            "email_code": code_hash,
            "code_until": expires_at,
            "code_tries": 0,
        }
        with translate_errors():
            await self._all.update_one(
                {"_id": reader_id},
                {"$set": waiting, "$setOnInsert": _nothing(reader_id)},
                upsert=True,
            )

    async def confirm(self, reader_id: ReaderId, code_hash: str, now: datetime) -> str | None:
        """The address that waited is the reader's from now on, where the code is right. A guess is
        counted before it is judged, so that many at once are no more guesses than one by one."""
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
        """The campus names this address. What the reader has decided stands above it."""
        hashes = self._cipher.hashes(address, "email")
        campus = {**self._stored(address), "source": AddressSource.CAMPUS.value}
        with translate_errors():
            known = await self._all.find_one({"_id": reader_id}, {"source": 1, "hashes": 1})
            if known is not None and (
                known["source"] != AddressSource.CAMPUS.value or known["hashes"] == hashes
            ):
                return
            try:
                await self._all.update_one(
                    {"_id": reader_id, "source": AddressSource.CAMPUS.value},
                    {"$set": campus, "$setOnInsert": {"reader": reader_id, "choices": {}}},
                    upsert=True,
                )
            except DuplicateKeyError:
                return  # the reader has decided in the same moment

    async def choose(
        self, reader_id: ReaderId, choices: dict[Template, bool]
    ) -> EmailAddress | None:
        """The reader switches kinds on or off; the others stay. None where there is no address."""
        fields = {f"choices.{template}": wanted for template, wanted in choices.items()}
        with translate_errors():
            found = await self._all.find_one_and_update(
                {"_id": reader_id, "address": {"$gt": ""}},
                {"$set": fields},
                return_document=ReturnDocument.AFTER,
            )
        return self._address(found) if found else None

    async def remove(self, reader_id: ReaderId) -> None:
        """No address any more, also where the campus names one."""
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
        """Nothing goes to that address any more, unless the reader has another one by now."""
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
            choices=KindChoices({Template(name): wanted for name, wanted in d["choices"].items()}),
            undeliverable=d["undeliverable"],
            pending=PendingAddress(self._texts.open("pending", waits), d["code_until"])
            if waits
            else None,
        )


def _nothing(reader_id: ReaderId) -> Document:
    """What stands beside the first address that waits for its code: the campus may still name one,
    as the reader has not decided yet."""
    return {
        "reader": reader_id,
        "address": "",
        "hashes": [],
        "source": AddressSource.CAMPUS.value,
        "choices": {},
        "undeliverable": False,
    }
