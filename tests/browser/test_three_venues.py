"""A library of three venues, from an empty database to a reader who has come and gone: in Berlin in
English, in Beijing in Chinese. Nobody meets a word of another language that nobody typed."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
import pytest_asyncio
import zxingcpp
from openpyxl import Workbook  # type: ignore[import-untyped]
from PIL import Image

from languages.catalogue import LANGUAGES
from miniapp_server.sandbox.cas import ROOT, CasState, cas_routes
from miniapp_server.sandbox.cas_repository import SandboxCas
from tests.browser.conftest import DESKTOP, PHONE, Open, Tab
from tests.browser.foreign_words import CHINESE, LATIN, look, watch
from tests.living import Living, free_port, living
from tests.oidc_provider import real_provider
from tests.stand_in import StandIn

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Library:
    """A library, its people, and what they type. ``areas``: venue, floor, name, and the first
    seat's name; ``head`` and ``student``: accounts of the sign-on."""

    tag: str
    locale: str
    foreign: str
    known: tuple[str, ...]
    name: str
    title: str
    contact: str
    zone: str
    monday_8: str
    venues: tuple[str, str, str]
    areas: tuple[tuple[int, int, str, str], ...]
    columns: tuple[str, ...]
    kiosk: str
    notice: tuple[str, str]
    reason: str
    head: str
    student: str

    def says(self, chinese: str, context: str | None = None) -> str:
        """The text in the library's language."""
        return LANGUAGES[self.tag].translation(chinese, context)


BEISPIELSTADT: Final = Library(
    "en",
    "en-GB",
    CHINESE,
    (),
    "Universität Beispielstadt",
    "Sitzplatzreservierung der Universitätsbibliothek Beispielstadt",
    "Service desk +49 30 1234",
    "Europe/Berlin",
    "2026-09-07T08:00:00+02:00",
    ("Hauptbibliothek", "Juridicum", "Nachtlesesaal"),
    (
        (0, 1, "Lesesaal A", "A-1-01"),
        (0, 1, "Wirtschaftswissenschaftlicher Lesesaal", "WiWi-1-01"),
        (0, 1, "Gruppenzone", "G1"),
        (0, 2, "Lesesaal B", "B-2-001"),
        (0, 2, "Fensterplätze", "F-01"),
        (0, 0, "Zeitschriften", "Z1"),
        (0, -1, "Magazin", "M-01"),
        (1, 1, "Jura Galerie", "JG 1"),
        (1, 2, "Lesesaal A", "A-1-07"),
        (1, 2, "Doktorandenzimmer Nord", "Carrel 3"),
        (2, 0, "Saal", "N-001"),
        (2, 1, "Empore", "E 1"),
    ),
    ("venue", "area", "floor", "seat", "row", "column", "power"),
    "Foyer",
    ("Sunday opening", "From October the **Nachtlesesaal** is open on Sundays."),
    "Opening day",
    "helga",
    "erin",
)
BEIJING: Final = Library(
    "zh",
    "zh-CN",
    LATIN,
    ("Desk lamp", "de Leselampe"),
    "示例大学图书馆",
    "示例大学图书馆座位预约",
    "服务台电话 010-1234",
    "Asia/Shanghai",
    "2026-09-07T08:00:00+08:00",
    ("图书馆", "二校区图书馆", "通宵自习室"),
    (
        (0, 1, "A区", "A-1-01"),
        (0, 1, "报刊阅览室", "001"),
        (0, 1, "自习室B", "B1"),
        (0, 2, "二层中厅", "065"),
        (0, 2, "二层南区靠窗", "F-01"),
        (0, 3, "外文图书阅览室", "101"),
        (0, -1, "密集书库", "M-01"),
        (1, 1, "法学阅览室", "JG 1"),
        (1, 2, "A区", "A-1-07"),
        (1, 2, "研究生研修间", "Carrel 3"),
        (2, 1, "自习室B", "001"),
        (2, 2, "夜读廊", "E 1"),
    ),
    ("场馆", "区域", "楼层", "座位号", "行", "列", "电源"),
    "大厅选座机",
    ("周日开放", "十月起 **通宵自习室** 周日也开放。"),
    "开馆",
    "administrator",
    "21071234",
)


@pytest.fixture(params=[BEISPIELSTADT, BEIJING], ids=["Beispielstadt", "Beijing"])
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    yield request.param


@pytest_asyncio.fixture(loop_scope="session")
async def service(
    mongo_url: str, redis_url: str, stand_in: StandIn, library: Library
) -> AsyncIterator[Living]:
    """The service as it is installed, and its campus: OpenID Connect in Berlin, CAS in Beijing."""
    now, env = datetime.fromisoformat(library.monday_8), dict[str, Any]()
    async with AsyncExitStack() as stack:
        if library is BEIJING:
            port = free_port()
            cas = f"http://127.0.0.1:{port}{ROOT}"
            env = {"CAS_BASE_URL": cas, "CAS_ADMINISTRATOR_GROUP": "library-head"}
            running = await stack.enter_async_context(living(mongo_url, redis_url, now=now, **env))
            state = CasState(SandboxCas(running.db), running.clock.now, (running.base,))
            await stand_in(cas_routes(state), port)
        else:
            provider = await stack.enter_async_context(real_provider())
            groups = {"GROUPS_CLAIM": "groups", "ADMINISTRATOR_GROUP": "library-head"}
            env = {"OIDC_PROVIDERS": "campus", **provider.env("campus", **groups)}
            running = await stack.enter_async_context(living(mongo_url, redis_url, now=now, **env))
            await provider.serve(running.base)
        yield running


async def on_campus(tab: Tab, library: Library, account: str) -> None:
    """Signs in on the campus's pages, whose words are not judged."""
    page, base = tab.page, tab.service.base
    await page.click("a[href^='/login']")
    if library is BEIJING:
        await page.fill("[name=username]", account)
        await page.fill("[name=password]", "demo")
        await page.press("[name=password]", "Enter")
    else:
        await page.fill("[name=login]", account)
        await page.fill("[name=password]", "any")
        await page.press("[name=password]", "Enter")
        await page.click("button[type=submit]")
    await page.wait_for_url(f"{base}/**")


def twelve_areas(library: Library) -> bytes:
    """A workbook with a row for each seat, ten in an area; every third seat has power."""
    book, file = Workbook(), io.BytesIO()
    book.active.append(library.columns)
    yes = library.says("是")
    for venue, floor, area, first in library.areas:
        name = first.rstrip("0123456789")
        number = first.removeprefix(name)
        for n in range(10):
            seat = f"{name}{int(number) + n:0{len(number)}}"
            place = (library.venues[venue], area, floor, seat, n // 4 + 1, n % 4 + 1)
            book.active.append([*place, yes if n % 3 == 0 else None])
    book.save(file)
    return file.getvalue()


async def set_up(tab: Tab, screen: Tab, library: Library) -> None:
    """Goes through the first run, and makes what a library has on its opening day."""
    page, says = tab.page, library.says
    await look(tab)
    await on_campus(tab, library, library.head)
    assert await tab.text("h1") == says("首次设置")
    await look(tab)
    await page.click("[name=operation][value=begin]")
    await tab.go("/console/library")
    for name in ("name", "title", "contact", "zone"):
        await page.fill(f"[name={name}]", getattr(library, name))
    await page.click("[name=operation][value=preview]")
    await look(tab)
    await page.click("[name=operation][value=save]")
    for venue in library.venues:
        await tab.go("/console/venues")
        await page.fill("form:has(.button) [name=name]", venue)
        await page.click("form .button")
    await hours(tab, library)
    await tab.go("/console/plans/import")
    await page.set_input_files(
        "[name=file]", {"name": "seats.xlsx", "mimeType": XLSX, "buffer": twelve_areas(library)}
    )
    await page.click("form .button")
    await look(tab)
    assert await page.locator("main details").count() == len(library.areas)
    await page.fill("[name=reason]", library.reason)
    await page.click("form:has([name=confirmed]) .button")
    await tab.go("/console/setup")
    await page.click(f"button:text-is('{says('就用现在的规则')}')")
    await tab.go("/console/rules")
    await page.check(".switches [name=hall_display]")
    await page.click(".sticky .button")
    await look(tab)
    await page.fill("[name=why]", library.reason)
    await page.click("form:has([name=confirmed]) .button")
    await pair(tab, screen, library)
    await tab.go("/console/setup")
    await page.click("[name=operation][value=finish]")
    await tab.go("/console/notices/new")
    await page.fill("[name=title]", library.notice[0])
    await page.fill("[name=body]", library.notice[1])
    await page.check("[name=pinned]")
    await page.fill("[name=reason]", library.reason)
    await page.click("[name=operation][value=save]")


async def hours(tab: Tab, library: Library) -> None:
    """Gives the library its week and the last venue the whole day."""
    page = tab.page
    night = list(tab.service.inside.reference.catalog.venues)[-1]
    for place, day, kind in (("", 6, "closed"), (f"v:{night}", 0, "whole")):
        await tab.go(f"/console/calendar?at={place}")
        await page.click("details > summary")
        await page.select_option(f"[name=day{day}]", kind)
        await page.click("form:has([name=day0]) .button")
        await look(tab)
        await page.fill("[name=why]", library.reason)
        await page.click("form:has([name=confirmed]) .button")


async def pair(tab: Tab, screen: Tab, library: Library) -> None:
    """Adds the kiosk of the first venue and pairs its screen."""
    page = tab.page
    await screen.go("/kiosk")
    await screen.page.wait_for_selector("#code:visible")
    await look(screen)
    await tab.go("/console/devices")
    add = "form[action='/console/devices']"
    await page.fill(f"{add} [name=id]", "hall")
    await page.fill(f"{add} [name=name]", library.kiosk)
    await page.fill(f"{add} [name=code]", await screen.text("#code"))
    await page.fill(f"{add} [name=reason]", library.reason)
    await page.click(f"{add} .button")
    await look(tab)
    assert await tab.text(".word") == await screen.text("#word b")
    await page.click("form .button")
    await screen.page.wait_for_selector("#code svg")
    await look(screen)
    _, law, night = tab.service.inside.reference.catalog.venues
    for source, venue in (("seat_label", law), ("desk", night)):
        for other in ("kiosk", "gate"):
            await page.uncheck(f"[name='{other}@{venue}']")
        await page.check(f"[name='{source}@{venue}']")
    await page.fill("form[action$='/venues'] [name=reason]", library.reason)
    await page.click("form[action$='/venues'] [type=submit]")
    await look(tab)


async def later(tab: Tab, minutes: int) -> None:
    """Lets time pass, with what is due in it, while the kiosk's screen is on."""
    service = tab.service
    for _ in range(0, minutes, 2):
        await service.leap(timedelta(minutes=2))
        seen = {"$set": {"last_seen_at": service.clock.now()}}
        await service.db["kiosks"].update_many({}, seen)
        await service.settle()


async def scan(tab: Tab, screen: Tab) -> None:
    """Scans the kiosk's code with the phone."""
    await screen.page.reload()
    await screen.page.wait_for_selector("#code svg")
    await look(screen)
    picture = Image.open(io.BytesIO(await screen.page.screenshot()))
    (address,) = (one.text for one in zxingcpp.read_barcodes(picture) if "/k/" in one.text)
    await tab.page.goto(address)
    await look(tab)


async def book(tab: Tab, library: Library, venue: int, area: str, no: str, start: str = "") -> None:
    """Books the seat, from now on without a start: its venue, its area, its place on the plan."""
    page = tab.page
    await tab.go("/")
    await page.click(f"nav.venues >> text='{library.venues[venue]}'")
    await look(tab)
    await tab.open_area(f".tile:has-text('{area}')")
    await page.click(f"#plan [data-no='{no}']")
    await page.wait_for_selector("#panel .day")
    await tab.choose(start)
    await look(tab)
    await page.click("#panel .button")
    assert await tab.text(".done") == library.says("预约成功")
    card = await tab.text(".pass")
    assert all(fact in card for fact in (library.venues[venue], area, no)), card
    await look(tab)


async def stay(tab: Tab, screen: Tab, library: Library) -> None:
    """Books, is reminded, checks in by the kiosk's code, steps out, returns, and leaves."""
    page, says = tab.page, library.says
    venue, _, area, no = library.areas[0]
    await book(tab, library, venue, area, no, start="12:00")
    await later(tab, minutes=14)
    await tab.go("/notices")
    reminder = page.locator("li.unread", has_text=says("预约签到提醒"))
    assert no in await reminder.inner_text()
    await look(tab)
    await scan(tab, screen)
    await page.click("main .button")
    assert await tab.text(".done") == says("签到成功")
    await look(tab)
    await page.click(".pass a[href$='/leave']")
    await page.wait_for_selector("dialog[open]")
    await look(tab)
    await page.click("dialog[open] [type=submit]")
    await page.wait_for_selector(".pass.away")
    await look(tab)
    await later(tab, minutes=8)
    await scan(tab, screen)
    await page.click("main .button")
    assert await tab.text(".done") == says("已返回，继续使用")
    await page.click(".pass a[href$='/finish']")
    await page.wait_for_selector("dialog[open]")
    await look(tab)
    await page.click("dialog[open] [type=submit]")
    await page.wait_for_selector(".done")
    await look(tab)


async def miss(tab: Tab, screen: Tab, library: Library) -> None:
    """Cancels a booking in another venue, misses one in the first, and asks about an appeal."""
    page = tab.page
    for index in (9, 3):
        venue, _, area, no = library.areas[index]
        await book(tab, library, venue, area, no)
        if venue:
            await page.click(".pass a[href$='/cancel']")
            await page.wait_for_selector("dialog[open]")
            await look(tab)
            await page.click("dialog[open] [type=submit]")
            await page.wait_for_selector(".done")
            await look(tab)
    await later(tab, minutes=32)
    await tab.go("/reservations/violations")
    await look(tab)
    await page.click("a[href$='/appeal']")
    await page.wait_for_selector("dialog[open]")
    await look(tab)


READER_PAGES: Final = (
    "/",
    "/reservations",
    "/reservations/violations",
    "/reservations/gates",
    "/me",
    "/me/data",
    "/me/erase",
    "/me/calendar",
    "/me/devices",
    "/rules",
    "/notices",
    "/contact",
    "/check-in",
    "/privacy",
    "/about/proof",
    "/logout",
)
WRONG: Final = {"/nowhere": 404, "/reservations/none": 404, "/console": 403, "/areas/none": 404}
CONSOLE: Final = (
    *("", "/seats", "/reports", "/faults", "/appeals", "/questions", "/readers", "/groups"),
    *("/groups/new", "/seat-history", "/code-sharing", "/library", "/venues", "/calendar"),
    *("/rules", "/plans", "/features", "/devices", "/notices", "/notices/new", "/staff", "/rooms"),
    *("/room-settings", "/room-settings/new"),
    *("/api-tokens", "/webhooks", "/statistics", "/statistics/seats", "/deliveries", "/audit"),
    *("/alerts", "/announcements", "/canned-answers", "/handbook", "/setup", "/plans/import"),
    *("/devices/kiosk/hall/poster", "/devices/kiosk/hall/pairing", "/affected-bookings"),
)


async def read_all(tab: Tab) -> None:
    """Opens every page of a reader, what their bookings and notices have, and wrong addresses."""
    for path in READER_PAGES:
        await tab.go(path)
        await look(tab)
    for where, links in (
        ("/reservations", "tbody a[href^='/res']"),
        ("/notices", "main a[href^='/n']"),
    ):
        await tab.go(where)
        await tab.page.click(f"{links} >> nth=0")
        await look(tab)
    area = next(iter(tab.service.inside.reference.catalog.areas.values()))
    seat = area.seats[0].id
    await tab.go(f"/seats/{seat}/fault")
    await look(tab)
    await tab.go(f"/areas/{area.id}?seat={seat}&date={tab.service.tomorrow}")
    for step in ("[data-together]", ".together [type=submit]"):
        await tab.page.click(step)
        await look(tab)
    await tab.page.wait_for_selector("#together")
    for path, status in {**WRONG, f"/s/{seat}": 422}.items():
        tab.expected = {status}
        await tab.go(path)
        await look(tab)


async def read_console(tab: Tab) -> None:
    """Opens every page of the console, and an area's and a reader's."""
    area = next(iter(tab.service.inside.reference.catalog.areas))
    for path in (
        *CONSOLE,
        *(f"/plans/{area}{page}" for page in ("", "/settings", "/labels", "/poster")),
    ):
        tab.expected = {404} if path in ("/deliveries", "/alerts") else set()
        await tab.go(f"/console{path}")
        await look(tab)
    await tab.go("/console/audit")
    change = tab.page.locator("td:nth-child(5)").first
    assert await change.evaluate("one => one.offsetWidth") > 120, "beside names that are long"


@pytest.mark.whole
async def test_nobody_meets_a_word_of_another_language(
    service: Living, opened: Open, library: Library
) -> None:
    at_home: dict[str, Any] = {"locale": library.locale}
    wide: dict[str, Any] = {"width": 1080, "height": 1920}
    names = ("screen", "head", "student", "hall")
    tabs = await asyncio.gather(
        opened(path="/healthz", viewport=wide, **at_home),
        opened(path="/healthz", **DESKTOP, **at_home),
        opened(path="/healthz", **PHONE, **at_home),
        opened(path="/healthz", viewport={"width": 1920, "height": 1080}, **at_home),
    )
    met = {
        name: await watch(tab, library.foreign, library.known)
        for name, tab in zip(names, tabs, strict=True)
    }
    screen, head, student, hall = tabs
    for tab in tabs:  # with the campus's pages
        tab.known += ("http://127.0.0.1:", "https://fonts.g")
    await head.go("/")
    await set_up(head, screen, library)
    await service.leap(timedelta(hours=3, minutes=48))
    await service.settle()
    await student.go("/")
    await on_campus(student, library, library.student)
    await stay(student, screen, library)
    await miss(student, screen, library)
    await read_all(student)
    await read_console(head)
    first = next(iter(service.inside.reference.catalog.venues))
    await hall.go(f"/display/{first}")
    await hall.page.wait_for_selector("tbody tr")
    await look(hall)
    assert not any(met.values()), met
