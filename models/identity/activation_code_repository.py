"""Activation codes: six digits and 128 bits that let a WeChat user in, once."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from models.kernel.ids import ReaderId
from models.storage.encryption import DecryptionError, FieldCipher, token_hash
from models.storage.mongo import Database, Document, insert_if_new, new_id
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "activation_codes": [
        # Among live codes only: two readers never share six digits, one reader has one code.
        IndexModel(
            [("digits", ASCENDING)],
            name="live_digits",
            unique=True,
            partialFilterExpression={"live": True},
        ),
        IndexModel(
            [("reader", ASCENDING)],
            name="live_reader",
            unique=True,
            partialFilterExpression={"live": True},
        ),
        IndexModel(
            [("secret", ASCENDING)],
            name="live_secret",
            partialFilterExpression={"live": True},
        ),
        IndexModel([("request.user", ASCENDING)], name="request_user", sparse=True),
        IndexModel([("request.id", ASCENDING)], name="request_id", sparse=True),
        IndexModel([("expires_at", ASCENDING)], name="expires_at"),
    ],
}
_SECRET_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A WeChat user who gave the right digits and waits for the reader's answer.

    ``match_number`` is shown on both screens, for the reader to compare. ``session_id`` is the
    WeChat session that asked. ``confirmed`` is None until the reader has answered.
    """

    id: str
    match_number: str
    openid: str
    session_id: str
    at: datetime
    expires_at: datetime
    live: bool = True
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class LiveCode:
    """``digits`` to type, ``secret`` (128 bits, 22 characters) to scan, and who waits, if any."""

    digits: str
    secret: str
    expires_at: datetime
    request: BindingRequest | None


class ActivationCodeRepository:
    """One live code a reader, no digits twice. Each is used up by one conditional update.

    Of the secret only its hash is stored: it is made of the document's id under the data key, so
    that a page that is loaded again shows the same picture.
    """

    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._all = db["activation_codes"]
        self._sealer = sealer

    async def active_code(self, reader_id: ReaderId, now: datetime) -> LiveCode | None:
        """The reader's live code."""
        with translate_errors():
            found = await self._all.find_one({"reader": reader_id, "live": True})
        if found is None or found["expires_at"] <= now:
            return None
        secret = self._secret(found["_id"])
        try:
            digits = self._sealer.decrypt(found["sealed"], "activation")
            if found.get("secret") is None:  # issued by a version whose codes were digits only
                await self._complete(found["_id"], secret)
            elif found["secret"] != token_hash(secret):
                raise DecryptionError("activation")
            return LiveCode(digits, secret, found["expires_at"], self._request(found))
        except DecryptionError:  # its key has gone: it can be neither shown nor redeemed
            await self.revoke(reader_id)
            return None

    async def issue(
        self, reader_id: ReaderId, code: str, now: datetime, expires_at: datetime
    ) -> bool:
        """Make ``code`` the reader's live one. False when another holds the digits or came first.

        Expired codes stop being live here too, so that they never block the digits.

        Raises: Unavailable, also where no majority holds what is in the way.
        """
        id, digits = new_id(), self._digits(code)
        with translate_errors():
            await self._all.update_many(
                {
                    "live": True,
                    "expires_at": {"$lte": now},
                    "$or": [{"digits": digits}, {"reader": reader_id}],
                },
                {"$set": {"live": False}},
            )
        return await insert_if_new(
            self._all,
            {
                "_id": id,
                "reader": reader_id,
                "digits": digits,
                "sealed": self._sealer.encrypt(code, "activation"),
                "secret": token_hash(self._secret(id)),
                "live": True,
                "created_at": now,
                "expires_at": expires_at,
            },
        )

    async def _complete(self, id: str, secret: str) -> None:
        """Give the live code its secret. Whoever else does so gives it the same."""
        with translate_errors():
            await self._all.update_one(
                {"_id": id, "live": True, "secret": None}, {"$set": {"secret": token_hash(secret)}}
            )

    async def revoke(self, reader_id: ReaderId) -> None:
        """The reader's live code, if any, is live no more."""
        with translate_errors():
            await self._all.update_many(
                {"reader": reader_id, "live": True}, {"$set": {"live": False}}
            )

    async def discard(self, reader_id: ReaderId) -> None:
        """Delete the reader's codes with what was asked and answered."""
        with translate_errors():
            await self._all.delete_many({"reader": reader_id})

    async def redeem(self, code: str, now: datetime) -> ReaderId | None:
        """Use the digits up: exactly one caller gets the reader. None for wrong, used and expired
        digits, and for those with which a WeChat user waits for the reader's answer."""
        return await self._use_up({"digits": self._digits(code), "request": None}, now)

    async def redeem_secret(self, secret: str, now: datetime) -> ReaderId | None:
        """The same by the secret. It comes from the reader's own screen, so a user who waits with
        the digits waits for nothing from now on."""
        return await self._use_up({"secret": token_hash(secret)}, now)

    async def _use_up(self, code: Document, now: datetime) -> ReaderId | None:
        with translate_errors():
            found = await self._all.find_one_and_update(
                {**code, "live": True, "expires_at": {"$gt": now}},
                {"$set": {"live": False, "redeemed_at": now}},
            )
        return ReaderId(found["reader"]) if found else None

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """Whose live secret it is. Uses nothing up."""
        with translate_errors():
            found = await self._all.find_one(
                {"secret": token_hash(secret), "live": True, "expires_at": {"$gt": now}},
                {"reader": 1},
            )
        return ReaderId(found["reader"]) if found else None

    # --- asked before it counts -------------------------------------------------------------------

    async def ask(
        self, code: str, openid: str, session_id: str, match_number: str, now: datetime
    ) -> BindingRequest | None:
        """Let the WeChat user wait for the reader's answer: one user a code, the first. The same
        user finds their request again. None where the digits fit no live code, or another waits.
        """
        user = self._sealer.hashes(openid, "openid")
        request: Document = {
            "id": new_id(),
            "match_number": match_number,
            "user": user,
            "openid": self._sealer.encrypt(openid, "request"),
            "session": session_id,
            "at": now,
            "confirmed": None,
        }
        with translate_errors():
            found = await self._all.find_one_and_update(
                {
                    "digits": self._digits(code),
                    "live": True,
                    "expires_at": {"$gt": now},
                    "$or": [{"request": None}, {"request.user": {"$in": user}}],
                },
                [{"$set": {"request": {"$ifNull": ["$request", {"$literal": request}]}}}],
                return_document=ReturnDocument.AFTER,
            )
        return self._request(found) if found else None

    async def answer(
        self, reader_id: ReaderId, request_id: str, confirmed: bool, now: datetime
    ) -> BindingRequest | None:
        """The reader's answer, which uses the code up: the first one counts. Repeated, it finds
        itself again. None where there is no such request, where it was answered otherwise, and
        where its code has been used, replaced, or has expired."""
        mine: Document = {"reader": reader_id, "request.id": request_id}
        with translate_errors():
            found = await self._all.find_one_and_update(
                {**mine, "live": True, "expires_at": {"$gt": now}, "request.confirmed": None},
                {"$set": {"live": False, "redeemed_at": now, "request.confirmed": confirmed}},
                return_document=ReturnDocument.AFTER,
            )
            if found is None:  # the answer to the first one may have been lost
                found = await self._all.find_one(
                    {**mine, "request.confirmed": confirmed, "expires_at": {"$gt": now}}
                )
        return self._request(found) if found else None

    async def request_of(self, openid: str) -> BindingRequest | None:
        """The WeChat user's latest request, answered or not."""
        hashes = self._sealer.hashes(openid, "openid")
        with translate_errors():
            rows = (
                await self._all.find({"request.user": {"$in": hashes}})
                .sort("request.at", DESCENDING)
                .limit(1)
                .to_list(None)
            )
        return self._request(rows[0]) if rows else None

    async def prune(self, before: datetime) -> int:
        with translate_errors():
            result = await self._all.delete_many({"expires_at": {"$lt": before}})
        return result.deleted_count

    def _digits(self, code: str) -> str:
        # Under the oldest live key: a rotation must not let the same digits live twice.
        return self._sealer.hashes(code, "activation")[-1]

    def _secret(self, id: str) -> str:
        mac = bytes.fromhex(self._sealer.hashes(id, "activation secret")[-1].partition(":")[2])
        return urlsafe_b64encode(mac[:_SECRET_BYTES]).rstrip(b"=").decode()

    def _request(self, d: Document) -> BindingRequest | None:
        request = d.get("request")
        if request is None:
            return None
        try:
            openid = self._sealer.decrypt(request["openid"], "request")
        except DecryptionError:  # its key has gone: nobody can be bound by it
            return None
        return BindingRequest(
            request["id"],
            request["match_number"],
            openid,
            request["session"],
            request["at"],
            d["expires_at"],
            d["live"],
            request["confirmed"],
        )
