"""Sign-ons and tickets of the stand-in CAS server, in MongoDB so that all workers agree. They
expire by the caller's clock, because the sandbox's clock can be moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors


@dataclass(frozen=True, slots=True)
class GrantedTicket:
    """A service ticket. ``primary``: whether the password was typed to get this very ticket."""

    id: str
    account: str
    service: str
    primary: bool


class SandboxCas:
    def __init__(self, database: Database) -> None:
        self._sign_ons = database["sandbox_cas_sign_ons"]
        self._tickets = database["sandbox_cas_tickets"]

    async def open_sign_on(self, sign_on: str, account: str, until: datetime) -> None:
        with translate_errors():
            await self._sign_ons.insert_one({"_id": sign_on, "account": account, "until": until})

    async def account_of(self, sign_on: str, now: datetime) -> str | None:
        """The account of the sign-on; None if it has ended."""
        with translate_errors():
            document = await self._sign_ons.find_one({"_id": sign_on, "until": {"$gt": now}})
        return None if document is None else str(document["account"])

    async def grant(self, ticket: GrantedTicket, sign_on: str, until: datetime) -> None:
        with translate_errors():
            await self._tickets.insert_one(
                {
                    "_id": ticket.id,
                    "sign_on": sign_on,
                    "account": ticket.account,
                    "service": ticket.service,
                    "primary": ticket.primary,
                    "until": until,
                    "redeemed_at": None,
                }
            )

    async def redeem(self, ticket: str, now: datetime) -> GrantedTicket | None:
        """Redeems the ticket; None if it is unknown, used or expired, or its sign-on has ended. The
        document is kept, because single logout names the ticket."""
        with translate_errors():
            document = await self._tickets.find_one_and_update(
                {"_id": ticket, "redeemed_at": None, "until": {"$gt": now}},
                {"$set": {"redeemed_at": now}},
            )
        if document is None or await self.account_of(document["sign_on"], now) is None:
            return None
        return GrantedTicket(
            document["_id"], document["account"], document["service"], document["primary"]
        )

    async def close_sign_on(self, sign_on: str) -> list[GrantedTicket]:
        """Ends the sign-on and its tickets. Returns the tickets, so that their services can be
        notified; a second call returns none."""
        with translate_errors():
            if await self._sign_ons.find_one_and_delete({"_id": sign_on}) is None:
                return []
            documents = await self._tickets.find({"sign_on": sign_on}).to_list(None)
            await self._tickets.delete_many({"sign_on": sign_on})
        return [
            GrantedTicket(t["_id"], t["account"], t["service"], t["primary"]) for t in documents
        ]

    async def forget_ended(self, now: datetime) -> None:
        """Deletes expired sign-ons and tickets. Like a real server, it notifies no services."""
        with translate_errors():
            ended = await self._sign_ons.find({"until": {"$lte": now}}, {"_id": 1}).to_list(1000)
            ids = [sign_on["_id"] for sign_on in ended]
            await self._tickets.delete_many({"sign_on": {"$in": ids}})
            await self._sign_ons.delete_many({"_id": {"$in": ids}})

    async def reset(self) -> None:
        with translate_errors():
            await self._sign_ons.delete_many({})
            await self._tickets.delete_many({})
