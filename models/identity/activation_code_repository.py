"""Activation codes, with which a reader binds a WeChat account. A code is valid once and has two
forms: six digits to type, and a secret of 128 bits to scan."""

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
    """A WeChat user who entered the right digits and waits for the reader's answer. Phone and
    web page show ``match_number``; ``confirmed`` is None until the reader answers."""

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
    """A live activation code: ``digits`` to type, ``secret`` (22 characters) to scan, and the
    request of a WeChat user who has typed the digits, if there is one."""

    digits: str
    secret: str
    expires_at: datetime
    request: BindingRequest | None


class ActivationCodeRepository:
    """Stores one live activation code per reader; the digits of live codes are unique. The
    secret is computed from the document's id and a data key, and stored as a hash only: a
    reloaded page shows the same QR code although the database does not contain the secret."""

    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._all = db["activation_codes"]
        self._sealer = sealer

    async def active_code(self, reader_id: ReaderId, now: datetime) -> LiveCode | None:
        with translate_errors():
            row = await self._all.find_one({"reader": reader_id, "live": True})
        if row is None or row["expires_at"] <= now:
            return None
        secret = self._secret(row["_id"])
        try:
            digits = self._sealer.decrypt(row["sealed"], "activation")
            if row.get("secret") is None:  # issued by a version whose codes were digits only
                await self._complete(row["_id"], secret)
            elif row["secret"] != token_hash(secret):
                raise DecryptionError("activation")
            return LiveCode(digits, secret, row["expires_at"], self._request(row))
        except DecryptionError:  # its key is lost: it can be neither shown nor redeemed
            await self.revoke(reader_id)
            return None

    async def issue(
        self, reader_id: ReaderId, code: str, now: datetime, expires_at: datetime
    ) -> bool:
        """Stores ``code`` (six digits) as the reader's activation code. False if a live code has
        these digits or belongs to the reader. Expired codes in the way are first marked as not
        live. Raises: Unavailable, also if it is unknown whether the conflicting code will stay."""
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
        """Adds the secret's hash to a live code lacking it. Concurrent calls write equal values."""
        with translate_errors():
            await self._all.update_one(
                {"_id": id, "live": True, "secret": None}, {"$set": {"secret": token_hash(secret)}}
            )

    async def revoke(self, reader_id: ReaderId) -> None:
        with translate_errors():
            await self._all.update_many(
                {"reader": reader_id, "live": True}, {"$set": {"live": False}}
            )

    async def discard(self, reader_id: ReaderId) -> None:
        """Deletes the reader's codes with their binding requests."""
        with translate_errors():
            await self._all.delete_many({"reader": reader_id})

    async def redeem(self, code: str, now: datetime) -> ReaderId | None:
        """Redeems a code by its digits, once; returns its reader. None if the digits are wrong,
        used or expired, or a WeChat user who typed them awaits the reader's answer."""
        return await self._use_up({"digits": self._digits(code), "request": None}, now)

    async def redeem_secret(self, secret: str, now: datetime) -> ReaderId | None:
        """Redeems a code by the secret on the reader's own screen; returns its reader, or None
        if the secret is wrong, used or expired. Ends a request of a user who typed the digits."""
        return await self._use_up({"secret": token_hash(secret)}, now)

    async def _use_up(self, code: Document, now: datetime) -> ReaderId | None:
        with translate_errors():
            row = await self._all.find_one_and_update(
                {**code, "live": True, "expires_at": {"$gt": now}},
                {"$set": {"live": False, "redeemed_at": now}},
            )
        return ReaderId(row["reader"]) if row else None

    async def reader_of(self, secret: str, now: datetime) -> ReaderId | None:
        """The reader of the live code with this secret, or None. The code is not redeemed."""
        with translate_errors():
            row = await self._all.find_one(
                {"secret": token_hash(secret), "live": True, "expires_at": {"$gt": now}},
                {"reader": 1},
            )
        return ReaderId(row["reader"]) if row else None

    # --- asked before it counts -------------------------------------------------------------------

    async def ask(
        self, code: str, openid: str, session_id: str, match_number: str, now: datetime
    ) -> BindingRequest | None:
        """The WeChat user's binding request for the code with these digits, stored if it is new.
        None if no live code has the digits, or if another user's request waits."""
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
            row = await self._all.find_one_and_update(
                {
                    "digits": self._digits(code),
                    "live": True,
                    "expires_at": {"$gt": now},
                    "$or": [{"request": None}, {"request.user": {"$in": user}}],
                },
                [{"$set": {"request": {"$ifNull": ["$request", {"$literal": request}]}}}],
                return_document=ReturnDocument.AFTER,
            )
        return self._request(row) if row else None

    async def answer(
        self, reader_id: ReaderId, request_id: str, confirmed: bool, now: datetime
    ) -> BindingRequest | None:
        """Stores the reader's first answer to a binding request, redeems the code and returns
        the request. If the same answer is repeated, returns the request again. None if the
        request is unknown or was answered differently, or its code is no longer valid."""
        mine: Document = {"reader": reader_id, "request.id": request_id}
        with translate_errors():
            row = await self._all.find_one_and_update(
                {**mine, "live": True, "expires_at": {"$gt": now}, "request.confirmed": None},
                {"$set": {"live": False, "redeemed_at": now, "request.confirmed": confirmed}},
                return_document=ReturnDocument.AFTER,
            )
            if row is None:  # the response to the first answer may have been lost
                row = await self._all.find_one(
                    {**mine, "request.confirmed": confirmed, "expires_at": {"$gt": now}}
                )
        return self._request(row) if row else None

    async def request_of(self, openid: str) -> BindingRequest | None:
        """The WeChat user's latest binding request, answered or not; None if there is none."""
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
        # With the oldest live key: a key rotation must not allow the same digits twice.
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
        except DecryptionError:  # its key is lost: the request cannot bind
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
