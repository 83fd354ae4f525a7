"""The console through the shipped nginx, as a browser of a librarian asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser

from models.identity.roles import Role
from tests.living import Living, free_port
from tests.nginx import shipped_nginx
from tests.stand_in import application

pytestmark = pytest.mark.whole


async def test_a_cached_redirect_to_console_slash_still_opens_the_console(
    service: Living, browser: Browser, tmp_path: Path
) -> None:
    """An earlier nginx configuration redirected /console to /console/ permanently; browsers cache
    that."""

    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": f"{request.path}/"})

    async def nothing(_: web.Request) -> web.Response:
        return web.Response(text="moved")

    port, backend = free_port(), service.base.removeprefix("http://")
    base = f"http://127.0.0.1:{port}"
    administrator = await service.web_reader(role=Role.ADMINISTRATOR)
    context = await browser.new_context(locale="zh-CN")
    page = await context.new_page()
    places = [("/console", "今日"), ("/console/plans", "平面图")]
    routes = [web.get(place, moved) for place, _ in places]
    earlier = application([*routes, web.get("/{any:.*}", nothing)])
    async with TestServer(earlier, port=port):
        for place, _ in places:
            answer = await page.goto(base + place)
            assert answer is not None and (answer.status, answer.url) == (200, f"{base}{place}/")
    await context.add_cookies([{"name": "seat_sid", "value": administrator.token, "url": base}])
    async with shipped_nginx(tmp_path, backend, port=port):
        for place, heading in places:
            answer = await page.goto(base + place)
            assert answer is not None and answer.status == 200
            assert answer.url == f"{base}{place}/", "the redirect was remembered"
            assert heading in await page.inner_text("h1")
    await context.close()
