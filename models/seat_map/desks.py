"""The desks of a plan. Nobody draws them: they are found between seats that face each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from statistics import mean
from typing import Final

from models.library.entities import Area, Seat, SeatId

SEAT: Final = 40
"""The side of a seat's square, in plan units."""
IN_LINE: Final = 8
"""Seats are in one line if they are out of it by at most this many plan units."""
BESIDE: Final = 11
"""Seats with at most this much room between them sit side by side, or back to back."""
_TABLE: Final = 40
"""Seats with more room between them than this have no table in common."""
_TABLE_FOR_TWO: Final = 2
_REACH: Final = 3
"""A desk reaches this far into the square of its seat."""
_SINGLE: Final = 6
"""The depth of a desk that only one side uses."""
DOWN, UP, RIGHT, LEFT = "d", "u", "r", "l"
_AWAY_FROM: Final = {DOWN: UP, UP: DOWN, RIGHT: LEFT, LEFT: RIGHT}


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk as a rectangle in plan units."""

    x: int
    y: int
    w: int
    h: int

    def overlaps(self, other: Desk) -> bool:
        beside = self.x < other.x + other.w and other.x < self.x + self.w
        return beside and self.y < other.y + other.h and other.y < self.y + self.h


@dataclass(frozen=True, slots=True)
class Furniture:
    """An area's desks, and which way each seat faces: d(own), u(p), r(ight) or l(eft)."""

    desks: tuple[Desk, ...]
    faces: Mapping[SeatId, str]

    def desk_of(self, seat: Seat) -> Desk:
        """The desk at which one sits on the seat."""
        ahead = _before(seat, self.faces[seat.id])
        return next(desk for desk in self.desks if desk.overlaps(ahead))


def furniture_of(area: Area) -> Furniture:
    """The furniture of the area, computed once for each version of its plan."""
    if _furniture not in area.derived:
        area.derived[_furniture] = _furniture(area)
    furniture: Furniture = area.derived[_furniture]
    return furniture


def _furniture(area: Area) -> Furniture:
    faces: dict[SeatId, str] = {}
    opposite: list[tuple[Seat, Seat, str]] = []
    lines = {way: list(_lines(area.seats, way)) for way in (DOWN, RIGHT)}
    in_line = {way: {seat.id: len(line) for line in lines[way] for seat in line} for way in lines}
    for _, one, other, way in sorted(_pairs(lines, in_line), key=lambda pair: pair[0]):
        if one.id not in faces and other.id not in faces:
            faces[one.id], faces[other.id] = way, _AWAY_FROM[way]
            opposite.append((one, other, way))
    alone = [seat for seat in area.seats if seat.id not in faces]
    for group in _groups(alone):
        centre = (mean(s.x for s in group), mean(s.y for s in group))
        for seat in group:
            in_row, in_column = in_line[RIGHT][seat.id] > 1, in_line[DOWN][seat.id] > 1
            faces[seat.id] = _way_of_single(seat, area, centre, in_row, in_column)
    desks = [_between(*pair) for pair in opposite] + [_before(s, faces[s.id]) for s in alone]
    return Furniture(tuple(_joined(desks)), faces)


def _lines(seats: Iterable[Seat], way: str) -> Iterator[list[Seat]]:
    """The seats in lines along the way, each line as far as nothing stands apart in it."""
    lines: list[list[Seat]] = []
    for seat in sorted(seats, key=lambda s: (_along(s, way), _across(s, way))):
        for line in lines:
            near = abs(_across(line[-1], way) - _across(seat, way)) <= IN_LINE
            if near and _along(seat, way) - _along(line[-1], way) <= SEAT + _TABLE:
                line.append(seat)
                break
        else:
            lines.append([seat])
    yield from lines


def _pairs(
    lines: Mapping[str, Sequence[Sequence[Seat]]], in_line: Mapping[str, Mapping[SeatId, int]]
) -> Iterator[tuple[tuple[float, ...], Seat, Seat, str]]:
    """Each two neighbours who may share a table, with a key that is least for the likeliest: there
    is room for a table between them, or their line is the shorter one of a block. The neighbours in
    a single row share none."""
    for way, other_way in ((DOWN, RIGHT), (RIGHT, DOWN)):
        for line in lines[way]:
            for one, other in pairwise(line):
                room = _along(other, way) - _along(one, way) - SEAT
                beside = in_line[other_way][one.id] > 1 and in_line[other_way][other.id] > 1
                if room >= 0 and (beside or len(line) == _TABLE_FOR_TWO):
                    touching = room <= BESIDE
                    likely = len(line) if touching else room
                    yield (touching, likely, way != DOWN, one.y, one.x), one, other, way


def _groups(seats: Iterable[Seat]) -> Iterator[list[Seat]]:
    """The seats in groups, in each of which one is near the next: rows, and rings."""
    left = list(seats)
    while left:
        group = [left.pop()]
        for seat in group:
            near = [s for s in left if hypot(s.x - seat.x, s.y - seat.y) <= SEAT + _TABLE]
            left = [s for s in left if s not in near]
            group += near
        yield group


def _along(seat: Seat, way: str) -> int:
    return seat.y if way == DOWN else seat.x


def _across(seat: Seat, way: str) -> int:
    return seat.x if way == DOWN else seat.y


def _way_of_single(
    seat: Seat, area: Area, centre: tuple[float, float], in_row: bool, in_column: bool
) -> str:
    """The way of a seat without an opposite: across its row to the middle of its ring, or, if its
    group is a straight row, to the nearer edge of the plan."""
    right, down = centre[0] - seat.x, centre[1] - seat.y
    level = in_row if in_row != in_column else abs(down) >= abs(right)
    if level:
        if abs(down) <= IN_LINE:
            down = 2 * seat.y + SEAT - area.height
        return DOWN if down > 0 else UP
    if abs(right) <= IN_LINE:
        right = 2 * seat.x + SEAT - area.width
    return RIGHT if right > 0 else LEFT


def _between(one: Seat, other: Seat, way: str) -> Desk:
    if way == DOWN:
        begin, end = one.y + SEAT - _REACH, other.y + _REACH
        return Desk(min(one.x, other.x), begin, SEAT + abs(one.x - other.x), end - begin)
    begin, end = one.x + SEAT - _REACH, other.x + _REACH
    return Desk(begin, min(one.y, other.y), end - begin, SEAT + abs(one.y - other.y))


def _before(seat: Seat, way: str) -> Desk:
    begin = {UP: -_REACH, LEFT: -_REACH}.get(way, SEAT - _REACH)
    if way in (UP, DOWN):
        return Desk(seat.x, seat.y + begin, SEAT, _SINGLE)
    return Desk(seat.x + begin, seat.y, _SINGLE, SEAT)


def _joined(desks: Iterable[Desk]) -> Iterator[Desk]:
    """The desks, with those that touch one another in a line made one."""
    wide = sorted((d for d in desks if d.w >= d.h or d.h == _SINGLE), key=lambda d: (d.y, d.h, d.x))
    tall = sorted(set(desks) - set(wide), key=lambda d: (d.x, d.w, d.y))
    yield from _in_rows(wide)
    for desk in _in_rows([Desk(d.y, d.x, d.h, d.w) for d in tall]):
        yield Desk(desk.y, desk.x, desk.h, desk.w)


def _in_rows(desks: Iterable[Desk]) -> Iterator[Desk]:
    row: Desk | None = None
    for desk in desks:
        touches = row is not None and desk.x - row.x - row.w <= BESIDE
        if row is not None and touches and (desk.y, desk.h) == (row.y, row.h):
            row = Desk(row.x, row.y, desk.x + desk.w - row.x, row.h)
            continue
        if row is not None:
            yield row
        row = desk
    if row is not None:
        yield row
