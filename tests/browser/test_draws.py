"""放号抽签: a reader verifies an opening's draw in the browser, also without a network."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import UTC, timedelta
from datetime import time as clock_time
from typing import Any

import pytest
from playwright.async_api import FilePayload, expect

from handlers.http.keys import service_key
from models.opening_draw.publication import DrawPublication
from tests.api.changes import with_rules
from tests.browser.conftest import PHONE, Open, shows_everybody
from tests.drawn_season import season
from tests.living import SEAT, Living

pytestmark = pytest.mark.whole
JSON = "application/json"


async def test_a_reader_finds_the_own_application_and_a_forgery(
    service: Living, opened: Open, axe: str
) -> None:
    await with_rules(service, booking_opens_at=clock_time(18), opening_draw=True)
    await service.app[service_key(DrawPublication)].commit_ahead(service.clock.now())
    readers = [await service.web_reader() for _ in range(2)]
    tab = await opened(readers[0].number, **PHONE)
    await tab.go("/draws")
    await expect(tab.page.locator("#draws ~ ul .badge")).to_have_text("尚未放号")
    await service.jump("18:00")
    opens_at = service.clock.now()
    wish = {"seat_id": SEAT, "date": service.tomorrow, "start": "10:00", "end": "12:00"}
    await asyncio.gather(*(reader.post("/reservations", wish) for reader in readers))
    await service.move(timedelta(minutes=1))

    await tab.go("/draws")
    await tab.page.click("[data-draw]")
    said = tab.page.locator("[data-verify] [role=status]")
    await expect(said).to_contain_text("这次抽签没有问题")
    await expect(tab.page.locator("[data-application] output")).to_contain_text("在名单上，第")
    await shows_everybody(tab, axe, "/draws", phone=True)

    url = f"//draws/{opens_at.astimezone(UTC):%Y-%m-%dT%H:%M:00Z}.json"
    draw = (await service.anonymous.get(url)).body
    drawn = season(random.Random(1), 20, 8)
    weightless = [one | {"weight": 0} for one in drawn["applications"]]
    await tab.context.set_offline(True)
    choose = tab.page.locator("[data-verify] input")
    for forged, fault in (
        (draw, "这次抽签没有问题"),
        (draw | {"secret": "00" * 32}, "公布的种子与事先承诺的不一致"),
        (draw | {"committed_at": draw["opens_at"]}, "种子是在放号之后才承诺的"),
        (draw | {"lists": draw["lists"] * 2}, "有一轮公布了两份名单"),
        (_changed(draw, lambda ones: ones.reverse()), "有一轮的顺序不对"),
        (_changed(draw, lambda ones: ones.insert(0, ones[0])), "有一份申请出现了两次"),
        (drawn, f"{drawn['source']}是 {drawn['value']}"),
        (drawn | {"value": "0"}, "名单的顺序不是抽出来的顺序"),
        (drawn | {"applications": weightless}, "还有 31 处"),
        (drawn | {"assignment": drawn["assignment"][::-1]}, "分配的结果与顺序和志愿不符"),
        ({"format": "other"}, "这不是抽签文件"),
    ):
        content = json.dumps(forged).encode()
        await choose.set_input_files(FilePayload(name="d.json", mimeType=JSON, buffer=content))
        await expect(tab.page.locator("[data-verify]")).to_contain_text(fault)
    assert tab.wrong == []


def _changed(draw: dict[str, Any], change: Callable[[list[str]], object]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(draw))
    change(copy["lists"][0]["applications"])
    return copy
