"""A study room's label: printed from the console, read by a camera, opened by a phone."""

from __future__ import annotations

import io

import pytest
import zxingcpp
from PIL import Image

from models.library.entities import PresenceSource
from tests.api.presence_methods import choose
from tests.api.rooms import SMALL, book, confirm, state
from tests.browser.conftest import PHONE, Open
from tests.living import Living

pytestmark = pytest.mark.whole


async def test_who_takes_part_checks_in_by_the_printed_label(service: Living, opened: Open) -> None:
    await choose(service, PresenceSource.SEAT_LABEL)
    await service.jump("15:00")
    tab = await opened("administrator")
    await tab.go("/console/room-settings")
    await tab.page.click("text=打印房间码")
    await tab.page.wait_for_selector("[data-print]:visible")
    await tab.page.emulate_media(media="print")
    assert await tab.page.locator(".bar:visible, .sections:visible, h1:visible").count() == 0
    label = tab.page.locator(".labels li", has_text="研修间201")
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(await label.screenshot())))
    assert f"/s/room/{SMALL}?" in code.text

    phone = await opened("21071234", **PHONE)
    booker, friend = [await service.reader() for _ in range(2)]
    friend.number = "21071234"
    friend = await service.web_reader(friend)
    await phone.page.goto(code.text)
    await phone.page.wait_for_selector("text=现在空着，到 22:30")
    booking = await book(service, booker, start="now", end="17:00")
    await confirm(booking, friend)
    await phone.page.goto(code.text)
    await phone.page.click("button:has-text('签到')")
    await phone.page.wait_for_url("**?done=check-in")
    assert await state(booker, booking) == "in_use"
