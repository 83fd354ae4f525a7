"""A second venue with Latin names."""

from __future__ import annotations

from models.library.entities import Area, AreaId, Seat, SeatId, Venue, VenueId
from tests.living import Living

LAW = VenueId("law")


async def with_juridicum(service: Living) -> None:
    """A second venue with two reading rooms and a gallery; each has an accessible second seat."""
    areas = []
    for order, (id, name, floor) in enumerate(
        [("law-a", "Lesesaal A", 0), ("law-b", "Lesesaal B", 0), ("law-g", "Galerie", 1)]
    ):
        numbers = ("A-1-07", "Carrel 3") if id == "law-a" else ("1", "2")
        seats = tuple(
            Seat(SeatId(f"{id}-{n}"), AreaId(id), number, 60 * n, 0, accessible=n == 2)
            for n, number in enumerate(numbers, 1)
        )
        areas.append(Area(AreaId(id), LAW, name, floor, 90 + order, 400, 400, seats, ()))
    await service.inside.stored.catalogs.add_missing([Venue(LAW, "Juridicum", order=7)], areas, [])
    await service.inside.reference.refresh()
