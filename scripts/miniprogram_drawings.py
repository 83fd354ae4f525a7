"""Makes the mini-program's marks and tab icons from miniprogram/drawings.

``python -m scripts.miniprogram_drawings`` writes miniprogram/marks.wxss, one class for each
drawing, and miniprogram/images/tab-*.png for WeChat's tab bar: each tab has four pictures of 81×81
pixels, light and dark, selected and not. Chromium draws them.
"""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, async_playwright

from handlers.texts.feature_icons import ICON_PATHS

CLIENT: Final = Path(__file__).resolve().parents[1] / "miniprogram"
DRAWINGS: Final = CLIENT / "drawings"
IMAGES: Final = CLIENT / "images"
MARKS: Final = CLIENT / "marks.wxss"
SIDE: Final = 81
"""Pixels of a tab's icon, as WeChat recommends."""
INSET: Final = 8
"""Pixels left free around an icon, as in WeChat's own."""
COLOURS: Final = {"": "soft", "-on": "brand"}
"""The theme's colour by the ending of the file: not selected, selected."""
_HEAD: Final = """\
/* Made from drawings/ by scripts/miniprogram_drawings.py. A mark has the colour of its text. */
.i {
  display: inline-block; flex: none; width: 1em; height: 1em;
  background: currentColor; -webkit-mask: center / contain no-repeat;
}
"""
_LINES: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#000" '
    'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"><path d="{path}"/></svg>'
)


def marks() -> str:
    """The style sheet: one class for each drawing that is no tab's, and for each icon of a
    library's own seat features."""
    rules = []
    for file in sorted(DRAWINGS.glob("*.svg")):
        if file.stem.startswith("tab-"):
            continue
        rules.append(_rule(file.stem, file.read_bytes().strip()))
    for name, path in ICON_PATHS.items():
        rules.append(_rule(name, _LINES.format(path=path).encode()))
    return _HEAD + "".join(rules)


def _rule(name: str, svg: bytes) -> str:
    picture = b64encode(svg).decode()
    return f'.i-{name} {{ -webkit-mask-image: url("data:image/svg+xml;base64,{picture}"); }}\n'


def icons() -> dict[str, str]:
    """The SVG of each icon file, in the colour of its theme."""
    theme = json.loads((CLIENT / "theme.json").read_text(encoding="utf-8"))
    svgs = {}
    for file in sorted(DRAWINGS.glob("tab-*.svg")):
        colour = COLOURS["-on" if file.stem.endswith("-on") else ""]
        for scheme, values in theme.items():
            svg = file.read_text(encoding="utf-8").replace("#000", values[colour])
            svgs[f"{file.stem}-{scheme}.png"] = svg
    return svgs


async def _draw(browser: Browser, file: Path, svg: str) -> None:
    page = await browser.new_page(viewport={"width": SIDE, "height": SIDE})
    sized = re.sub("<svg ", f'<svg width="{SIDE - 2 * INSET}" ', svg, count=1)
    await page.set_content(
        f'<body style="margin: {INSET}px; line-height: 0; background: transparent">{sized}'
    )
    await page.screenshot(path=file, omit_background=True)
    await page.close()


async def main() -> None:
    MARKS.write_text(marks(), encoding="utf-8")
    IMAGES.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for name, svg in icons().items():
            await _draw(browser, IMAGES / name, svg)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
