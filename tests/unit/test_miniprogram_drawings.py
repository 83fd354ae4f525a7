"""The mini-program's marks and icons equal their drawings and can be shown by WeChat."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest
from PIL import Image

from handlers.texts.feature_icons import ICON_PATHS, ICON_TEXT
from models.library.entities import SEAT_FEATURES
from models.library.seat_features import ICONS
from scripts.miniprogram_drawings import CLIENT, DRAWINGS, IMAGES, MARKS, SIDE, icons, marks

LARGEST: Final = 40 * 1024
"""Bytes of a tab's icon that WeChat takes."""
_NO_SIGN: Final = re.compile(
    "[\u2190-\u2bff\u2e80-\u2fdf\u3000\ufe0f\uff0b\uff0d\U0001f000-\U0001faff]"
)


def _json(name: str) -> Any:
    return json.loads((CLIENT / name).read_text(encoding="utf-8"))


def test_the_marks_equal_their_drawings() -> None:
    assert MARKS.read_text(encoding="utf-8") == marks(), "python -m scripts.miniprogram_drawings"


@pytest.mark.parametrize("name", sorted(icons()))
def test_an_icon_has_its_size_and_its_colour(name: str) -> None:
    file = IMAGES / name
    assert file.stat().st_size <= LARGEST
    colour = re.search('stroke="#(\\w{6})"', icons()[name])
    assert colour is not None
    expected = tuple(int(colour[1][n : n + 2], 16) for n in (0, 2, 4))
    with Image.open(file) as picture:
        assert (picture.format, picture.size, picture.mode) == ("PNG", (SIDE, SIDE), "RGBA")
        raw = picture.tobytes()
    pixels = [raw[n : n + 4] for n in range(0, len(raw), 4)]
    assert pixels[0][3] == 0, "nothing around it"
    drawn = [pixel for pixel in pixels if pixel[3] == 255]
    assert len(drawn) > 300
    for pixel in set(drawn):  # rounded, where the edges are smooth
        assert all(abs(is_ - should) <= 2 for is_, should in zip(pixel[:3], expected, strict=True))


def test_every_tab_has_four_existing_icons() -> None:
    theme, tabs = _json("theme.json"), _json("app.json")["tabBar"]["list"]
    used = {
        scheme[tab[key].removeprefix("@")]
        for scheme in theme.values()
        for tab in tabs
        for key in ("iconPath", "selectedIconPath")
    }
    assert len(used) == 4 * len(tabs)
    assert used == {f"images/{name}" for name in icons()}
    assert all((CLIENT / path).is_file() for path in used)


def test_no_rare_character_is_used_as_an_icon() -> None:
    """A phone without the character shows a box, and some make a coloured picture of it."""
    for folder in ("pages", "components", "lib"):
        for file in sorted((CLIENT / folder).rglob("*")):
            if file.suffix in (".wxml", ".ts", ".wxss"):
                signs = _NO_SIGN.findall(file.read_text(encoding="utf-8"))
                assert not signs, (file, signs)


def test_every_feature_of_a_seat_has_a_drawing() -> None:
    for feature in SEAT_FEATURES:
        assert (DRAWINGS / f"{feature}.svg").is_file(), feature
    assert ICON_PATHS.keys() == ICON_TEXT.keys() == set(ICONS)
    assert not set(ICONS) & {file.stem for file in DRAWINGS.glob("*.svg")}


def test_every_drawing_is_used() -> None:
    pages = "".join(
        file.read_text(encoding="utf-8")
        for folder in ("pages", "components", "lib")
        for file in sorted((CLIENT / folder).rglob("*"))
        if file.suffix in (".wxml", ".ts")
    )
    for file in DRAWINGS.glob("*.svg"):
        if not file.stem.startswith("tab-"):
            assert re.search(rf'["\s-]{file.stem}["\s{{]', pages), file.stem
