"""Plans of areas from the places of their seats."""

from __future__ import annotations

from collections.abc import Iterable

from models.library.entities import Area, AreaId, Seat, SeatId, VenueId


def area_of(places: Iterable[tuple[int, int]], width: int = 900, height: int = 900) -> Area:
    seats = tuple(
        Seat(SeatId(f"s{n}"), AreaId("a"), str(n), x, y) for n, (x, y) in enumerate(places)
    )
    return Area(AreaId("a"), VenueId("v"), "A", 1, 0, width, height, seats, ())


def row(y: int, count: int, x: int = 100, pitch: int = 44) -> list[tuple[int, int]]:
    return [(x + pitch * n, y) for n in range(count)]


def column(x: int, count: int, y: int = 100, pitch: int = 64) -> list[tuple[int, int]]:
    return [(x, y + pitch * n) for n in range(count)]
