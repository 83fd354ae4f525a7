"""Compares screens with the pictures in tests/browser/pictures, which
``RENEW_PICTURES=1 scripts/test pictures`` takes anew: look at each before you commit it.

The Chromium of the pictures has one font and draws it without hints, whatever the machine has.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageFilter
from playwright.async_api import Browser, Locator, Page

from tests.browser.conftest import chromium
from tests.tools import program

FOLDER: Final = Path(__file__).parent / "pictures"
RENEW: Final = "RENEW_PICTURES"
MOST_CHANGED: Final = 0.25
"""The share of a square's pixels that may have another colour."""
_SQUARE_PX: Final = 40
_BLUR_PX: Final = 1.5
_OTHER_COLOUR: Final = 24
"""A pixel has another colour if one channel differs by more than this, of 255, once both are
blurred."""
_COLOURS: Final = 64
_FONTS: Final = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir>
<match target="font"><edit name="hinting" mode="assign"><bool>false</bool></edit>
<edit name="rgba" mode="assign"><const>none</const></edit></match></fontconfig>"""


@asynccontextmanager
async def same_everywhere(folder: Path) -> AsyncIterator[Browser]:
    """A Chromium that draws a page as on any other machine."""
    settings = folder / "fonts.conf"
    fonts = Path(program("fonts")).parent
    settings.write_text(_FONTS.format(fonts=fonts, cache=folder / "fonts"), encoding="utf-8")
    async with chromium(env={**os.environ, "FONTCONFIG_FILE": str(settings)}) as running:
        yield running


async def taken(page: Page, mask: list[Locator]) -> Image.Image:
    """The picture of the window, in which these elements are covered."""
    data = await page.screenshot(animations="disabled", mask=mask, mask_color="#808080")
    return Image.open(BytesIO(data)).convert("RGB")


def most_changed(before: Image.Image, now: Image.Image) -> float:
    """The share of pixels with another colour in the square of 40 pixels that has most of them."""
    if before.size != now.size:
        return 1.0
    soft = [one.convert("RGB").filter(ImageFilter.GaussianBlur(_BLUR_PX)) for one in (before, now)]
    red, green, blue = ImageChops.difference(*soft).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    changed = most.point(lambda value: 255 * (value > _OTHER_COLOUR))
    squares = tuple(-(-length // _SQUARE_PX) for length in changed.size)
    return max(changed.resize(squares, Image.Resampling.BOX).tobytes()) / 255


async def looks_as_before(page: Page, name: str, mask: list[Locator], folder: Path) -> None:
    """Compares the window with its picture. What differs is left in the folder.

    Raises: AssertionError.
    """
    kept, now = FOLDER / f"{name}.png", await taken(page, mask)
    if os.environ.get(RENEW):
        now.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=8).save(kept, optimize=True)
    assert kept.exists(), f"no picture {name}: {RENEW}=1 scripts/test pictures"
    with Image.open(kept) as before:
        changed = most_changed(before, now)
    if changed > MOST_CHANGED:
        now.save(folder / f"{name}.png")
        raise AssertionError(
            f"{name}: a place is {changed:.0%} different; see {folder / name}.png and {kept}. "
            f"If it should be, {RENEW}=1 scripts/test pictures renews it"
        )
