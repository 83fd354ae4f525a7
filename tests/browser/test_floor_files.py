"""An import in a browser, with and without scripts, and the pages of areas and devices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import FilePayload

from models.library.entities import AreaId
from tests.browser.conftest import (
    DESKTOP,
    DEVICES,
    PHONE,
    Open,
    Tab,
    is_for_everybody,
    shows_everybody,
)
from tests.living import Living

pytestmark = pytest.mark.whole

SHOTS: Final = os.environ.get("SHOTS", "")
IMPORT: Final = "/console/plans/import"
TABLE: Final = "区域,楼层,座位号,行,列,电源\n" + "".join(
    f"五层东区,5,A-{n},{n // 10 + 1},{n % 10 + 1 + n % 10 // 5},是\n" for n in range(40)
)


async def choose(tab: Tab, text: str) -> None:
    file: FilePayload = {"name": "五层.csv", "mimeType": "text/csv", "buffer": text.encode()}
    await tab.page.set_input_files("[name=file]", file)
    await tab.page.click("text=下一步：预览")
    await tab.page.wait_for_load_state()


@pytest.mark.parametrize("device", DEVICES)
async def test_floors_are_imported(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    tab = await opened("administrator", **device)
    tab.expected = {400}
    await is_for_everybody(tab, axe, IMPORT, False)
    await shot(tab, "import")
    await choose(tab, TABLE + "五层东区,5,a-0,9,9,maybe\n五层东区,5,<b>,9,1,\n")
    assert "第 42 行：“电源”不能是“maybe”：有的填" in await tab.text("main")
    await shows_everybody(tab, axe, "problems", False)
    await shot(tab, "import-problems")
    hall = service.inside.reference.catalog.areas[AreaId("2f-hall")]
    less = "".join(
        f"二层中厅,2,{s.number},,,,{s.x + 4 * (s.number > '060')},{s.y}\n" for s in hall.seats[5:]
    )
    await choose(tab, TABLE.replace("电源\n", "电源,x,y\n") + less)
    text = await tab.text("main")
    assert "新区域，40 个座位" in text and "移除 001、002、003、004、005" in text
    await shows_everybody(tab, axe, "preview", device is PHONE)
    await shot(tab, "import-preview")
    await tab.page.fill("[name=reason]", "新楼层启用")
    await tab.page.click("button:text-is('确认导入')")
    await tab.page.wait_for_selector(".done")
    assert len(service.inside.reference.catalog.areas[AreaId("5f-1")].seats) == 40
    for path in ("/console/plans", "/console/plans/5f-1/settings", "/console/devices"):
        await is_for_everybody(tab, axe, path, device is PHONE)
        await shot(tab, path.rpartition("/")[2])
    await tab.go("/areas/5f-1")
    assert await tab.page.locator("#plan [data-no='A-12']").count() == 1
    await shot(tab, "seats")


async def shot(tab: Tab, name: str) -> None:
    """Saves a screenshot of the page in the folder SHOTS, if set."""
    if SHOTS:
        size = tab.page.viewport_size
        assert size is not None
        await tab.page.emulate_media(color_scheme="light")
        path = Path(SHOTS) / f"{name}-{size['width']}.png"
        await tab.page.screenshot(path=path, full_page=True)


async def test_an_area_is_retired_and_a_device_renamed_without_scripts(
    service: Living, opened: Open
) -> None:
    tab = await opened("administrator", **DESKTOP, java_script_enabled=False)
    await tab.go("/console/plans/2f-hall/settings")
    await tab.page.click("text=下一步：查看影响")
    assert "没有预约受影响" in await tab.text("main")
    await shot(tab, "retire")
    await tab.page.fill("[name=reason]", "装修")
    await tab.page.click("button:text-is('停用')")
    assert "已停用" in await tab.text("main")
    await shot(tab, "retired")
    await tab.page.fill("[action$=restore] [name=reason]", "装修结束")
    await tab.page.click("text=恢复使用")
    assert service.inside.reference.catalog.areas[AreaId("2f-hall")].in_use
    await tab.go("/console/devices")
    await tab.page.locator("summary:text('更改、停用')").first.click()
    form = tab.page.locator("form[action$='/console/devices/kiosk/2f-north']")
    if not await form.locator("[name=name]").is_visible():
        await tab.page.locator("details:has(form[action$='2f-north'])").locator("summary").click()
    await form.locator("[name=name]").fill("北门选座机")
    await form.locator("[name=reason]").fill("改名")
    await shot(tab, "devices-open")
    await form.locator("button").click()
    await tab.page.wait_for_selector(".done")
    assert "北门选座机" in await tab.text("main")
