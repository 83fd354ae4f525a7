"""A library with web pages only: no mention of a mini-program, and messages stay in the app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from handlers.api_routes import WECHAT_ONLY as API_ONLY
from handlers.routes import WECHAT_ONLY as PAGES_ONLY
from handlers.wechat.callback import PATHS
from miniapp_server import seed as seeding
from models.identity.roles import Role
from models.messages.entities import Message, Template
from tests.deliveries import tell as queue_up
from tests.living import Living, living

NOT_THERE = API_ONLY | PAGES_ONLY | frozenset(PATHS.values())


@pytest.fixture
async def plain(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url, CAS_BASE_URL="http://127.0.0.1:9/cas") as running:
        await seeding.seed(
            running.inside.stored, running.inside.reference, seeding.read(), running.clock.now()
        )
        yield running


def paths(service: Living) -> set[str]:
    return {route.resource.canonical for route in service.app.router.routes() if route.resource}


async def test_routes_of_the_mini_program_are_not_found(service: Living, plain: Living) -> None:
    assert paths(service) >= NOT_THERE, "with a mini-program they are there"
    assert not paths(plain) & NOT_THERE
    login = await plain.anonymous.post("/wx/login", {"code": "demo-anna-1"})
    assert (login.status, login.code) == (404, "not_found")
    described = (await plain.anonymous.ok("GET", "//openapi.json"))["paths"]
    assert "/api/v1/reservations" in described and not API_ONLY & set(described)


async def test_no_page_mentions_the_mini_program(plain: Living) -> None:
    reader, librarian = await plain.web_reader(), await plain.web_reader(role=Role.LIBRARIAN)
    plain.sessions.invalidate_all()
    pages = [("//kiosk/2f-south", "", "扫码签到"), ("//", "", "欢迎使用座位预约")]
    for path in ("//", "//me", "//reservations", "//check-in", "//rules"):
        pages.append((path, reader.token, "张三"))
    for path in (
        "//console",
        "//console/announcements",
        "//console/readers",
        f"//console/readers/{librarian.reader_id}",
    ):
        pages.append((path, librarian.token, "管理后台"))
    for path, token, expected in pages:
        cookie = {"Cookie": f"seat_sid={token}"} if token else {}
        body = str((await plain.anonymous.get(path, Accept="text/html", **cookie)).body)
        assert "<html" in body and expected in body, path
        for word in ("小程序", "激活码", "微信服务通知", "绑定", "/activation", "mini-code"):
            assert word not in body, (path, word)
        assert "/console/deliveries" not in body, path


@pytest.mark.whole
async def test_messages_stay_in_the_app_and_no_delivery_is_attempted(plain: Living) -> None:
    """Also for a reader who had bound a phone and consented before WeChat was removed."""
    now = plain.clock.now()
    before, since = await plain.web_reader(), await plain.web_reader()
    await plain.inside.stored.bindings.bind(before.reader_id, "o-phone", None, now)
    await plain.inside.stored.consents.add(before.reader_id, Template.RESERVED)
    left = Message("left:1", before.reader_id, Template.ENDED, "结束", "…", now, {}, None, None)
    await queue_up(plain.db, plain.settings.sealer, [left])
    made = await before.reserve("2f-hall-001")
    await since.reserve("2f-hall-002")
    await plain.settle()
    for reader, count in ((before, 2), (since, 1)):
        inbox = (await reader.ok("GET", "/messages"))["items"]
        assert len(inbox) == count and inbox[0]["template"] == "RESERVED"
    assert made["state"] == "reserved"
    waiting = [d async for d in plain.db["deliveries"].find({"open": True})]
    assert [d["message"] for d in waiting] == ["left:1"]
    assert waiting[0]["attempts"] == 0
    plain.clock.set(now + timedelta(days=2))
    await plain.settle()
    ended = await plain.db["deliveries"].find_one({"message": "left:1"})
    assert ended is not None and (ended["state"], ended["open"]) == ("expired", False)
    measured = str((await plain.anonymous.get("//metrics")).body)
    failures = [line for line in measured.splitlines() if "job_failures_total{" in line]
    assert all(line.endswith(" 0.0") for line in failures), failures
    ready = await plain.anonymous.ok("GET", "//readyz")
    assert "wechat" not in str(ready), ready
