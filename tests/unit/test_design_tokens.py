"""The design's tokens: what is read on a surface can be read, in both schemes."""

from __future__ import annotations

import re

import pytest

from scripts import design_tokens

COLOURS = design_tokens.TOKENS["colours"]
TEXT, EDGE = 4.5, 3.0
READ_ON = [
    *((text, surface, TEXT) for text in ("ink", "soft", "brand") for surface in ("page", "card")),
    *((text, "card", TEXT) for text in ("free", "away", "bad")),
    *((text, f"{text}-soft", TEXT) for text in ("brand", "free", "away", "bad")),
    ("on-brand", "brand", TEXT),
    ("on-taken", "taken", TEXT),
    ("free", "desk", EDGE),
    ("free", "floor", EDGE),
    ("edge", "card", EDGE),
    ("edge", "page", EDGE),
]
WHITE = "#ffffff"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_read_on_a_surface_has_the_contrast_of_wcag_aa(scheme: str) -> None:
    for front, back, least in READ_ON:
        assert contrast(COLOURS[front][scheme], COLOURS[back][scheme]) >= least, (front, back)
    for name in ("pass-reserved", "pass-in-use", "pass-away"):
        assert contrast(WHITE, COLOURS[name][scheme]) >= TEXT, name


def test_a_sheet_with_other_tokens_is_written_anew() -> None:
    sheet = (design_tokens.ROOT / "handlers/static/app.css").read_text("utf-8")
    spoilt = sheet.replace(COLOURS["free"]["dark"], "#123456")
    assert spoilt != sheet
    assert design_tokens.with_tokens("handlers/static/app.css", spoilt) == sheet


def test_the_example_of_a_door_screen_has_the_colours_of_the_tokens() -> None:
    page = (design_tokens.ROOT / "examples/door_screen/index.html").read_text("utf-8")
    light, dark = re.findall(r":root {([^}]*)}", page)
    for scheme, rule in (("light", light), ("dark", dark)):
        colours = dict(re.findall(r"--([\w-]+): (#\w+)", rule))
        assert len(colours) > 5
        assert colours == {name: COLOURS[name][scheme] for name in colours}


def contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
