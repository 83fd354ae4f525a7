"""Venues, areas, seats and their plan. Data, imported by the seed; read-only while serving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import hypot
from typing import Final, NewType

VenueId = NewType("VenueId", str)
AreaId = NewType("AreaId", str)
SeatId = NewType("SeatId", str)
KioskId = NewType("KioskId", str)

SEAT_SIZE: Final = 40
"""A seat on the plan is a square of this many plan units, given by its top-left corner."""


@dataclass(frozen=True, slots=True)
class Venue:
    id: VenueId
    name: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands in an area besides seats: wall, window, bookshelf, door, pillar, kiosk."""

    kind: str
    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Seat:
    """``no`` has three digits. ``disabled`` is the reason why nobody may sit there, or None."""

    id: SeatId
    area_id: AreaId
    no: str
    x: int
    y: int
    power: bool = False
    window: bool = False
    computer: bool = False
    accessible: bool = False
    disabled: str | None = None

    def has(self, wanted: Iterable[str]) -> bool:
        """Whether it has all of the wished marks (of WISHES)."""
        return all(getattr(self, mark) for mark in wanted)


WISHES: Final = ("window", "power")
"""Marks of a seat that readers may filter by, where the policy lets them."""


@dataclass(frozen=True, slots=True)
class Area:
    id: AreaId
    venue_id: VenueId
    name: str
    floor: int
    order: int
    width: int
    height: int
    seats: tuple[Seat, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Kiosk:
    """``kind`` is seat_kiosk (选座机) or query_terminal (查询机). Its secrets stay in the store."""

    id: KioskId
    venue_id: VenueId
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Library:
    """The whole library as one value. ``version`` changes when any of it does."""

    version: str
    venues: Mapping[VenueId, Venue]
    areas: Mapping[AreaId, Area]
    kiosks: Mapping[KioskId, Kiosk]
    seats: Mapping[SeatId, Seat] = field(init=False)
    _near: dict[SeatId, tuple[Seat, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        seats = {seat.id: seat for area in self.areas.values() for seat in area.seats}
        object.__setattr__(self, "seats", seats)
        object.__setattr__(self, "_near", {})

    def seat_label(self, seat: Seat) -> str:
        """The place as the manual writes it: 图书馆2层二层中厅065号."""
        area = self.areas[seat.area_id]
        return f"{self.venues[area.venue_id].name}{area.floor}层{area.name}{seat.no}号"

    def neighbours(self, seat: Seat) -> tuple[Seat, ...]:
        """The other seats of the area that are in service, the closest on the plan first."""
        if seat.id not in self._near:
            others = (s for s in self.areas[seat.area_id].seats if s.id != seat.id)
            self._near[seat.id] = tuple(
                sorted(
                    (s for s in others if s.disabled is None),
                    key=lambda s: (hypot(s.x - seat.x, s.y - seat.y), s.no),
                )
            )
        return self._near[seat.id]
