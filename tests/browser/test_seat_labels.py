"""Seat labels: printed from the console, read by a camera, opened by a phone."""

from __future__ import annotations

import io

import pytest
import zxingcpp
from PIL import Image

from models.library.entities import PresenceSource
from tests.api.presence_methods import choose
from tests.api.seat_reports import one
from tests.browser.conftest import PHONE, Open
from tests.living import SEAT, Living

pytestmark = pytest.mark.whole


async def test_a_printed_label_checks_its_reader_in(service: Living, opened: Open) -> None:
    await choose(service, PresenceSource.SEAT_LABEL)
    seats = service.inside.reference.area("2f-hall").seats
    tab = await opened("administrator")
    await tab.go("/console/plans/2f-hall")
    await tab.page.click("text=打印座位码")
    await tab.page.wait_for_selector("[data-print]:visible")
    await tab.page.emulate_media(media="print")
    assert await tab.page.locator(".bar:visible, .sections:visible, h1:visible").count() == 0
    picture = Image.open(io.BytesIO(await tab.page.screenshot(full_page=True)))
    links = {str(code.text) for code in zxingcpp.read_barcodes(picture)}
    assert len(links) == len(seats)
    (link,) = (text for text in links if f"/s/{SEAT}?" in text)
    label = tab.page.locator(".labels li", has_text=SEAT[-3:])
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(await label.screenshot())))
    assert code.text == link, "beside its own number"

    phone = await opened("21071234", **PHONE)
    reader = await service.reader()
    reader.number = "21071234"
    reader = await service.web_reader(reader)
    made = await reader.reserve(SEAT, "now", "18:00")
    await phone.page.goto(link)
    await phone.page.wait_for_url(f"**/s/{SEAT}/check-in")
    await phone.page.click("button:has-text('签到')")
    await phone.page.wait_for_url("**?done=check_in")
    assert (await one(reader, made))["state"] == "in_use"
