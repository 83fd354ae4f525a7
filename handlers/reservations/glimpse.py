"""The picture of seats in their place: the part of the plan around them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

from models.library.entities import Area, Fixture, Seat
from models.seat_map.desks import SEAT, Desk, furniture_of

Half = tuple[int, int]
_AROUND: Final = (179, 69)
"""The picture of one seat shows the plan up to this many plan units to the left and right of the
seat, and above and below it."""


@dataclass(frozen=True, slots=True)
class NearbySeat:
    seat: Seat
    status: str
    faces: str


@dataclass(frozen=True, slots=True)
class Glimpse:
    """The part of a plan around some seats. ``view``: that part, in plan units."""

    seats: Sequence[NearbySeat]
    desks: Sequence[Desk]
    fixtures: Sequence[Fixture]
    view: str


def glimpse_of(
    seats: Sequence[Seat], area: Area, statuses: Iterable[str], half: Half = _AROUND
) -> Glimpse:
    """The part of the area's plan around the middle of the seats, which are drawn as the reader's
    own. ``statuses``: of all the area's seats. ``half``: half the picture's width and height, in
    plan units."""
    (half_w, half_h), furniture, own = half, furniture_of(area), {seat.id for seat in seats}
    x = _within(round(mean(seat.x for seat in seats)) + SEAT // 2, half_w, area.width)
    y = _within(round(mean(seat.y for seat in seats)) + SEAT // 2, half_h, area.height)

    def is_seen(left: int, top: int, w: int, h: int) -> bool:
        return abs(left + w / 2 - x) < half_w + w / 2 and abs(top + h / 2 - y) < half_h + h / 2

    near = [
        NearbySeat(one, "mine" if one.id in own else status, furniture.faces[one.id])
        for one, status in zip(area.seats, statuses, strict=True)
        if is_seen(one.x, one.y, SEAT, SEAT)
    ]
    desks = [desk for desk in furniture.desks if is_seen(desk.x, desk.y, desk.w, desk.h)]
    fixtures = [one for one in area.fixtures if is_seen(one.x, one.y, one.w, one.h)]
    view = f"{x - half_w} {y - half_h} {2 * half_w} {2 * half_h}"
    return Glimpse(near, desks, fixtures, view)


def whole_plan(own: Collection[str], area: Area, statuses: Iterable[str]) -> Glimpse:
    """The whole plan of the area. ``own``: the ids of the seats that are drawn as the reader's own;
    ``statuses``: of all the area's seats."""
    furniture = furniture_of(area)
    seats = [
        NearbySeat(one, "mine" if one.id in own else status, furniture.faces[one.id])
        for one, status in zip(area.seats, statuses, strict=True)
    ]
    return Glimpse(seats, furniture.desks, area.fixtures, f"0 0 {area.width} {area.height}")


def _within(middle: int, half: int, size: int) -> int:
    """The middle of a part of a plan, moved so that the part stays on the plan."""
    return size // 2 if size <= 2 * half else min(max(middle, half), size - half)
