"""Reads ``layoutByDate``, the JSON of rooms in another seat system: a grid of cells that are seats,
walls, doors, shelves or empty. A cell's key is the row followed by three digits of the column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from models.floor_files.entities import (
    CELL,
    MARGIN,
    AreaInFile,
    FileProblem,
    SeatInFile,
    UnreadableFile,
)
from models.kernel.errors import Malformed
from models.library.entities import SEAT_SIZE, Fixture, SeatDraft
from models.library.plan_json import place_of
from models.library.seat_names import tidy

_FIXTURES: Final = {"wall": "wall", "door": "door", "bookshelf": "bookshelf"}
"""The kind of fixture for each type of cell. Desks are left out: seats stand at them."""
_MOST_CELLS: Final = 40_000
Cells = set[tuple[int, int]]


class _Cell(msgspec.Struct):
    type: str
    name: str | int = ""
    window: bool = False
    power: bool = False
    computer: bool = False


class _Room(msgspec.Struct):
    name: str
    layout: dict[str, _Cell]


def is_layout(value: object) -> bool:
    """True if the JSON is a response of ``layoutByDate``, the `data` in it, or a list of either."""
    rooms = value if isinstance(value, list) else [value]
    return bool(rooms) and all(
        isinstance(room, Mapping) and "layout" in _inner(room) for room in rooms
    )


def _inner(room: Mapping[str, Any]) -> Mapping[str, Any]:
    data = room.get("data")
    return data if isinstance(data, Mapping) else room


def read_layouts(value: Any) -> list[AreaInFile]:
    """The areas of the layouts, one for each room. Raises: UnreadableFile."""
    rooms: Sequence[Any] = value if isinstance(value, list) else [value]
    try:
        return [_area(msgspec.convert(_inner(room), _Room)) for room in rooms]
    except msgspec.ValidationError as error:
        problem = Malformed("file", "not_a_layout", where=place_of(error))
        raise UnreadableFile(FileProblem(problem)) from error


def _area(room: _Room) -> AreaInFile:
    cells = {_place(room, key): cell for key, cell in room.layout.items()}
    used = {place: cell for place, cell in cells.items() if cell.type != "empty"}
    if len(cells) > _MOST_CELLS or not any(cell.type == "seat" for cell in used.values()):
        raise _wrong(room, "layout_without_seats")
    top, left = min(row for row, _ in used), min(column for _, column in used)
    area = AreaInFile(tidy(room.name), fixtures=[], features=frozenset())
    by_kind: dict[str, Cells] = {}
    for (row, column), cell in sorted(used.items()):
        if cell.type == "seat":
            area.seats.append(_seat(cell, row - top, column - left))
        elif cell.type in _FIXTURES:
            by_kind.setdefault(_FIXTURES[cell.type], set()).add((row - top, column - left))
    area.fixtures = [box for kind, of_kind in by_kind.items() for box in _boxes(kind, of_kind)]
    area.width = 2 * MARGIN + CELL * (1 + max(column for _, column in used) - left)
    area.height = 2 * MARGIN + CELL * (1 + max(row for row, _ in used) - top)
    return area


def _wrong(room: _Room, reason: str, **facts: object) -> UnreadableFile:
    return UnreadableFile(FileProblem(Malformed("file", reason, **facts), area=room.name[:20]))


def _place(room: _Room, key: str) -> tuple[int, int]:
    if not re.fullmatch(r"[0-9]{4,6}", key):
        raise _wrong(room, "layout_key", key=key[:20])
    return int(key[:-3]), int(key[-3:])


def _seat(cell: _Cell, row: int, column: int) -> SeatInFile:
    return SeatInFile(
        SeatDraft(
            tidy(str(cell.name)),
            MARGIN + CELL * column,
            MARGIN + CELL * row,
            power=cell.power,
            window=cell.window,
            computer=cell.computer,
        )
    )


def _boxes(kind: str, cells: Cells) -> list[Fixture]:
    """Fixtures that cover the cells, as few boxes as possible: cells of a row are joined, then
    equal boxes of consecutive rows."""
    left, boxes = set(cells), list[Fixture]()
    for row, column in sorted(cells):
        if (row, column) not in left:
            continue
        last = column
        while (row, last + 1) in left:
            last += 1
        run = range(column, last + 1)
        lowest = row
        while all((lowest + 1, c) in left for c in run):
            lowest += 1
        left -= {(r, c) for r in range(row, lowest + 1) for c in run}
        x, y = MARGIN + CELL * column, MARGIN + CELL * row
        width, height = CELL * (len(run) - 1), CELL * (lowest - row)
        boxes.append(Fixture(kind, x, y, width + SEAT_SIZE, height + SEAT_SIZE))
    return boxes
