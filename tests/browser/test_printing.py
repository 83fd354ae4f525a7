"""Printed labels and posters: A4 pages with nothing cut off, and readable codes."""

from __future__ import annotations

import io
import re

import pytest
import zxingcpp
from PIL import Image

from models.identity.roles import Role
from tests.api.console import staff
from tests.api.floor_files import confirm, hidden_plans, upload
from tests.browser.conftest import Open, Tab, is_for_everybody
from tests.living import Living

pytestmark = pytest.mark.whole

# What is larger than the place that it has on paper.
CUT = """[...document.querySelectorAll(".labels li, .labels, .poster, .poster ol")].filter((one) =>
  one.scrollHeight > one.clientHeight + 2 || one.scrollWidth > one.clientWidth + 2
  || one.getBoundingClientRect().right > innerWidth + 2
).map((one) => one.outerHTML.slice(0, 60))"""


async def pages(tab: Tab) -> int:
    """The number of printed pages."""
    document = await tab.page.pdf(prefer_css_page_size=True)
    assert document.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", document))


async def codes(tab: Tab) -> list[str]:
    """The contents of the codes on the printed page."""
    picture = Image.open(io.BytesIO(await tab.page.screenshot(full_page=True)))
    return [str(code.text) for code in zxingcpp.read_barcodes(picture)]


async def on_paper(tab: Tab) -> None:
    """Emulates printing on A4 without margins."""
    await tab.page.emulate_media(media="print", color_scheme="light")
    await tab.page.set_viewport_size({"width": 718, "height": 1047})
    assert await tab.page.evaluate(CUT) == []


async def test_labels_of_chosen_seats_are_printed_on_sheets(
    service: Living, opened: Open, axe: str
) -> None:
    tab = await opened("administrator")
    here = "/console/plans/2f-hall/labels"
    tab.expected = {400}
    await is_for_everybody(tab, axe, f"{here}?seats=x", phone=True)
    assert "没有座位“x”" in await tab.text("main")
    assert await tab.page.input_value("[name=seats]") == "x"
    await tab.page.fill("[name=seats]", "001-031, 65")
    await tab.page.click("button:has-text('选择')")
    await tab.page.wait_for_selector("text=32 张，A4 纸 2 页")
    await on_paper(tab)
    assert len(set(await codes(tab))) == 32
    assert await pages(tab) == 2
    seats = len(service.inside.reference.area("2f-hall").seats)
    await tab.go(here)
    await on_paper(tab)
    assert await pages(tab) == -(-seats // 30)


async def test_posters_fit_one_page_and_link_to_the_library(
    service: Living, opened: Open, axe: str
) -> None:
    """Also that of an area with the longest name, whose seats have theirs on labels."""
    head, name = await staff(service, Role.ADMINISTRATOR), "五层东区研究生自修室" * 4
    seats = f"区域,楼层,座位号,行,列\n{name},5,Gruppenarbeit-000001,1,1\n{name},5,{name[:20]},1,2\n"
    preview = await upload(service, head, seats, venue="library")
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    labels, tab = await opened("administrator"), await opened("viewer")
    await labels.go("/console/plans/5f-1/labels")
    await on_paper(labels)
    assert len(set(await codes(labels))) == 2
    for path, link in (
        ("/console/plans/5f-1/poster", f"{service.base}/areas/5f-1"),
        ("/console/devices/kiosk/2f-south/poster", f"{service.base}/"),
        ("/console/devices/kiosk/3f-north/poster", f"{service.base}/"),
        ("/console/plans/2f-hall/poster", f"{service.base}/areas/2f-hall"),
    ):
        await tab.page.set_viewport_size({"width": 1280, "height": 800})
        await tab.page.emulate_media(media="screen")
        await is_for_everybody(tab, axe, path, phone=True)
        await on_paper(tab)
        assert await tab.page.locator(".bar:visible, .sections:visible, h1:visible").count() == 0
        assert await codes(tab) == [link], path
        assert await pages(tab) == 1, path
    tab.expected = {404}
    await tab.go("/console/devices/kiosk/none/poster")
