"""Pictures of the main pages for the documentation, of a service of its own: docs/images, and of
the console's for the handbook: docs/handbook/images.

``python -m scripts.screenshots`` (in the environment of scripts/test, which brings Chromium).
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

import uvloop
from PIL import Image
from playwright.async_api import Browser, async_playwright

from miniapp_server.embedded_databases import embedded_databases
from models.identity.roles import Role
from models.kiosks.keys import new_key, new_secret
from models.library.entities import KioskId
from scripts.bench_service import MORNING, House, Member, Stage, house, members, serving

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
FOLDER: Final = DOCS / "images"
HANDBOOK: Final = DOCS / "handbook" / "images"
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
    ("areas", "/", DESKTOP, ".tiles"),
    ("plan", "/areas/2f-hall?seat=2f-hall-063", DESKTOP, "#panel .times"),
    ("plan-phone", "/areas/2f-hall?seat=2f-hall-063", PHONE, "#panel .times"),
    ("areas-phone", "/", PHONE, ".tiles"),
)
HANDBOOK_PICTURES: Final = (
    ("today", "/console", DESKTOP, ".figures"),
    ("patrol", "/console/seats?area=2f-hall", PHONE, ".patrol"),
    ("opening-hours", "/console/calendar", DESKTOP, "main h1"),
    ("rules", "/console/rules", DESKTOP, "main h1"),
    ("notices", "/console/notices/new", DESKTOP, "main h1"),
    ("floor-plan", "/console/plans/2f-hall", DESKTOP, "#drawing"),
    ("devices", "/console/devices", DESKTOP, "main h1"),
    ("audit", "/console/audit", DESKTOP, "main h1"),
)
_COLOURS: Final = 128
"""Of a picture in the handbook: flat surfaces and text look the same and take a third."""


async def _picture(
    browser: Browser, stage: Stage, member: Member, file: Path, path: str, options: Any, ready: str
) -> None:
    base = f"http://127.0.0.1:{stage.port}"
    context = await browser.new_context(locale="zh-CN", **options)
    await context.add_cookies([{"name": "seat_sid", "value": member.token, "url": base}])
    page = await context.new_page()
    await page.goto(base + path)
    await page.wait_for_selector(ready)
    await page.wait_for_load_state("load")
    await page.screenshot(path=file)
    await context.close()


async def _administrator(home: House) -> Member:
    """A member whose session may see and change everything."""
    (member,) = await members(home, 1)
    await home.db["sessions"].update_one(
        {"reader": member.id},
        {
            "$set": {
                "role": {
                    "name": Role.ADMINISTRATOR.value,
                    **dict.fromkeys(("since", "used_at"), MORNING),
                }
            }
        },
    )
    return member


async def _handbook(browser: Browser, stage: Stage) -> None:
    """The console's pictures, with few colours: the handbook travels with the service."""
    administrator = await _administrator(stage.house)
    for name, path, options, ready in HANDBOOK_PICTURES:
        file = HANDBOOK / f"{name}.png"
        await _picture(browser, stage, administrator, file, path, options, ready)
        with Image.open(file) as taken:
            taken.convert("RGB").quantize(_COLOURS).save(file, optimize=True)


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
            await stage.half_fill()
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
    uvloop.run(asyncio.wait_for(main(), 120))
