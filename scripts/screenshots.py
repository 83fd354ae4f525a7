"""Takes the pictures of the documentation (docs/images) and of the console's handbook
(handlers/handbook/images; the English ones in its folder en), from a service of its own
(scripts/screenshots)."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from lab.bench.service import MORNING, House, Member, Stage, house, members, serving
from miniapp_server.embedded_databases import embedded_databases
from miniapp_server.load_data.history_repository import HistoryWriter
from miniapp_server.load_data.living import LivingLibrary
from miniapp_server.sandbox.state_repository import SandboxState
from models.identity.entities import StaffRole
from models.identity.roles import Role
from models.kiosks.keys import new_key, new_secret
from models.library.entities import KioskId
from models.reservations.presence import PresenceMethod

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "images"
HANDBOOK: Final = ROOT / "handlers" / "handbook" / "images"
CHROMIUM: Final = "/usr/bin/chromium"
_ARGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
KIOSK_ID: Final = KioskId("2f-south")
KIOSK: Final[dict[str, Any]] = {"viewport": {"width": 1080, "height": 720}}
PICTURES: Final = (
    ("plan", "/areas/2f-hall?seat=2f-hall-063", DESKTOP, "#panel .day"),
    ("plan-phone", "/areas/2f-hall?seat=2f-hall-063", PHONE, "#panel .day"),
    ("areas-phone", "/", PHONE, ".tiles"),
)


@dataclass(frozen=True, slots=True)
class Typed:
    """The words that people typed in the handbook's pictures of one language. ``table``: the
    columns of a floor file, then the beginning of its lines and the word for yes."""

    locale: str
    images: Path
    administrator: str
    group: str
    table: tuple[str, str, str]


CHINESE: Final = Typed(
    "zh-CN",
    HANDBOOK,
    "张三",
    "研究生",
    ("区域,楼层,座位号,行,列,电源", "五层东区,5", "是"),
)
ENGLISH: Final = Typed(
    "en-GB",
    HANDBOOK / "en",
    "Alex Morgan",
    "Postgraduates",
    ("area,floor,seat,row,column,power", "Reading Room East,5", "yes"),
)


async def _fill_in_a_group(typed: Typed, page: Page) -> None:
    for name, text in (
        ("name", typed.group),
        ("shown_name", typed.group),
        ("max_minutes", "480"),
        ("patterns", "userType=graduate"),
    ):
        await page.fill(f"[name={name}]", text)
    await page.check("[name='area-2f-east']")
    await page.evaluate("scrollTo(0, 0)")


async def _preview_a_floor(typed: Typed, page: Page) -> None:
    columns, area, yes = typed.table
    rows = [f"{area},A-{n + 1},{n // 8 + 1},{n % 8 + 1},{yes * (n % 3 == 0)}" for n in range(40)]
    table = "\n".join((columns, *rows)).encode()
    await page.set_input_files(
        "[name=file]", {"name": "floor-5.csv", "mimeType": "text/csv", "buffer": table}
    )
    await page.click("main form button.button")
    await page.wait_for_selector("[name=confirmed]", state="attached")


AFTERNOON: Final = MORNING + timedelta(hours=4, minutes=40)
SEED: Final = 5
_FORESEEN_S: Final = 65
"""Seconds until the service has made forecasts from the counted days."""
_READ_AGAIN_S: Final = 8
"""Seconds until the service has loaded a library that was renamed."""
Act = Callable[[Page], Awaitable[None]]
HANDBOOK_PICTURES: Final = (
    ("today", "/console", DESKTOP, ".figures"),
    ("patrol", "/console/seats?area=2f-hall", PHONE, "#patrol"),
    ("opening-hours", "/console/calendar", DESKTOP, "main h1"),
    ("rules", "/console/rules", DESKTOP, "main h1"),
    ("notices", "/console/notices/new", DESKTOP, "main h1"),
    ("floor-plan", "/console/plans/2f-hall", DESKTOP, "#drawing"),
    ("devices", "/console/devices", DESKTOP, "main h1"),
    ("audit", "/console/audit", DESKTOP, "main h1"),
    ("setup", "/console/setup", DESKTOP, ".steps-list"),
    ("import", "/console/plans/import", DESKTOP, "[name=file]"),
    ("groups", "/console/groups/new", DESKTOP, "[name=patterns]"),
    ("statistics", "/console/statistics", DESKTOP, "main svg"),
)
ACTS: Final[Mapping[str, Callable[[Typed, Page], Awaitable[None]]]] = {
    "import": _preview_a_floor,
    "groups": _fill_in_a_group,
}
"""Actions on a page before its picture is taken."""
_COLOURS: Final = 128
"""Colours of a picture: flat surfaces and text look the same, and the file shrinks to a third."""


async def _picture(
    browser: Browser,
    stage: Stage,
    member: Member,
    file: Path,
    path: str,
    options: Any,
    ready: str,
    act: Act | None = None,
) -> None:
    base = f"http://127.0.0.1:{stage.port}"
    context = await browser.new_context(**{"locale": "zh-CN"} | options)
    await context.add_cookies([{"name": "seat_sid", "value": member.token, "url": base}])
    page = await context.new_page()
    await page.goto(base + path)
    await page.wait_for_selector(ready)
    if act is not None:
        await act(page)
    await page.wait_for_load_state("load")
    await page.screenshot(path=file)
    await context.close()
    with Image.open(file) as taken:
        taken.convert("RGB").quantize(_COLOURS).save(file, optimize=True)


async def _administrator(home: House, name: str) -> Member:
    """A new reader of this name whose session is an administrator's."""
    token, number = home.resources.settings.sealer.new_token(), secrets.token_hex(4).upper()
    reader = await home.stored.readers.upsert_from_login(number, name, "student", MORNING)
    role = StaffRole(Role.ADMINISTRATOR, AFTERNOON, AFTERNOON)
    until = MORNING + timedelta(hours=12)
    await home.stored.sessions.open_web(token, reader.id, number, MORNING, until, role)
    return Member(reader.id, token)


async def _lives(home: House) -> None:
    """Fills the library with six weeks of life, up to an afternoon, as the demo does."""
    offset = home.resources.clock.set(AFTERNOON)
    await home.stored.heartbeat.set(AFTERNOON)
    await SandboxState(home.db).set_offset(offset)
    for venue in home.reference.catalog.venues:  # as if its kiosks had been used
        await home.stored.presence_methods.put(venue, PresenceMethod.KIOSK_CODE, AFTERNOON)
    settings = home.resources.settings
    with closing(HistoryWriter(settings.mongo_url, settings.database)) as writer:
        await LivingLibrary(home.app, writer, SEED).begin()
    await asyncio.sleep(_FORESEEN_S)


async def _name_in_english(home: House) -> None:
    """Gives everything in the library an English name, made from its id, such as East."""
    for kind in ("venues", "areas", "kiosks", "gates"):
        for document in await home.db[kind].find().to_list(None):
            floor, _, place = document["_id"].rpartition("-")
            what = {"kiosks": "Kiosk", "gates": "Gate"}.get(kind, "")
            words = (floor and what and f"Floor {floor[0]}", place.title(), what)
            name = " ".join(filter(None, words))
            await home.db[kind].update_one({"_id": document["_id"]}, {"$set": {"name": name}})
    names = {"name": "Library", "title": "Library seats", "campus_app": "Campus", "language": "en"}
    names |= {"audience": "", "mini_program": "Library seats", "menu": "Seats"}
    await home.db["profile"].update_many({}, {"$set": names})
    await home.db["versions"].update_one({"_id": "library"}, {"$inc": {"number": 1}})
    await asyncio.sleep(_READ_AGAIN_S)


async def _handbook(browser: Browser, stage: Stage, typed: Typed) -> None:
    """The console's pictures, for the handbook that travels with the service."""
    typed.images.mkdir(parents=True, exist_ok=True)
    administrator = await _administrator(stage.house, typed.administrator)
    for name, path, options, ready in HANDBOOK_PICTURES:
        file, act = typed.images / f"{name}.png", ACTS.get(name)
        await _picture(
            browser,
            stage,
            administrator,
            file,
            path,
            options | {"locale": typed.locale},
            ready,
            partial(act, typed) if act else None,
        )


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        async with (
            embedded_databases(Path(folder)) as databases,
            house(Path(folder), databases) as home,
            serving(home) as stage,
            async_playwright() as playwright,
        ):
            await _lives(home)
            (member,) = await members(stage.house, 1)
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGS))
            for name, path, options, ready in PICTURES:
                file = FOLDER / f"{name}.png"
                await _picture(browser, stage, member, file, path, options, ready)
            await _handbook(browser, stage, CHINESE)
            key = new_key()
            await stage.house.stored.kiosks.issue_kiosk_key(KIOSK_ID, key, new_secret())
            kiosk = f"/kiosk/{KIOSK_ID}#key={key}"
            await _picture(browser, stage, member, FOLDER / "kiosk.png", kiosk, KIOSK, "#free li")
            await _name_in_english(stage.house)
            await _handbook(browser, stage, ENGLISH)
            await browser.close()


if __name__ == "__main__":
    argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__).parse_args()
    uvloop.run(asyncio.wait_for(main(), 600))
