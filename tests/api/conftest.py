from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from notify.wechat.mini_program import MiniProgramClient
from tests.api.lying_provider import LyingProvider
from tests.api.sandbox_wechat import WeChat, sandbox_wechat
from tests.living import Living, living
from tests.mail_server import MailServer, mail_server
from tests.stand_in import StandIn


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The whole service at Monday 08:00, its jobs run by ``move`` and ``settle`` only."""
    async with living(mongo_url, redis_url) as running:
        yield running


@pytest.fixture
async def lying_provider(stand_in: StandIn) -> LyingProvider:
    """An OpenID provider whose answers a test sets."""
    provider = LyingProvider()
    provider.issuer = await stand_in(provider.routes())
    return provider


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


@pytest.fixture
async def wechat(mongo_url: str, redis_url: str) -> AsyncIterator[WeChat]:
    async with sandbox_wechat(mongo_url, redis_url) as wechat:
        yield wechat


@pytest.fixture
async def gateway(wechat: WeChat) -> AsyncIterator[MiniProgramClient]:
    async with wechat.gateway() as gateway:
        yield gateway
