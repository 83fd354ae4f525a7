"""Places in words."""

from __future__ import annotations

from typing import Protocol

from handlers.texts.pages import floor_text
from languages.text import spelled
from models.library.entities import Area, Catalog, SeatId


class SeatPlace(Protocol):
    """A seat's place. Without a venue the seat is unknown, and `label` is what is known of it."""

    @property
    def label(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def floor(self) -> int: ...
    @property
    def area(self) -> str: ...
    @property
    def no(self) -> str: ...


class AreaPlace(Protocol):
    """An area, with its floor and its name with the floor."""

    @property
    def floor(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def full_name(self) -> str: ...


def seat_place(seat: SeatPlace) -> str:
    """The place of a seat in words."""
    if not seat.venue:
        return seat.label
    return spelled(
        seat.label,
        "{venue}{floor}{area}{no}号",
        venue=seat.venue,
        floor=floor_text(seat.floor),
        area=seat.area,
        no=seat.no,
    )


def area_place(area: AreaPlace) -> str:
    """The place of an area in its venue: its floor, which the names of most Chinese areas
    contain, and its name."""
    if "层" in area.name:
        return area.name
    return spelled(area.full_name, "{floor} {area}", floor=floor_text(area.floor), area=area.name)


def seat_text(catalog: Catalog, seat_id: SeatId) -> str:
    """The place of a seat in words; the id itself if the catalog has no such seat."""
    seat = catalog.all_seats.get(seat_id)
    if seat is None:
        return str(seat_id)
    area = catalog.areas[seat.area_id]
    return spelled(
        catalog.seat_label(seat),
        "{venue}{floor}{area}{no}号",
        venue=catalog.venues[area.venue_id].name,
        floor=floor_text(area.floor),
        area=area.name,
        no=seat.number,
    )


def area_text(catalog: Catalog, area: Area) -> str:
    """The place of an area in words, preceded by its venue if the library has more than one."""
    if sum(1 for _ in catalog.venues_in_use) < 2:
        return area_place(area)
    venue = catalog.venues[area.venue_id].name
    return spelled(catalog.area_name(area), "{venue} {area}", venue=venue, area=area_place(area))
