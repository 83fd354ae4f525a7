from __future__ import annotations

import secrets
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.kernel.errors import Busy
from models.kiosks.entities import CHECK_WORDS, CODE_DIGITS, CODE_LIFETIME, PairingRequest
from models.kiosks.errors import KioskKeyChanged, PairingOver
from models.kiosks.keys import new_secret
from models.kiosks.repository import new_key
from models.library.entities import KioskId
from models.storage.encryption import FieldCipher, token_hash
from models.storage.mongo import Database, Document, new_id, previous_revisions
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import run_transaction

OF_A_NETWORK: Final = 10
"""At most this many requests of one network are stored at a time."""
SETTLED: Final = timedelta(minutes=2)
"""A request younger than this is not displaced: an administrator may be typing its code."""
AT_ONCE: Final = 1000
"""At most this many requests are stored. One more displaces one of the network with the most."""
_TRIES: Final = 8

INDEXES: Final = {
    "kiosk_pairings": [
        IndexModel([("code", ASCENDING)], name="code", unique=True),
        IndexModel([("secret_hash", ASCENDING)], name="secret", unique=True),
        IndexModel([("network", ASCENDING)], name="network"),
        IndexModel([("expires_at", ASCENDING)], name="expires_at"),
    ]
}


class PairingRepository:
    """The pairing requests. Each has as its unique id one of the ``OF_A_NETWORK`` numbered
    places of its network, so that a network has no more requests."""

    def __init__(self, db: Database, cipher: FieldCipher, at_once: int = AT_ONCE) -> None:
        self._db, self._cipher, self._at_once = db, cipher, at_once
        self._all = db["kiosk_pairings"]

    async def add(
        self, secret: str, browser: str, address: str, network: str, now: datetime
    ) -> PairingRequest:
        """Stores a screen's request. Raises: Busy if codes or the network's places are used up."""
        await self.prune(now)
        await self._make_room()
        hashed = self._cipher.hashes(network, "client address")[0]
        for _ in range(_TRIES):
            document = self._document(token_hash(secret), browser, address, hashed, now)
            place = await self._place_of(hashed, browser, now)
            try:
                with translate_errors():
                    await self._all.replace_one(place, document, upsert=True)
            except DuplicateKeyError:
                continue  # the code is shown already, or the place was taken this moment
            return self._request(document)
        raise Busy()

    def _document(
        self, secret_hash: str, browser: str, address: str, network: str, now: datetime
    ) -> Document:
        return {
            "request": new_id(),
            "secret_hash": secret_hash,
            "code": f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}",
            "check_word": secrets.randbelow(CHECK_WORDS),
            "browser": browser,
            "address": self._cipher.encrypt(address, "client address"),
            "network": network,
            "requested_at": now,
            "expires_at": now + CODE_LIFETIME,
            "kiosk": None,
        }

    async def _place_of(self, network: str, browser: str, now: datetime) -> Document:
        """A network has a limited number of places for pairing requests. Returns a filter for a
        free place or, if there is none, for the request to replace: an unconfirmed one before a
        confirmed one, among these an old one of the same kind of browser (probably the same
        screen). Raises: Busy if all requests are new."""
        with translate_errors():
            rows = await self._all.find({"network": network}).to_list(None)
        taken = {row["_id"] for row in rows}
        for number in range(OF_A_NETWORK):
            if (place := f"{network}:{number}") not in taken:
                return {"_id": place, "request": None}
        first = min(
            rows,
            key=lambda row: (
                row["kiosk"] is not None,
                now - row["requested_at"] < SETTLED,
                row["browser"] != browser,
                row["requested_at"],
            ),
        )
        if (left := first["requested_at"] + SETTLED - now) > timedelta():
            raise Busy(retry_after=left.total_seconds())
        return {"_id": first["_id"], "request": first["request"]}

    async def _make_room(self) -> None:
        """If ``AT_ONCE`` requests are stored, deletes the oldest one of the network that has the
        most. A real screen is nearly alone in its network; a flood of requests is not."""
        with translate_errors():
            if await self._all.count_documents({}) < self._at_once:
                return
            rows = (
                await self._all.find({"kiosk": None}, {"network": 1})
                .sort("requested_at")
                .to_list(None)
            )
            if rows:
                busiest = Counter(row["network"] for row in rows).most_common(1)[0][0]
                oldest = next(row for row in rows if row["network"] == busiest)
                await self._all.delete_one({"_id": oldest["_id"], "kiosk": None})

    async def by_secret(self, secret: str, now: datetime) -> PairingRequest | None:
        return await self._find({"secret_hash": token_hash(secret)}, now)

    async def by_code(self, code: str, now: datetime) -> PairingRequest | None:
        return await self._find({"code": code, "kiosk": None}, now)

    async def by_id(self, id: str, now: datetime) -> PairingRequest | None:
        return await self._find({"request": id, "kiosk": None}, now)

    async def _find(self, criteria: Document, now: datetime) -> PairingRequest | None:
        with translate_errors():
            document = await self._all.find_one({**criteria, "expires_at": {"$gt": now}})
        return self._request(document) if document else None

    async def pair(
        self, request: PairingRequest, kiosk_id: KioskId, rev: int, now: datetime
    ) -> None:
        """Makes the screen's secret the key of the kiosk, in one transaction. ``rev``: the
        ``KeyHolder.rev`` that the administrator saw. Raises: PairingOver, KioskKeyChanged;
        nothing has changed then."""
        secret = self._cipher.encrypt(new_secret(), "kiosk")

        async def work(session: Any) -> None:
            screen = await self._use_up(request, kiosk_id, now, session)
            if screen is None:
                raise PairingOver()
            key = new_key(screen["secret_hash"], secret, now, request.browser)
            if not await self._give_key(kiosk_id, rev, key, session):
                raise KioskKeyChanged()

        with translate_errors():
            await run_transaction(self._db, work)

    async def _use_up(
        self, request: PairingRequest, kiosk_id: KioskId, now: datetime, session: Any
    ) -> Document | None:
        """Marks the request as confirmed for the kiosk. Returns the request's document from
        before; None if the request has expired or was confirmed already."""
        screen: Document | None = await self._all.find_one_and_update(
            {"request": request.id, "kiosk": None, "expires_at": {"$gt": now}},
            {"$set": {"kiosk": kiosk_id, "expires_at": now + CODE_LIFETIME}},
            session=session,
        )
        return screen

    async def _give_key(self, kiosk_id: KioskId, rev: int, key: Document, session: Any) -> bool:
        """Writes the kiosk's key. False if the kiosk has a key newer than ``rev`` or is retired."""
        guard = {"key_rev": {"$in": previous_revisions(rev + 1)}, "retired": {"$ne": True}}
        result = await self._db["kiosks"].update_one(
            {"_id": kiosk_id, **guard}, key, session=session
        )
        return bool(result.matched_count)

    async def prune(self, now: datetime) -> None:
        with translate_errors():
            await self._all.delete_many({"expires_at": {"$lte": now}})

    def _request(self, d: Document) -> PairingRequest:
        return PairingRequest(
            d["request"],
            d["code"],
            d["check_word"],
            d["browser"],
            self._cipher.decrypt(d["address"], "client address"),
            d["requested_at"],
            d["expires_at"],
            KioskId(d["kiosk"]) if d["kiosk"] else None,
        )
