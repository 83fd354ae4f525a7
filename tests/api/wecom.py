"""A stand-in of WeCom that checks its requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

SETTINGS: Final[dict[str, Any]] = {
    "IDENTITY_PROVIDER": "wecom",
    "WECOM_CORP_ID": "ww1",
    "WECOM_AGENT_ID": "1000002",
    "WECOM_SECRET": "corp-secret",
}


@dataclass(slots=True)
class WeCom:
    """WeCom's members, the cards sent to them, and the failures to simulate."""

    members: set[str] = field(default_factory=set)
    cards: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    errcode: int = 0
    status: int = 200
    hangs_up: bool = False
    token: int = 1
    asked: list[str] = field(default_factory=list)

    def to(self, number: str) -> list[str]:
        return [card["title"] for there, card in self.cards if there == number]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/cgi-bin/gettoken", self.gettoken),
            web.post("/cgi-bin/message/send", self.send),
        ]

    async def gettoken(self, request: web.Request) -> web.Response:
        self.asked.append("gettoken")
        if self.status != 200:
            return web.Response(status=self.status)
        if dict(request.query) != {"corpid": "ww1", "corpsecret": "corp-secret"}:
            return web.json_response({"errcode": 40001, "errmsg": "invalid credential"})
        token = f"t{self.token}"
        return web.json_response({"errcode": 0, "access_token": token, "expires_in": 7200})

    async def send(self, request: web.Request) -> web.Response:
        self.asked.append("send")
        if self.status != 200:
            return web.Response(status=self.status)
        if request.query["access_token"] != f"t{self.token}":
            return web.json_response({"errcode": 42001, "errmsg": "access_token expired"})
        if self.errcode:
            return web.json_response({"errcode": self.errcode, "errmsg": "no"})
        body: dict[str, Any] = await request.json()
        card = body["textcard"]
        assert body["msgtype"] == "textcard" and body["agentid"] == 1000002
        assert set(card) == {"title", "description", "url", "btntxt"}
        assert 0 < len(card["title"].encode()) <= 128
        assert 0 < len(card["description"].encode()) <= 512 and len(card["url"]) <= 2048
        assert (body["enable_duplicate_check"], body["duplicate_check_interval"]) == (1, 1800)
        user = body["touser"]
        if user not in self.members:
            return web.json_response({"errcode": 81013, "errmsg": "user & party & tag all invalid"})
        # What is the same within the interval is taken and not shown again.
        if (user, card) not in self.cards:
            self.cards.append((user, card))
        if self.hangs_up:
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"errcode": 0, "errmsg": "ok", "invaliduser": "", "msgid": "m1"})
