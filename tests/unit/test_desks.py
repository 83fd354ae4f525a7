"""Desks are found between seats that face each other."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from models.library.entities import Seat, SeatId
from models.seat_map.desks import SEAT, Desk, Furniture, furniture_of
from tests.unit.plans import area_of, column, row


def furniture(places: Sequence[tuple[int, int]]) -> Furniture:
    return furniture_of(area_of(places))


def ways(places: Sequence[tuple[int, int]]) -> str:
    """Which way each seat faces, in the order of the seats."""
    faces = furniture(places).faces
    return "".join(faces[SeatId(f"s{n}")] for n in range(len(places)))


def test_two_rows_with_room_between_share_a_long_desk_and_back_onto_the_next_two() -> None:
    rows = [*row(100, 5), *row(164, 5), *row(234, 5), *row(298, 5)]
    assert ways(rows) == "ddddd" + "uuuuu" + "ddddd" + "uuuuu"
    assert furniture(rows).desks == (Desk(100, 137, 216, 30), Desk(100, 271, 216, 30))


def test_a_block_two_seats_wide_has_its_desk_lengthwise() -> None:
    block = [*column(100, 4, pitch=46), *column(144, 4, pitch=46)]
    assert ways(block) == "rrrr" + "llll"
    assert furniture(block).desks == (Desk(137, 100, 10, 178),)


def test_a_single_row_or_column_faces_the_nearer_wall() -> None:
    assert ways(row(20, 12, pitch=64)) == "u" * 12
    assert ways(row(800, 12, pitch=64)) == "d" * 12
    assert ways(column(20, 8)) == "l" * 8
    assert ways(column(820, 8)) == "r" * 8


def test_seats_in_a_ring_face_its_middle() -> None:
    ring = [
        *row(200, 4, 200, 70),
        *row(430, 4, 200, 70),
        *column(140, 3, 250),
        *column(470, 3, 250),
    ]
    assert ways(ring) == "dddd" + "uuuu" + "rrr" + "lll"


def test_a_table_for_two_stands_between_its_seats() -> None:
    assert ways([(100, 100), (164, 100)]) == "rl"


def test_each_plan_of_the_demo_library_gets_desks_for_all_of_its_seats() -> None:
    for file in files("miniapp_server").joinpath("demo_library/plans").iterdir():
        plan = msgspec.json.decode(file.read_bytes())
        area = area_of(((s["x"], s["y"]) for s in plan["seats"]), plan["width"], plan["height"])
        made = furniture_of(area)
        assert made.faces.keys() == {seat.id for seat in area.seats}
        assert not [d for d in made.desks for s in area.seats if covers(d, s)], file.name


def test_areas_of_one_id_in_two_libraries_keep_their_desks() -> None:
    here, there = area_of([(100, 100), (100, 164)]), area_of([(100, 100), (164, 100)])
    made = furniture_of(here)
    assert here.id == there.id and furniture_of(there).faces != made.faces
    assert furniture_of(here) is made, "made once"


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), unique=True, max_size=40))
def test_no_desk_covers_a_seat(cells: list[tuple[int, int]]) -> None:
    area = area_of((48 * x, 52 * y) for x, y in cells)
    made = furniture_of(area)
    assert made.faces.keys() == {seat.id for seat in area.seats}
    assert not [(d, s) for d in made.desks for s in area.seats if covers(d, s)]


def covers(desk: Desk, seat: Seat) -> bool:
    """True if the desk lies over the number of the seat, and not just before its body."""
    middle = seat.x + SEAT // 2, seat.y + SEAT // 2
    return desk.x < middle[0] < desk.x + desk.w and desk.y < middle[1] < desk.y + desk.h
