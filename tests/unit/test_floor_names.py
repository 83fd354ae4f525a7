"""Floors in words, above and below the ground."""

from __future__ import annotations

import pytest

from handlers.texts.pages import floor_text
from models.library.entities import floor_label


@pytest.mark.parametrize(
    ("floor", "label", "text"),
    [
        (-2, "地下2层", "地下二层"),
        (-1, "地下1层", "地下一层"),
        (1, "1层", "一层"),
        (9, "9层", "九层"),
        (10, "10层", "10层"),
    ],
)
def test_floors_above_and_below_ground_have_their_labels(floor: int, label: str, text: str) -> None:
    assert (floor_label(floor), floor_text(floor)) == (label, text)
