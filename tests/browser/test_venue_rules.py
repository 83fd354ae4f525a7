"""Rules of one venue: entered in the console, and read by a guest on an English phone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import DEVICES, PHONE, Open, shows_everybody
from tests.living import Living
from tests.second_venue import JURIDICUM

pytestmark = pytest.mark.whole


@pytest.mark.parametrize("device", DEVICES)
async def test_exam_weeks_of_a_venue_are_entered_and_read(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    phone = device is PHONE
    tab = await opened("administrator", **device)
    page, tab.expected = tab.page, {400}
    await tab.go("/console/rules")
    await page.click("summary:has-text('新增从某天起的规则')")
    await page.fill("[name=name]", "Klausurwochen")
    await page.fill("[name=first]", "2026-09-08")
    await page.fill("[name=last]", "2026-09-21")
    await page.select_option("[name=place]", f"v:{JURIDICUM}")
    await page.fill("[name='set.max_minutes']", "480")
    await page.fill("[name='set.violations_limit']", "9")
    await page.click("details[open] button:has-text('下一步')")
    assert "暂停前允许违约只能对全馆规定" in await tab.text(".wrong, [role=alert]")
    assert await page.input_value("[name=place]") == f"v:{JURIDICUM}"
    await page.fill("[name='set.violations_limit']", "")
    await page.click("details[open] button:has-text('下一步')")
    await shows_everybody(tab, axe, "the question", phone)
    await page.fill("[name=why]", "Prüfungen")
    await page.click("text=确认发布")
    await page.wait_for_selector(".done")

    await page.click("summary:has-text('Juridicum')")
    await page.fill("[name='set.leave_minutes@juridicum']", "45")
    await page.click("button:has-text('下一步') >> nth=-1")
    assert "Juridicum 暂离：同全馆 → 45 分钟" in await tab.text("main")
    await page.fill("[name=why]", "Prüfungen")
    await page.click("text=确认发布")
    await page.wait_for_selector(".done")
    assert await page.input_value("[name='set.leave_minutes@juridicum']") == "45"
    await shows_everybody(tab, axe, "the rules", phone)

    reader = await opened("21071234", locale="en-GB", **device)
    await reader.go("/rules")
    rules = await reader.text("main")
    assert "(Klausurwochen): Juridicum, at most 480 minutes at a time" in rules
    assert "Juridicum: stepping out for up to 45 minutes" in rules
    await shows_everybody(reader, axe, "the rules in English", phone)
