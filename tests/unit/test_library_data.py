"""The shipped library data: invariants that a manual edit of a plan must keep."""

from __future__ import annotations

import json
from itertools import combinations
from math import hypot
from pathlib import Path
from typing import Any

import pytest

from models.library.entities import SEAT_SIZE

DATA = Path(__file__).parents[2] / "miniapp_server" / "demo_library"
LIBRARY: dict[str, Any] = json.loads((DATA / "library.json").read_text(encoding="utf-8"))
AREA_IDS = [area["id"] for area in LIBRARY["areas"]]
PLANS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((DATA / "plans").glob("*.json"))
}

# The manual's order of tiles, and the seats of the three areas it counts.
NAMES = [
    *("二层东区", "二层中厅", "二层保留区", "二层北区", "二层南区", "二层西区"),
    *("三层东区", "三层中庭", "三层保留区", "三层北区", "三层南区", "三层西区"),
    *("四层东区", "四层中庭", "四层保留区", "四层北区", "四层南区", "四层西区"),
]
COUNTED = {"2f-east": 222, "2f-hall": 68, "2f-reserved": 96}

SEAT_FLAGS = {"power", "window", "computer", "accessible"}
MARK_KINDS = {"wall", "window", "bookshelf", "door", "pillar", "kiosk"}
NEXT_TO_WINDOW = 50
NEAR_DOOR = 340

Box = tuple[int, int, int, int]


def seat_box(seat: dict[str, Any]) -> Box:
    return seat["x"], seat["y"], SEAT_SIZE, SEAT_SIZE


def mark_box(mark: dict[str, Any]) -> Box:
    return mark["x"], mark["y"], mark["w"], mark["h"]


def gaps(a: Box, b: Box) -> tuple[int, int]:
    """The gaps between two boxes along x and along y; negative where they overlap."""
    return (
        max(a[0], b[0]) - min(a[0] + a[2], b[0] + b[2]),
        max(a[1], b[1]) - min(a[1] + a[3], b[1] + b[3]),
    )


def boxes_of(plan: dict[str, Any], kind: str) -> list[Box]:
    return [mark_box(mark) for mark in plan["marks"] if mark["kind"] == kind]


def on_outer_wall(box: Box, plan: dict[str, Any]) -> bool:
    x, y, w, h = box
    return 0 in (x, y) or x + w == plan["width"] or y + h == plan["height"]


def test_the_library_matches_the_manual() -> None:
    assert LIBRARY["venue"] == {"id": "library", "name": "图书馆"}
    assert [area["name"] for area in LIBRARY["areas"]] == NAMES
    for area in LIBRARY["areas"]:
        assert area["floor"] == "一二三四".index(area["name"][0]) + 1
        assert area["id"].startswith(f"{area['floor']}f-")
    assert [(kiosk["id"], kiosk["kind"]) for kiosk in LIBRARY["kiosks"]] == [
        ("2f-south", "seat_kiosk"),
        ("2f-north", "seat_kiosk"),
        ("3f-north", "query_terminal"),
        ("4f-north", "query_terminal"),
    ]
    assert [gate["id"] for gate in LIBRARY["gates"]] == ["main", "side"]


def test_every_area_has_exactly_one_plan() -> None:
    assert sorted(PLANS) == sorted(AREA_IDS)
    assert [plan["area"] for plan in PLANS.values()] == list(PLANS)


def test_areas_have_the_expected_numbers_of_seats() -> None:
    counts = {area: len(plan["seats"]) for area, plan in PLANS.items()}
    assert {area: counts[area] for area in COUNTED} == COUNTED
    assert all(60 <= count <= 240 for count in counts.values())
    assert len(set(counts.values())) == len(counts)


@pytest.mark.parametrize("area", AREA_IDS)
def test_seats_are_numbered_from_001_without_a_gap(area: str) -> None:
    numbers = [seat["no"] for seat in PLANS[area]["seats"]]
    assert numbers == [f"{n:03d}" for n in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("area", AREA_IDS)
def test_plan_records_have_the_expected_fields(area: str) -> None:
    plan = PLANS[area]
    assert plan.keys() == {"area", "width", "height", "seats", "marks"}
    for seat in plan["seats"]:
        assert {"no", "x", "y"} <= seat.keys() <= {"no", "x", "y", "disabled"} | SEAT_FLAGS
        assert all(seat[flag] is True for flag in SEAT_FLAGS & seat.keys()), seat
        assert seat.get("disabled", "-").strip(), seat
    for mark in plan["marks"]:
        assert mark.keys() == {"kind", "x", "y", "w", "h"}
        assert mark["kind"] in MARK_KINDS
        assert mark["w"] > 0 and mark["h"] > 0
    for box in [seat_box(s) for s in plan["seats"]] + [mark_box(m) for m in plan["marks"]]:
        assert all(type(value) is int for value in box)


@pytest.mark.parametrize("area", AREA_IDS)
def test_seats_and_fixtures_lie_inside_and_do_not_overlap(area: str) -> None:
    plan = PLANS[area]
    things = [(seat["no"], seat_box(seat)) for seat in plan["seats"]]
    things += [(mark["kind"], mark_box(mark)) for mark in plan["marks"]]
    for name, (x, y, w, h) in things:
        assert 0 <= x <= plan["width"] - w and 0 <= y <= plan["height"] - h, (name, x, y)
    clashes = [(a, b) for a, b in combinations(things, 2) if max(gaps(a[1], b[1])) < 0]
    assert not clashes


@pytest.mark.parametrize("area", AREA_IDS)
def test_windows_and_doors_are_on_outer_walls_and_marked_seats_beside_them(area: str) -> None:
    plan = PLANS[area]
    windows = boxes_of(plan, "window")
    doors = [box for box in boxes_of(plan, "door") if on_outer_wall(box, plan)]
    assert windows and all(on_outer_wall(box, plan) for box in windows)
    assert doors

    for seat in plan["seats"]:
        if seat.get("window"):
            # Beside the glass, not past its corner: the two share a stretch of one axis.
            assert any(
                min(gaps(seat_box(seat), w)) < 0 and max(gaps(seat_box(seat), w)) <= NEXT_TO_WINDOW
                for w in windows
            ), seat
    accessible = [seat for seat in plan["seats"] if seat.get("accessible")]
    assert len(accessible) >= 2
    for seat in accessible:
        between = [gaps(seat_box(seat), door) for door in doors]
        assert min(hypot(max(dx, 0), max(dy, 0)) for dx, dy in between) <= NEAR_DOOR, seat
        assert not seat.get("disabled"), seat

    powered = sum(1 for seat in plan["seats"] if seat.get("power"))
    assert 0 < powered < len(plan["seats"])
    assert all(seat.get("power") for seat in plan["seats"] if seat.get("computer"))


def test_kiosks_are_drawn_in_the_areas_of_the_kiosk_list() -> None:
    with_kiosk = {area for area, plan in PLANS.items() if boxes_of(plan, "kiosk")}
    assert with_kiosk == {kiosk["id"] for kiosk in LIBRARY["kiosks"]}


def test_few_seats_are_disabled_and_none_in_the_manuals_hall() -> None:
    disabled = {
        area: sum(1 for seat in plan["seats"] if "disabled" in seat) for area, plan in PLANS.items()
    }
    assert max(disabled.values()) <= 3
    assert any(disabled.values())
    assert not any(disabled[area] for area in COUNTED)


def test_computers_are_in_one_area() -> None:
    assert [a for a, p in PLANS.items() if any(s.get("computer") for s in p["seats"])] == [
        "2f-south"
    ]


def test_the_second_floor_hall_is_laid_out_as_in_the_manual() -> None:
    """065 064 / 066 063 / ... from the left, with shelves before the block that starts at 049."""
    plan = PLANS["2f-hall"]
    at = {seat["no"]: (seat["x"], seat["y"]) for seat in plan["seats"]}
    blocks = [
        ["065 064", "066 063", "067 062", "068 061"],
        ["057 056", "058 055", "059 054", "060 053"],
        ["049 048", "050 047", "051 046", "052 045"],
    ]
    first = min(y for _, y in at.values())
    for upper in blocks:
        assert at[upper[0].split()[0]][1] == first
        for row in upper:
            left, right = row.split()
            assert at[left][1] == at[right][1] and 0 < at[right][0] - at[left][0] < 2 * SEAT_SIZE
        for column in zip(*(row.split() for row in upper), strict=True):
            assert len({at[no][0] for no in column}) == 1
            assert [at[no][1] for no in column] == sorted(at[no][1] for no in column)
    assert at["065"] == min(at.values())

    shelves = boxes_of(plan, "bookshelf")
    for right_of, remaining in [("061", "060"), ("053", "052")]:
        assert any(
            at[right_of][0] + SEAT_SIZE < x and x + w < at[remaining][0] for x, _, w, _ in shelves
        )

    # The numbers run like a snake: each seat stands beside the next, or across one aisle.
    for n in range(1, 68):
        (x, y), (x2, y2) = at[f"{n:03d}"], at[f"{n + 1:03d}"]
        if n != 28:  # from the lower band of blocks to the upper one
            assert (x == x2 and abs(y - y2) < 2 * SEAT_SIZE) or (
                y == y2 and abs(x - x2) < 5 * SEAT_SIZE
            ), n
        else:
            assert x == x2
