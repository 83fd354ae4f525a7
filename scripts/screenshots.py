"""Pictures of the main pages for the documentation, of a service of its own: docs/images.

``python -m scripts.screenshots`` (in the environment of scripts/test, which brings Chromium).
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

import uvloop
from playwright.async_api import Browser, async_playwright

from miniapp_server.embedded_databases import embedded_databases
from models.kiosks.keys import new_key, new_secret
from models.library.entities import KioskId
from scripts.bench_service import Member, Stage, house, members, serving

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "images"
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


async def _picture(
    browser: Browser, stage: Stage, member: Member, name: str, path: str, options: Any, ready: str
) -> None:
    base = f"http://127.0.0.1:{stage.port}"
    context = await browser.new_context(locale="zh-CN", **options)
    await context.add_cookies([{"name": "seat_sid", "value": member.token, "url": base}])
    page = await context.new_page()
    await page.goto(base + path)
    await page.wait_for_selector(ready)
    await page.wait_for_load_state("load")
    await page.screenshot(path=FOLDER / f"{name}.png")
    await context.close()


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
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
                await _picture(browser, stage, member, name, path, options, ready)
            key = new_key()
            await stage.house.stored.kiosks.issue_kiosk_key(KIOSK_ID, key, new_secret())
            kiosk = f"/kiosk/{KIOSK_ID}#key={key}"
            await _picture(browser, stage, member, "kiosk", kiosk, KIOSK, "#free li")
            await browser.close()


if __name__ == "__main__":
    uvloop.run(asyncio.wait_for(main(), 120))
