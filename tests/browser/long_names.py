"""The demo library with more floors, and with names as long as they may be."""

from __future__ import annotations

from dataclasses import replace

from models.library.entities import Area, AreaId, SeatId, VenueId
from models.library.names import Floor
from models.library.plan_editing import LONGEST_NAME
from models.library.seat_names import LONGEST_SEAT_NAME
from models.library.staff.venues import LONGEST_FLOOR_NAME, LONGEST_VENUE_NAME
from tests.living import Living

_WORDS = "经济管理与法学外文期刊阅览及研究生研修空间 Wirtschaftswissenschaftlicher Lesesaal "


def lengthened(name: str, longest: int) -> str:
    return (f"{name} " + _WORDS * 3)[:longest].strip()


async def with_floors(service: Living, floors: range, seats: int = 3) -> None:
    """Adds floors with as many areas each as the second floor has, with the first of its seats."""
    inside = service.inside
    second = [a for a in inside.reference.catalog.areas.values() if a.floor == 2]
    for floor in floors:
        for area in second:
            copy = AreaId(f"f{floor}-{area.id}")
            few = [replace(s, area_id=copy, id=SeatId(f"f{floor}-{s.id}")) for s in area.seats]
            new = replace(area, id=copy, floor=floor, seats=tuple(few[:seats]))
            assert await inside.stored.catalogs.add_area(new)
    await inside.reference.refresh()


async def with_long_names(service: Living) -> None:
    """Gives the library's venues, floors, areas, kiosks and seats their longest names."""
    inside, catalogs = service.inside, service.inside.stored.catalogs
    catalog = inside.reference.catalog
    for venue in catalog.venues.values():
        numbers = sorted({a.floor for a in catalog.areas.values() if a.venue_id == venue.id})
        floors = tuple(Floor(n, lengthened(f"{n}层", LONGEST_FLOOR_NAME)) for n in numbers)
        name = lengthened(venue.name, LONGEST_VENUE_NAME)
        longer = replace(venue, name=name, floors=floors, rev=venue.rev + 1)
        assert await catalogs.replace_venue(longer)
    for area in catalog.areas.values():
        assert await catalogs.replace_area(_longer(area))
    for kiosk in catalog.kiosks.values():
        name = lengthened(kiosk.name, LONGEST_NAME)
        assert await catalogs.replace_kiosk(kiosk, replace(kiosk, name=name))
    await inside.reference.refresh()


async def with_one_long_name(service: Living) -> None:
    """Gives one area of the third floor a name of 60 letters, more than the console takes."""
    inside = service.inside
    area = inside.reference.catalog.areas[AreaId("3f-east")]
    longer = replace(area, name=lengthened("三层东区", 60), rev=area.rev + 1)
    assert await inside.stored.catalogs.replace_area(longer)
    await inside.reference.refresh()


async def with_long_words(service: Living) -> None:
    """Gives the first venue, its second floor and the areas there names with a German word of 16
    to 23 letters."""
    inside, catalogs = service.inside, service.inside.stored.catalogs
    catalog = inside.reference.catalog
    venue = catalog.venues[VenueId("library")]
    name, floors = "Universitätsbibliothek Niedersachsen", (Floor(2, "Zwischengeschoss"),)
    longer = replace(venue, name=name, floors=floors, rev=venue.rev + 1)
    assert await catalogs.replace_venue(longer)
    for area in catalog.areas.values():
        if area.venue_id == venue.id and area.floor == 2:
            word = "Rechtswissenschaftliche Zweigbibl."
            assert await catalogs.replace_area(replace(area, name=word, rev=area.rev + 1))
    await inside.reference.refresh()


def _longer(area: Area) -> Area:
    seats = tuple(
        replace(s, number=lengthened(f"{s.number} Carrel", LONGEST_SEAT_NAME)) for s in area.seats
    )
    name = lengthened(area.name, LONGEST_NAME)
    return replace(area, name=name, seats=seats, rev=area.rev + 1)
