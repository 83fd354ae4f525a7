"""State of the stand-in WeChat API, in MongoDB so that all workers agree. It expires by the
caller's clock, because the sandbox's clock can be moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from miniapp_server.sandbox.faults import FaultMode
from miniapp_server.sandbox.wechat_conversations import SandboxConversations
from models.storage.mongo import Collection, Database
from models.storage.mongo_errors import translate_errors

# WeChat: a token lives 7200 s; once replaced, it lives 300 s at most.
_TOKEN_LIFE: Final = timedelta(seconds=7200)
_OVERLAP: Final = timedelta(seconds=300)
# A send that never ended (its worker was killed) blocks its reader for this long.
_SEND_LEASE: Final = timedelta(seconds=60)
# msgSecCheck accepts texts only of users who were in the mini-program this recently.
_LATELY: Final = timedelta(hours=2)
_EVERY_TIME: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Delivered:
    msgid: str
    openid: str
    template: str
    template_id: str
    page: str
    data: Mapping[str, str]
    at: datetime


class SandboxWeChat:
    def __init__(self, database: Database) -> None:
        self._codes = database["sandbox_wechat_codes"]
        self._tokens = database["sandbox_wechat_tokens"]
        self._current = database["sandbox_wechat_current_tokens"]
        self._credits = database["sandbox_wechat_credits"]
        self._sending = database["sandbox_wechat_sending"]
        self._inbox = database["sandbox_wechat_inbox"]
        self._counters = database["sandbox_wechat_counters"]
        self._modes = database["sandbox_wechat_modes"]
        self._menus = database["sandbox_wechat_menus"]
        self.conversations = SandboxConversations(database)

    async def reset(self) -> None:
        with translate_errors():
            for collection in self._all():
                await collection.delete_many({})

    def _all(self) -> tuple[Collection, ...]:
        return (
            self._codes,
            self._tokens,
            self._current,
            self._credits,
            self._sending,
            self._inbox,
            self._counters,
            self._modes,
            self._menus,
            self.conversations.all,
        )

    # Codes

    async def use_code(self, js_code: str, openid: str, now: datetime) -> bool:
        """Records a login code's use and its user's mini-program visit. True on the first use."""
        return await self._insert_once(self._codes, {"_id": js_code, "openid": openid, "at": now})

    async def was_here(self, openid: str, now: datetime) -> bool:
        """Whether the user was in the mini-program in the last two hours."""
        lately = {"$gt": now - _LATELY, "$lte": now}
        with translate_errors():
            code = await self._codes.find_one({"openid": openid, "at": lately}, {"_id": 1})
        return code is not None

    # Tokens

    async def token(
        self, account: str, fresh: str, now: datetime, *, renew: bool
    ) -> tuple[str, int]:
        """The account's current token and its remaining seconds.

        Without ``renew`` this is the stored token if it has more than 300 s left. Otherwise
        ``fresh`` replaces it, and the old token keeps its remaining life. With ``renew`` ``fresh``
        always replaces it, and the old token lives for 300 s at most. If two workers replace a
        token concurrently, both get the same one of the new tokens.
        """
        with translate_errors():
            current = await self._current.find_one({"_id": account})
            if current is not None and not renew:
                left = current["until"] - now
                # A longer life means that the clock was moved back.
                if _OVERLAP < left <= _TOKEN_LIFE:
                    return str(current["token"]), int(left.total_seconds())
            until = now + _TOKEN_LIFE
            await self._tokens.insert_one({"_id": fresh, "account": account, "until": until})
            won: dict[str, Any] | None = None
            # Guarded by the token just read: two concurrent renewals agree on one new token.
            guard = {"_id": account, "token": None if current is None else current["token"]}
            try:
                won = await self._current.find_one_and_update(
                    guard,
                    {"$set": {"token": fresh, "until": until}},
                    upsert=current is None,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                won = None
            if won is None:
                await self._tokens.delete_one({"_id": fresh})
                winner = await self._current.find_one({"_id": account})
                assert winner is not None  # current tokens are only ever replaced
                return str(winner["token"]), int((winner["until"] - now).total_seconds())
            if current is not None and renew:
                await self._tokens.update_one(
                    {"_id": current["token"], "until": {"$gt": now + _OVERLAP}},
                    {"$set": {"until": now + _OVERLAP}},
                )
        return fresh, int(_TOKEN_LIFE.total_seconds())

    async def token_state(self, token: str, now: datetime) -> tuple[str, bool] | None:
        """The token's account, and whether the token is valid; None if it was never issued."""
        with translate_errors():
            document = await self._tokens.find_one({"_id": token})
        return None if document is None else (str(document["account"]), document["until"] > now)

    # Consent

    async def grant(self, openid: str, template_id: str, times: int = 1) -> None:
        with translate_errors():
            await self._credits.update_one(
                {"_id": f"{openid}|{template_id}"}, {"$inc": {"left": times}}, upsert=True
            )

    async def withdraw(self, openid: str, template_id: str) -> None:
        with translate_errors():
            await self._credits.delete_one({"_id": f"{openid}|{template_id}"})

    async def spend(self, openid: str, template_id: str, times: int = 1) -> bool:
        """Uses up ``times`` of a reader's consents to a template (0 for a long-term template,
        whose consent stays). False if the reader has given no consent."""
        with translate_errors():
            consent = await self._credits.find_one_and_update(
                {"_id": f"{openid}|{template_id}", "left": {"$gt": 0}}, {"$inc": {"left": -times}}
            )
        return consent is not None

    async def begin_send(self, openid: str, send: str, now: datetime) -> bool:
        """Begins to send a reader a message; False while another message to them is being sent."""
        free = {"$or": [{"at": {"$lte": now - _SEND_LEASE}}, {"at": {"$gt": now}}]}
        with translate_errors():
            try:
                await self._sending.update_one(
                    {"_id": openid, **free}, {"$set": {"send": send, "at": now}}, upsert=True
                )
            except DuplicateKeyError:
                return False
        return True

    async def end_send(self, openid: str, send: str) -> None:
        with translate_errors():
            await self._sending.delete_one({"_id": openid, "send": send})

    # Inbox

    async def deliver(
        self,
        openid: str,
        template: str,
        template_id: str,
        page: str,
        data: Mapping[str, str],
        at: datetime,
    ) -> str:
        """Puts a message into the reader's inbox; returns its msgid, a growing decimal number."""
        with translate_errors():
            counter = await self._counters.find_one_and_update(
                {"_id": "inbox"},
                {"$inc": {"n": 1}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            assert counter is not None  # upserted
            # msgids are 64-bit numbers of 19 digits.
            msgid = str(3_000_000_000_000_000_000 + int(counter["n"]))
            await self._inbox.insert_one(
                {
                    "_id": msgid,
                    "openid": openid,
                    "template": template,
                    "template_id": template_id,
                    "page": page,
                    # A list, as keys come from the sender and must not become field names.
                    "data": [{"key": key, "value": value} for key, value in data.items()],
                    "at": at,
                }
            )
        return msgid

    async def inbox(self, openid: str | None = None) -> list[Delivered]:
        """The messages delivered to one reader, or to all, oldest first."""
        query = {} if openid is None else {"openid": openid}
        with translate_errors():
            items = await self._inbox.find(query).sort("_id", 1).to_list(None)
        return [
            Delivered(
                msgid=item["_id"],
                openid=item["openid"],
                template=item["template"],
                template_id=item["template_id"],
                page=item["page"],
                data={pair["key"]: pair["value"] for pair in item["data"]},
                at=item["at"],
            )
            for item in items
        ]

    # Modes

    async def set_modes(self, modes: Mapping[str, tuple[FaultMode, int | None]]) -> None:
        """Replaces all simulated faults. ``modes``: by endpoint (``*`` for all) the fault and
        the number of calls to which it applies (None: all)."""
        with translate_errors():
            await self._modes.delete_many({})
            for endpoint, (mode, times) in modes.items():
                await self._modes.insert_one(
                    {
                        "_id": endpoint,
                        "errcode": mode.errcode,
                        "status": mode.status,
                        "delay": mode.delay,
                        "after": mode.after,
                        "left": _EVERY_TIME if times is None else times,
                    }
                )

    async def take_mode(self, endpoint: str) -> FaultMode:
        """The fault to simulate in this call of the endpoint; the call is counted. A fault set
        for the endpoint comes before one for ``*``; without either there is no fault."""
        for name in (endpoint, "*"):
            with translate_errors():
                mode = await self._modes.find_one_and_update(
                    {"_id": name, "left": {"$gt": 0}}, {"$inc": {"left": -1}}
                )
            if mode is not None:
                return FaultMode(mode["errcode"], mode["status"], mode["delay"], mode["after"])
        return FaultMode()

    # Menus

    async def put_menu(self, account: str, menu: str) -> None:
        with translate_errors():
            await self._menus.update_one({"_id": account}, {"$set": {"menu": menu}}, upsert=True)

    async def menu(self, account: str) -> str | None:
        with translate_errors():
            document = await self._menus.find_one({"_id": account})
        return None if document is None else str(document["menu"])

    async def _insert_once(self, collection: Collection, document: dict[str, Any]) -> bool:
        with translate_errors():
            try:
                await collection.insert_one(document)
            except DuplicateKeyError:
                return False
        return True
