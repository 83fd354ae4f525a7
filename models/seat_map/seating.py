"""Which seats are together: at one table, side by side, or at least near each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, islice, pairwise
from math import hypot
from typing import Final

from models.library.entities import Area, Catalog, Seat, SeatId
from models.seat_map.desks import BESIDE, IN_LINE, SEAT, Desk, furniture_of

_ANOTHER_TABLE: Final = 2.0
"""People at two tables are farther apart by so many seats than the plan says."""
_NEAREST: Final = 8
"""A group is chosen from so many free seats around its first one."""


class Seating(StrEnum):
    """How the seats of a group are placed."""

    OPPOSITE = "opposite"
    SIDE_BY_SIDE = "side_by_side"
    ONE_TABLE = "one_table"
    ONE_ROW = "one_row"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Group:
    """Seats of an area for people who want to sit together. The lesser its ``spread``, the closer
    they are: the sum of all distances between two of them, in seats."""

    seats: tuple[Seat, ...]
    spread: float


class GroupFinder:
    """Finds groups of free seats in an area."""

    def __init__(self, catalog: Catalog, area: Area, free: Sequence[Seat]) -> None:
        """`free`: the seats of the area to choose from."""
        self._catalog, self.area, self.free = catalog, area, {seat.id: seat for seat in free}
        furniture = furniture_of(area)
        self._faces = furniture.faces
        self._desks: dict[SeatId, Desk] = {seat.id: furniture.desk_of(seat) for seat in area.seats}

    def around(self, first: Seat, people: int) -> Group | None:
        """The group that consists of the seat and those that are closest to it and to each
        other; None if too few seats are free. `people`: at least 2."""
        free = (one for one in self._catalog.nearest_seats(first) if one.id in self.free)
        near = [first, *islice(free, _NEAREST)]
        if len(near) < people:
            return None
        apart = [[self._apart(one, other) for other in near] for one in near]
        spread, places = min(
            (sum(apart[i][j] for i, j in combinations(places, 2)), places)
            for places in ((0, *others) for others in combinations(range(1, len(near)), people - 1))
        )
        return Group(tuple(near[place] for place in places), spread)

    def best(self, people: int) -> Group | None:
        """The closest of the groups around all free seats; None if too few seats are free."""
        groups = (self.around(first, people) for first in self.free.values())
        return min((one for one in groups if one), key=lambda one: one.spread, default=None)

    def proposals(self, seat: Seat, people: int) -> Iterator[Group]:
        """The group around the seat, if that is free, and the best one if that is closer."""
        around = self.around(seat, people) if seat.id in self.free else None
        best = self.best(people)
        if around is not None:
            yield around
        if best is not None and (around is None or best.spread < around.spread):
            yield best

    def of(self, seats: Iterable[Seat]) -> Group:
        """The group of these seats."""
        group = tuple(seats)
        return Group(group, sum(self._apart(*pair) for pair in combinations(group, 2)))

    def seating(self, group: Group) -> Seating:
        along, across = sorted((_line(group, "x"), _line(group, "y")), key=_length, reverse=True)
        in_line = _length(across) <= IN_LINE
        faces = {self._faces[seat.id] for seat in group.seats}
        if len({self._desks[seat.id] for seat in group.seats}) > 1:
            return Seating.ONE_ROW if in_line and len(faces) == 1 else Seating.NEAR
        if len(group.seats) == 2 and in_line and len(faces) == 2:
            return Seating.OPPOSITE
        neighbours = all(after - before <= SEAT + BESIDE for before, after in pairwise(along))
        return Seating.SIDE_BY_SIDE if len(faces) == 1 and neighbours else Seating.ONE_TABLE

    def _apart(self, one: Seat, other: Seat) -> float:
        apart = hypot(one.x - other.x, one.y - other.y) / SEAT
        shared = self._desks[one.id] == self._desks[other.id]
        return apart if shared else apart + _ANOTHER_TABLE


def _line(group: Group, axis: str) -> list[int]:
    return sorted(getattr(seat, axis) for seat in group.seats)


def _length(line: list[int]) -> int:
    return line[-1] - line[0]
