"""Reader groups and roles in a browser: reserving an area, adding a list, granting a role."""

from __future__ import annotations

import pytest

from tests.browser.conftest import DESKTOP, PHONE, Open, Tab, shows_everybody
from tests.living import Living

pytestmark = pytest.mark.whole


async def at_both_sizes(tab: Tab, axe: str, what: str) -> None:
    """Checks the open page's accessibility and width on a desktop and on a phone."""
    await shows_everybody(tab, axe, what, phone=False)
    await tab.page.set_viewport_size(PHONE["viewport"])
    await shows_everybody(tab, axe, f"{what} on a phone", phone=True)
    await tab.page.set_viewport_size(DESKTOP["viewport"])


async def test_an_area_is_reserved_for_a_group_and_members_are_added(
    service: Living, opened: Open, axe: str
) -> None:
    reader = await service.reader()
    await reader.reserve("2f-east-056", "17:00", "18:00")
    tab = await opened("administrator")
    tab.expected = {400}
    await tab.go("/console/groups")
    await tab.page.click("text=新增读者组")
    await tab.page.fill("[name=name]", "研究生")
    await tab.page.fill("[name=max_minutes]", "480")
    await tab.page.get_by_label("单次最长与全馆不同时").select_option("on")
    await tab.page.check("[name='area-2f-east']")
    await tab.page.click("summary:has-text('单独指定座位')")
    await tab.page.fill("[name='seats-2f-hall']", "001-004, 010")
    await tab.page.fill("[name=patterns]", "userType=graduate")
    await tab.page.fill("[name=reason]", "新学期")
    await tab.page.click("button:text-is('保存')")
    await tab.page.wait_for_selector("text=1 个预约不再符合")
    await at_both_sizes(tab, axe, "question")
    await tab.page.click("button:text-is('返回修改')")
    assert await tab.page.input_value("[name='seats-2f-hall']") == "001-004, 010"
    assert await tab.page.input_value("[name=max_minutes_at_least]") == "on"
    await tab.page.click("button:text-is('保存')")
    await tab.page.click("button:text-is('确认保存')")
    await tab.page.wait_for_selector(".done")
    await at_both_sizes(tab, axe, "list")
    assert "最长至少 8 小时" in await tab.text("main")
    await tab.page.click("main >> text=研究生")
    await at_both_sizes(tab, axe, "group")
    await tab.page.click("text=导入名单")
    await tab.page.fill("[name=list]", f"学号,开始,结束\n{reader.number}\nx")
    await tab.page.click("text=下一步")
    await tab.page.wait_for_selector("text=第 3 行")
    await at_both_sizes(tab, axe, "wrong lines")
    await tab.page.fill("[name=list]", f"{reader.number},2026-09-07,2027-01-15")
    await tab.page.click("text=下一步")
    await tab.page.wait_for_selector("text=核对名单")
    await tab.page.fill("[name=reason]", "研究生院名单")
    await tab.page.click("text=确认导入")
    await tab.page.wait_for_selector("text=更改了 1 位读者")
    await tab.go(f"/console/readers/{reader.reader_id}")
    await at_both_sizes(tab, axe, "reader")
    assert "名单 · 从 2026-09-07 · 到 2027-01-15" in await tab.text("main")
    await tab.go("/console/staff")
    await tab.page.fill("[name=number]", reader.number)
    await tab.page.check("[name=where][value=some]")
    await tab.page.fill("[name=reason]", "新同事")
    await tab.page.click("button:text-is('授予')")
    await tab.page.wait_for_selector("text=请选择场馆")
    await at_both_sizes(tab, axe, "a refused role")
    assert await tab.page.evaluate("document.activeElement.name") == "where"
    assert await tab.page.input_value("[name=number]") == reader.number
    await tab.page.check("[name='venue-library']")
    await tab.page.fill("[name=last]", "2026-12-31")
    await tab.page.click("button:text-is('授予')")
    await tab.page.wait_for_selector(".done")
    assert "馆员 · 图书馆 · 到 2026-12-31" in await tab.text("main li")
    await at_both_sizes(tab, axe, "roles")

    # A student who is in no group is told why, on the list, on the plan and beside the seat.
    other = await opened("21071234")
    assert "仅限研究生" in await other.text(".tile[href^='/areas/2f-east']")
    await other.go("/areas/2f-east?seat=2f-east-056")
    await at_both_sizes(other, axe, "plan")
    assert "该座位仅限研究生预约" in await other.text("#panel")
    assert await other.page.locator("#panel form.booking").count() == 0
