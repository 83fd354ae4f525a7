"""WeChat's stand-in on a port of its own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from miniapp_server.sandbox.wechat import WeChatSandbox, wechat_routes
from miniapp_server.sandbox.wechat_repository import SandboxWeChat
from models.storage.mongo import open_database
from models.wechat.access_token_repository import AccessTokenStore
from notify.wechat.mini_program import MiniProgramClient
from notify.wechat.retry_policy import SendResult
from tests.waiting import patience

SECRET = "s" * 32
SOON_S = patience(0.2)
"""A gateway that is to give up waits so long."""
TEMPLATE = "tpl-leave"
DATA = {"thing1": "图书馆2层二层中厅065号", "time2": "2026年11月24日 14:00", "phrase3": "暂离中"}


class WeChat:
    """The stand-in on a port of its own; records its calls."""

    def __init__(self, store: SandboxWeChat, redis: Redis, appid: str) -> None:
        self.state = WeChatSandbox(store, {appid: SECRET}, {TEMPLATE: "LEAVE"}, lambda: self.at)
        self.redis = redis
        self.appid = appid
        self.at = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
        self.calls: list[str] = []
        self.url = ""

    async def mode(self, **modes: Any) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.url}/_mode", json=modes) as response,
        ):
            assert response.status == 204, await response.text()

    async def ask(
        self, method: str, path: str, body: Any = None, **query: str
    ) -> tuple[dict[str, Any] | bytes, str]:
        """Calls the stand-in. Returns the answer and its content type."""
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, f"{self.url}/{path}", params=query, json=body) as response,
        ):
            assert response.status == 200
            kind = response.content_type
            if kind == "image/png":
                return await response.read(), kind
            return await response.json(content_type=None), kind

    async def token(self, path: str = "cgi-bin/stable_token", **more: Any) -> dict[str, Any]:
        body = {"grant_type": "client_credential", "appid": self.appid, "secret": SECRET, **more}
        if path == "cgi-bin/token":
            answer, _ = await self.ask("GET", path, **body)
        else:
            answer, _ = await self.ask("POST", path, body)
        assert isinstance(answer, dict)
        return answer

    def gateway(self, **more: Any) -> MiniProgramClient:
        settings = {
            "base_url": self.url,
            "appid": self.appid,
            "secret": SECRET,
            "shared_tokens": AccessTokenStore(self.redis, self.url),
            "timeout_seconds": 5,
            "pause_seconds": 0.01,
        }
        return MiniProgramClient(**{**settings, **more})


@asynccontextmanager
async def sandbox_wechat(mongo_url: str, redis_url: str) -> AsyncIterator[WeChat]:
    appid = f"wx{secrets.token_hex(8)}"
    redis = Redis.from_url(redis_url)
    # The tests of a process share one database: to drop it takes longer than most of them.
    async with open_database(mongo_url, "sandbox_wechat") as database:
        wechat = WeChat(SandboxWeChat(database), redis, appid)

        @web.middleware
        async def note(request: web.Request, handler: Any) -> web.StreamResponse:
            wechat.calls.append(request.path.rpartition("/")[2])
            response: web.StreamResponse = await handler(request)
            return response

        app = web.Application(middlewares=[note])
        app.add_routes(wechat_routes(wechat.state))
        async with TestServer(app) as server:
            wechat.url = str(server.make_url("/sandbox/wechat"))
            yield wechat
        for name in await database.list_collection_names():
            await database[name].delete_many({})
    await redis.aclose()


async def send(
    gateway: MiniProgramClient,
    openid: str = "o-li",
    template_id: str = TEMPLATE,
    page: str | None = "pages/reservation/detail?id=1",
    data: Mapping[str, str] = DATA,
) -> SendResult:
    return await gateway.send_subscribe(openid, template_id, page, data, "formal")
