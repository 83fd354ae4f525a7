from __future__ import annotations

from collections.abc import Sequence

import pytest

from handlers.seat_map.plan_rooms import lines_of


@pytest.mark.parametrize(
    ("name", "width", "most", "lines"),
    [
        ("研修间201", 112, 3, ["研修间201"]),
        ("Group Study Room 3", 112, 3, ["Group Study Room", "3"]),
        ("Rechtswissenschaftlicher Raum A", 112, 3, ["Rechtswissenscha", "ftlicher Raum A"]),
        ("经济管理与法学外文期刊研修间", 72, 2, ["经济管理与", "法学外文期…"]),
        ("Lesesaal A", 32, 1, ["Les…"]),
    ],
)
def test_a_room_has_its_name_in_the_lines_that_fit(
    name: str, width: int, most: int, lines: Sequence[str]
) -> None:
    assert lines_of(name, width, most) == lines
