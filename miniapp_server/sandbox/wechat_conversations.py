from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from miniapp_server.sandbox.wechat_errors import WeChatError
from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors

_WINDOW: Final = timedelta(hours=48)
_ENTERED: Final = timedelta(minutes=1)
_MOST: Final = 5
_MOST_BYTES: Final = 2048
PREFIXES: Final = {"wxsandbox": "o-", "wxofficial": "mp-"}
"""Prefix of the openids of an account's users, by the account's appid."""


def checked_message(body: Mapping[str, Any], appid: str) -> tuple[str, str]:
    """Checks a message to send; returns the recipient's openid and text. Raises: WeChatError."""
    openid = body.get("touser")
    if not isinstance(openid, str) or not openid.startswith(PREFIXES.get(appid, "o-")):
        raise WeChatError(40003)
    if body.get("msgtype") != "text":
        raise WeChatError(40008)
    text = body.get("text")
    content = text.get("content") if isinstance(text, dict) else None
    if not isinstance(content, str) or not content:
        raise WeChatError(44004)
    if len(content.encode()) > _MOST_BYTES:
        raise WeChatError(45002)
    return openid, content


class SandboxConversations:
    """When users wrote to the customer service, and the messages sent to them."""

    def __init__(self, database: Database) -> None:
        self.all = database["sandbox_wechat_conversations"]

    async def wrote(self, openid: str, now: datetime) -> None:
        """Records that the user wrote: the account may send them five messages within 48 hours."""
        with translate_errors():
            await self.all.update_one(
                {"_id": openid}, {"$set": {"at": now, "left": _MOST}}, upsert=True
            )

    async def entered(self, openid: str, now: datetime) -> None:
        """Records that the user opened the conversation and may get one message within a minute."""
        with translate_errors():
            await self.all.update_one({"_id": openid}, {"$set": {"entered": now}}, upsert=True)

    async def send(self, openid: str, content: str, now: datetime) -> None:
        """Sends a text to the user. Raises: WeChatError if the user has not written or opened
        the conversation lately, or all allowed messages are used up."""
        entered = {"_id": openid, "entered": {"$gt": now - _ENTERED, "$lte": now}}
        with translate_errors():
            greeted = await self.all.update_one(
                entered, {"$unset": {"entered": ""}, "$push": {"heard": content}}
            )
        if greeted.modified_count:
            return
        lately = {"_id": openid, "at": {"$gt": now - _WINDOW, "$lte": now}}
        with translate_errors():
            done = await self.all.update_one(
                {**lately, "left": {"$gt": 0}},
                {"$inc": {"left": -1}, "$push": {"heard": content}},
            )
            if done.modified_count:
                return
            heard_enough = await self.all.find_one(lately, {"_id": 1}) is not None
        raise WeChatError(45047 if heard_enough else 45015)

    async def heard(self, openid: str) -> list[str]:
        with translate_errors():
            document = await self.all.find_one({"_id": openid})
        return list(document.get("heard", [])) if document else []
