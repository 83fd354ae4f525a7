"""The story of a term: seats and a locker are announced, wished for, drawn by two people, verified
by a stranger without a network, used, missed, appealed, given up and emptied."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

import pytest
from playwright.async_api import FilePayload, expect

from models.identity.roles import Role
from models.seasons.calculation import in_order, seed
from models.seasons.entities import Which
from tests.api.seasons import apply, erase
from tests.browser.conftest import DESKTOP, PHONE, Open, Tab, shows_everybody
from tests.living import MONDAY_8, Client, Living

pytestmark = pytest.mark.whole
ENGLISH: Final = {**PHONE, "viewport": {"width": 320, "height": 568}, "locale": "en-GB"}
OWN, OTHER = "2f-hall-065", "2f-hall-066"
TERM: Final = {
    "first": "2026-09-14",
    "last": "2026-09-18",
    "opens_at": "2026-09-07T17:00",
    "closes_at": "2026-09-08T17:00",
    "first_value": "双色球第2026140期",
    "first_value_at": "2026-09-08T21:00",
    "alternative_value": "双色球第2026141期",
    "alternative_value_at": "2026-09-09T21:00",
    "reveal_by": "2026-09-10T21:00",
}
SEATS: Final = TERM | {
    "title": "秋季学期座位",
    "start": "08:00",
    "end": "22:00",
    "come_by": "10:00",
}
LOCKERS: Final = TERM | {"title": "秋季储物柜", "lockers": "A-01,大"}


class Cast:
    """Two administrators at their desks, and a reader with a phone in English."""

    def __init__(self, service: Living, desks: tuple[Tab, Tab], phone: Tab) -> None:
        self.service, self.desks, self.phone = service, desks, phone
        self.people: dict[Tab, Client] = {}

    async def at(self, day: int, clock: str) -> None:
        """The time is a time of that day of September; everybody has signed in again."""
        hour, minute = map(int, clock.split(":"))
        instant = datetime(2026, 9, day, hour, minute, tzinfo=MONDAY_8.tzinfo)
        await self.service.leap(instant)
        await self.service.settle()
        for tab in (*self.desks, self.phone):
            role = Role.ADMINISTRATOR if tab in self.desks else None
            session = await self.service.web_reader(self.people.get(tab), role)
            self.people[tab] = session
            cookie = {"name": "seat_sid", "value": session.token, "url": self.service.base}
            await tab.context.add_cookies([cookie])  # type: ignore[list-item]

    async def announce(self, fields: dict[str, str], choice: str) -> str:
        """The address of a season that the first administrator has announced."""
        page = self.desks[0].page
        await self.desks[0].go("/console/seasons")
        await page.click("a[href='/console/seasons/new']")
        await page.check(choice)
        for name, value in fields.items():
            await page.fill(f"[name={name}]", value)
        await page.click("main button:text-is('预览')")
        await page.click("main button:text-is('公布')")
        await page.wait_for_url("**/console/seasons/*?done=season")
        return page.url.partition("?")[0].removeprefix(f"{self.service.base}/console")

    async def take(self, here: str, *buttons: str) -> None:
        """Each administrator presses one of the buttons on the season's page."""
        for desk, button in zip(self.desks, buttons, strict=True):
            await desk.go(f"/console{here}")
            if button == "发起抽签":
                await desk.page.fill("[name=value]", await self.value(here))
            await desk.page.click(f"main button:text-is('{button}')")
            await desk.page.wait_for_url("**?done=*")

    async def value(self, here: str) -> str:
        """A value of the source by which the reader with the phone is first."""
        seasons, id = self.service.inside.stored.seasons, here.rpartition("/")[2]
        season, own = await seasons.get(id), await seasons.application(id, self.reader.reader_id)
        assert season is not None and season.list is not None and own is not None
        entries = [one.entry for one in await seasons.entries(season.id)]
        source = season.plan.sources[Which.FIRST].text
        for n in range(999):
            value = f"05 11 16 20 25 31 + {n:02}"
            drawn = seed(season.list.root, season.secret, source, value)
            if in_order(drawn, entries)[0].token == own.entry.token:
                return value
        raise AssertionError("there is such a value")

    async def days(self) -> list[Any]:
        """The reservations of the reader with the phone."""
        reader = await self.service.web_reader(self.reader)
        return list((await reader.ok("GET", "/reservations?page_size=50"))["items"])

    @property
    def reader(self) -> Client:
        return self.people[self.phone]


async def verifies(tab: Tab, content: Any, said: str) -> None:
    """Gives the page this file, and waits until it says this."""
    file = FilePayload(
        name="season.json", mimeType="application/json", buffer=json.dumps(content).encode()
    )
    await tab.page.locator("[data-verify] input").set_input_files(file)
    await expect(tab.page.locator("[data-verify]")).to_contain_text(said)


async def test_the_story_of_a_term(service: Living, opened: Open, axe: str) -> None:
    desks = await opened(**DESKTOP), await opened(**DESKTOP)
    phone = await opened(path="/language/en?back=/", **ENGLISH)
    cast, page = Cast(service, desks, phone), phone.page
    await cast.at(7, "16:30")
    here = await cast.announce(SEATS, "[name=area][value='2f-hall']")
    locker = await cast.announce(LOCKERS, "[name=kind][value=lockers]")

    # Wishes, on the plan and by number; the receipt is the reader's.
    await cast.at(7, "17:30")
    await phone.go(here)
    await page.click("text=Choose on the plan")
    await page.locator(".whole-plan").scroll_into_view_if_needed()
    await expect(page.locator(".whole-plan a").first).to_be_in_viewport()
    for number in ("066", "065"):
        await page.click(f"svg [aria-label*='{number}, add as a wish']")
    await page.click("[aria-label^='Move'][aria-label*='065']")
    await page.click("[aria-label^='Remove'][aria-label*='066']")
    await page.uncheck("[name=any]")
    await shows_everybody(phone, axe, page.url.removeprefix(service.base), phone=True)
    await page.click("text=Save wishes")
    await expect(page.locator("[role=status]").first).to_contain_text("application is noted")
    receipt = await phone.text("#own ~ p > code.word")
    await phone.go(locker)
    await page.fill("[name=wish-1]", "a-01")
    await page.click("#apply ~ form button[type=submit]")
    await expect(page.locator("[role=status]").first).to_contain_text("application is noted")
    heir, leaver = [await service.reader() for _ in range(2)]
    await apply(here.rpartition("/")[2], heir, wishes=(OWN,))
    await apply(here.rpartition("/")[2], leaver, wishes=(OTHER,))

    # Two people freeze and draw.
    await cast.at(8, "17:05")
    for one in (here, locker):
        await cast.take(one, "发起封存", "确认封存")
    await phone.go(here)
    await expect(page.locator("[data-proof] output")).to_contain_text("it is in the frozen list")
    await cast.at(8, "21:05")
    for one in (here, locker):
        await cast.take(one, "发起抽签", "数值正确，抽签")

    # A stranger verifies with the page alone, and again when an applicant has been erased.
    stranger = await opened(path=here, **DESKTOP)
    async with stranger.page.expect_download() as download:
        await stranger.page.click("text=下载文件")
    content = json.loads((await (await download.value).path()).read_bytes())
    assert receipt not in json.dumps(content)
    await stranger.context.set_offline(True)
    await verifies(stranger, content, "这次抽签没有问题：名单、顺序和结果")
    entries = content["applications"]
    for forged, fault in (
        (entries[::-1], "名单的顺序不是抽出来的顺序"),
        ([one | {"weight": 2} for one in entries], "有一份申请的权重不是规则给的"),
    ):
        await verifies(stranger, content | {"applications": forged}, fault)
    await stranger.context.set_offline(False)
    await desks[0].go(f"/console{here}/holders")
    await expect(desks[0].page.locator("tr", has_text="066")).to_contain_text(leaver.number)
    await erase(service, leaver)
    await desks[0].page.reload()
    await expect(desks[0].page.locator("tr", has_text="066")).to_contain_text("空着")
    await stranger.page.reload()
    await stranger.page.click("[data-draw]")
    await expect(stranger.page.locator("[data-verify]")).to_contain_text("这次抽签没有问题")

    # The first day, by a kiosk's code; the next one is given back.
    await cast.at(13, "09:00")
    await cast.at(14, "09:30")
    await phone.go(here)
    await expect(page.locator("#own ~ p").first).to_contain_text("You got")
    await page.goto(await service.qr())
    await page.click("main button >> text=Check in")
    assert await phone.text(".done") == "Checked in"
    days = {day["date"]: day for day in await cast.days()}
    await phone.go(f"/reservations/{days['2026-09-15']['id']}")
    await page.click("main >> text=/^Cancel/")
    await page.click("text=Cancel it")
    assert await phone.text(".done") == "Booking cancelled"

    # A missed day is a violation, against which the reader appeals.
    await cast.at(16, "10:01")
    await phone.go("/reservations/violations")
    await page.click("main >> text=/^Appeal$/")
    await page.fill("[name=text]", "I was at the doctor's.")
    await page.click("text=Send appeal")
    await expect(page.locator("main")).to_contain_text("Appeal pending")
    await desks[0].go("/console/appeals")
    await desks[0].page.fill("main [name=text]", "早日康复")
    await desks[0].page.click("button:text-is('免除违约')")
    await expect(desks[0].page.locator(".done")).to_contain_text("已答复")

    # What the holder gives up goes to the next in rank.
    await phone.go(here)
    await page.click("summary:text-is('Swap or give up')")
    await page.check("[type=checkbox][required]")
    await page.click("button:text-is('Give up')")
    await expect(page.locator("[role=status]").first).to_contain_text("given it up")
    await desks[0].go(f"/console{here}/holders")
    await expect(desks[0].page.locator("tr", has_text="065")).to_contain_text(heir.number)

    # After the term the locker is empty.
    await cast.at(19, "09:00")
    await desks[1].go(f"/console{locker}/holders")
    await desks[1].page.fill("main [name=reason]", "看过")
    await desks[1].page.click("main button:text-is('登记')")
    await desks[1].page.wait_for_url("**?done=*")
    await expect(desks[1].page.locator("tr", has_text="A-01")).to_contain_text("空着")
    await phone.go(locker)
    await expect(page.locator("#own ~ p").nth(1)).to_contain_text("A-01")
