"""A library with web pages only: how people come in, for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from handlers.http.keys import LOAD_SHEDDER
from tests.browser.conftest import PHONE, Open, is_for_everybody
from tests.living import Living, living


@pytest_asyncio.fixture(loop_scope="session")
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """As it is installed without a mini-program: no sandbox, no library yet."""
    async with living(mongo_url, redis_url, CAS_BASE_URL="http://127.0.0.1:9/cas") as running:
        running.app[LOAD_SHEDDER].late_at_most_s = 5.0
        yield running


async def test_the_way_in_is_for_everybody(service: Living, opened: Open, axe: str) -> None:
    tab = await opened(**PHONE)
    for path in ("/", "/privacy"):
        await is_for_everybody(tab, axe, path, phone=True)
        assert "小程序" not in await tab.text("body"), path
