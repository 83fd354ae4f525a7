"""Sign-ons and tickets of the stand-in CAS server, in MongoDB so that all workers agree.

Expiry is judged by the caller's clock, never by mongod's: the sandbox's clock can be moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors


@dataclass(frozen=True, slots=True)
class GrantedTicket:
    """A service ticket: whom it names, for which service, and if the password was just typed."""

    id: str
    account: str
    service: str
    primary: bool


class SandboxCas:
    """Sign-ons (what the browser's cookie names) and the service tickets granted under them."""

    def __init__(self, database: Database) -> None:
        self._sign_ons = database["sandbox_cas_sign_ons"]
        self._tickets = database["sandbox_cas_tickets"]

    async def open_sign_on(self, sign_on: str, account: str, until: datetime) -> None:
        """Remember that a browser is signed in as ``account`` until then."""
        with translate_errors():
            await self._sign_ons.insert_one({"_id": sign_on, "account": account, "until": until})

    async def account_of(self, sign_on: str, now: datetime) -> str | None:
        """Who is signed in there, or None once it has ended."""
        with translate_errors():
            found = await self._sign_ons.find_one({"_id": sign_on, "until": {"$gt": now}})
        return None if found is None else str(found["account"])

    async def grant(self, ticket: GrantedTicket, sign_on: str, until: datetime) -> None:
        """Keep a ticket that may be redeemed once, until then."""
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
        """Use the ticket up; None for an unknown, used or late one, or one whose sign-on has ended.

        The document stays, used, because single logout names the ticket later.
        """
        with translate_errors():
            found = await self._tickets.find_one_and_update(
                {"_id": ticket, "redeemed_at": None, "until": {"$gt": now}},
                {"$set": {"redeemed_at": now}},
            )
        if found is None or await self.account_of(found["sign_on"], now) is None:
            return None
        return GrantedTicket(found["_id"], found["account"], found["service"], found["primary"])

    async def close_sign_on(self, sign_on: str) -> list[GrantedTicket]:
        """End it, and give the tickets whose services must hear of it; the second call gives none.

        The sign-on goes first, so that no ticket of it is good from that moment on.
        """
        with translate_errors():
            if await self._sign_ons.find_one_and_delete({"_id": sign_on}) is None:
                return []
            found = await self._tickets.find({"sign_on": sign_on}).to_list(None)
            await self._tickets.delete_many({"sign_on": sign_on})
        return [GrantedTicket(t["_id"], t["account"], t["service"], t["primary"]) for t in found]

    async def forget_ended(self, now: datetime) -> None:
        """Drop sign-ons that ran out, with their tickets; nobody is told, as with a real server."""
        with translate_errors():
            ended = await self._sign_ons.find({"until": {"$lte": now}}, {"_id": 1}).to_list(1000)
            ids = [sign_on["_id"] for sign_on in ended]
            await self._tickets.delete_many({"sign_on": {"$in": ids}})
            await self._sign_ons.delete_many({"_id": {"$in": ids}})

    async def reset(self) -> None:
        """Nobody is signed in, no ticket is good."""
        with translate_errors():
            await self._sign_ons.delete_many({})
            await self._tickets.delete_many({})
