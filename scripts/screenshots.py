"""Takes the pictures of the documentation (docs/images) and of the console's handbook
(handlers/handbook/images), from a service of its own (scripts/screenshots)."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from datetime import timedelta
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


async def _fill_in_a_group(page: Page) -> None:
    for name, text in (
        ("name", "研究生"),
        ("shown_name", "研究生"),
        ("max_minutes", "480"),
        ("patterns", "userType=graduate"),
    ):
        await page.fill(f"[name={name}]", text)
    await page.check("[name='area-2f-east']")
    await page.evaluate("scrollTo(0, 0)")


async def _preview_a_floor(page: Page) -> None:
    rows = [
        f"五层东区,5,A-{n + 1},{n // 8 + 1},{n % 8 + 1},{'是' * (n % 3 == 0)}" for n in range(40)
    ]
    table = "\n".join(("区域,楼层,座位号,行,列,电源", *rows)).encode()
    await page.set_input_files(
        "[name=file]", {"name": "五层.csv", "mimeType": "text/csv", "buffer": table}
    )
    await page.click("text=下一步：预览")
    await page.wait_for_selector("text=确认导入")


AFTERNOON: Final = MORNING + timedelta(hours=4, minutes=40)
SEED: Final = 5
_FORESEEN_S: Final = 65
"""Seconds until the service has made forecasts from the counted days."""
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
ACTS: Final[Mapping[str, Act]] = {"import": _preview_a_floor, "groups": _fill_in_a_group}
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
    context = await browser.new_context(locale="zh-CN", **options)
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


async def _administrator(home: House) -> Member:
    """A member whose session is an administrator's."""
    (member,) = await members(home, 1)
    await home.db["sessions"].update_one(
        {"reader": member.id},
        {
            "$set": {
                "role": {
                    "name": Role.ADMINISTRATOR.value,
                    **dict.fromkeys(("since", "used_at"), AFTERNOON),
                }
            }
        },
    )
    return member


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


async def _handbook(browser: Browser, stage: Stage) -> None:
    """The console's pictures, for the handbook that travels with the service."""
    administrator = await _administrator(stage.house)
    for name, path, options, ready in HANDBOOK_PICTURES:
        file, act = HANDBOOK / f"{name}.png", ACTS.get(name)
        await _picture(browser, stage, administrator, file, path, options, ready, act)


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    HANDBOOK.mkdir(parents=True, exist_ok=True)
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
            await _handbook(browser, stage)
            key = new_key()
            await stage.house.stored.kiosks.issue_kiosk_key(KIOSK_ID, key, new_secret())
            kiosk = f"/kiosk/{KIOSK_ID}#key={key}"
            await _picture(browser, stage, member, FOLDER / "kiosk.png", kiosk, KIOSK, "#free li")
            await browser.close()


if __name__ == "__main__":
    argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__).parse_args()
    uvloop.run(asyncio.wait_for(main(), 300))
