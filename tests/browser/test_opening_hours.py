"""The page of opening hours: weekly hours, an exception and a closure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import DEVICES, PHONE, Open, is_for_everybody, shows_everybody
from tests.living import Living

pytestmark = pytest.mark.whole


@pytest.mark.parametrize("device", DEVICES)
async def test_weekly_hours_an_exception_and_a_closure_are_entered(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    phone = device is PHONE
    tab = await opened("administrator", **device)
    page = tab.page
    await tab.go("/console/calendar")
    await page.click("summary:has-text('更改每周时间')")
    await page.fill("[name=closes4]", "02:00")
    await page.select_option("[name=day5]", "whole")
    assert not await page.is_visible("[name=opens5]"), "all day has no times"
    await page.select_option("[name=day6]", "closed")
    await page.click("button:has-text('核对每周时间')")
    assert "周五 07:00–次日02:00；周六 全天；周日 闭馆" in await tab.text(".big")
    await page.fill("[name=why]", "馆务会议")
    await page.click("text=确认发布")
    await page.wait_for_selector(".done")
    assert "07:00–次日02:00" in await tab.text(".calendar li:nth-child(11)")
    assert "全天" in await tab.text(".calendar li:nth-child(12)")
    assert "闭馆" in await tab.text(".calendar li:nth-child(13)")

    # A closure of an area, then other hours of the library, which do not open it again.
    await page.fill("[name=first]", "2026-09-15")
    await page.select_option("[name=place]", "a:2f-hall")
    await page.fill("[name=reason]", "地面维修")
    await page.click("text=下一步")
    await page.click("text=确认发布")
    await page.wait_for_selector(".done")
    assert await page.input_value("[name=at]") == "a:2f-hall", "its calendar is shown"
    await page.check("[name=kind][value=open]")
    await page.fill("[name=first]", "2026-09-14")
    await page.fill("[name=last]", "2026-09-16")
    await page.select_option("[name=place]", "")
    await page.check("[name=whole]")
    assert not await page.is_visible("[name=opens]")
    await page.fill("[name=reason]", "考试周")
    await page.click("text=下一步")
    assert "9月15日图书馆 二层中厅已闭馆（地面维修）" in await tab.text(".warned")
    await shows_everybody(tab, axe, "the question", phone)
    await page.click("text=确认发布")
    await page.wait_for_selector(".done")
    assert "全天" in await tab.text(".calendar .of-exception:nth-child(15)")
    await page.select_option("[name=at]", "a:2f-hall")
    await page.click("button:text-is('查看')")
    assert "地面维修" in await tab.text(".calendar .of-closure:nth-child(15)")
    await is_for_everybody(tab, axe, "/console/calendar?at=a:2f-hall&month=2026-09", phone)
    await page.click("summary:has-text('另设每周时间')")
    await shows_everybody(tab, axe, "the weekly form", phone)


@pytest.mark.parametrize("device", DEVICES)
async def test_a_policy_change_from_a_date_on_is_entered(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    tab = await opened("administrator", **device)
    page = tab.page
    await tab.go("/console/rules")
    await page.click("summary:has-text('新增从某天起的规则')")
    await shows_everybody(tab, axe, "the form", device is PHONE)
    await page.fill("[name=name]", "新学期")
    await page.fill("[name=first]", "2026-09-20")
    await page.fill("[name='set.violations_limit']", "2")
    await page.select_option("[name='set.opening_draw']", "yes")
    await page.check("[name='none.booking_opens_at']")
    await page.click("button:has-text('下一步') >> visible=true")
    assert "2026-09-20 起 全馆" in await tab.text("main")
    await shows_everybody(tab, axe, "the question", device is PHONE)
    await page.click("text=返回修改")
    assert await page.input_value("[name='set.violations_limit']") == "2"
    assert await page.is_checked("[name='none.booking_opens_at']")
    await page.click("button:has-text('下一步') >> visible=true")
    await page.fill("[name=why]", "馆务会议")
    await page.click("text=确认发布")
    await page.wait_for_selector(".done")
    assert "暂停前允许违约 2 次" in await tab.text("main")
