"""Venues, areas, seats and their plan: one value, which the console replaces area by area."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import chain
from math import hypot, inf
from typing import Any, Final, NewType

from models.kernel.text import natural

VenueId = NewType("VenueId", str)
AreaId = NewType("AreaId", str)
SeatId = NewType("SeatId", str)
KioskId = NewType("KioskId", str)
SEAT_SIZE: Final = 40
"""A seat on the plan is a square of this many plan units, given by its top-left corner."""
REMOVED_FROM_PLAN: Final = "removed_from_plan"
"""Why a seat that has left the plan is out of service."""


class PresenceSource(StrEnum):
    """What can prove in a venue that a reader is there. The value is stored."""

    KIOSK = "kiosk"
    GATE = "gate"
    DESK = "desk"
    SEAT_LABEL = "seat_label"


USUAL_SOURCES: Final = frozenset(PresenceSource) - {PresenceSource.SEAT_LABEL}


class CheckInWay(StrEnum):
    """By what readers check in in a venue, as far as they are told: a code on a screen, the label
    of the seat, or either; where none is taken, the gate, or the desk."""

    KIOSK = "kiosk"
    KIOSK_OR_LABEL = "kiosk_or_label"
    SEAT_LABEL = "seat_label"
    GATE = "gate"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Venue:
    """``order`` is its place among the venues; ``rev`` grows with every change. A ``retired`` one
    has no area in use: it lends its name to what was, and nobody sees it otherwise."""

    id: VenueId
    name: str
    presence_sources: frozenset[PresenceSource] = USUAL_SOURCES
    rev: int = 0
    order: int = 0
    retired: bool = False

    @property
    def gates_prove(self) -> bool:
        """Whether who goes through its gates has proved their presence."""
        return PresenceSource.GATE in self.presence_sources

    @property
    def check_in_way(self) -> CheckInWay:
        """What its readers are told to check in by."""
        sources = self.presence_sources
        labels = PresenceSource.SEAT_LABEL in sources
        if PresenceSource.KIOSK in sources:
            return CheckInWay.KIOSK_OR_LABEL if labels else CheckInWay.KIOSK
        if labels:
            return CheckInWay.SEAT_LABEL
        return CheckInWay.GATE if self.gates_prove else CheckInWay.DESK


@dataclass(frozen=True, slots=True)
class Fixture:
    """What stands in an area besides seats: wall, window, bookshelf, door, pillar, kiosk."""

    kind: str
    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Seat:
    """``number`` is its name, unique in its area (seat_names.py). ``disabled`` is the reason why
    nobody may sit there, or None; where it has a first or a last day, on these days only."""

    id: SeatId
    area_id: AreaId
    number: str
    x: int
    y: int
    power: bool = False
    window: bool = False
    computer: bool = False
    accessible: bool = False
    disabled: str | None = None
    disabled_from: date | None = None
    disabled_until: date | None = None

    def unavailable_reason(self, day: date) -> str | None:
        """Why nobody may sit there on that day, or None."""
        if self.disabled is None or (self.disabled_from or day) > day:
            return None
        return self.disabled if day <= (self.disabled_until or day) else None

    def has(self, wanted: Iterable[str]) -> bool:
        """Whether it has all of the ``wanted`` features."""
        return all(getattr(self, feature) for feature in wanted)


@dataclass(frozen=True, slots=True)
class SeatDraft:
    """A seat as it is written down. Without an ``id`` it is the one that has its number, or had it,
    or a new one."""

    no: str
    x: int
    y: int
    id: str | None = None
    power: bool = False
    window: bool = False
    computer: bool = False
    accessible: bool = False
    disabled: str | None = None
    disabled_from: date | None = None
    disabled_until: date | None = None


SEAT_FEATURES: Final = ("power", "window", "computer", "accessible")
"""The names of what a seat can have. They are fields of ``Seat``, ``SeatDraft`` and of answers."""
FILTERABLE_FEATURES: Final = ("window", "power")
"""Those that readers may filter by, where the policy lets them."""


def features_of(seat: Seat | SeatDraft) -> dict[str, Any]:
    """Returns each feature with whether the seat, or the draft of one, has it."""
    return {feature: getattr(seat, feature) for feature in SEAT_FEATURES}


class AreaState(StrEnum):
    """Whether an area is in use, out of use until somebody brings it back, or gone for good. The
    value is stored."""

    IN_USE = "in_use"
    RETIRED = "retired"
    DELETED = "deleted"


def floor_label(floor: int) -> str:
    """A floor as the manual writes it: 2层, below the ground 地下1层."""
    return f"地下{-floor}层" if floor < 0 else f"{floor}层"


def _shortened(parts: Sequence[str], longest: int) -> str:
    """Venue, floor and what follows as one text, shortened from the left."""
    rest = ["".join(parts[first:]) for first in range(3)]
    label = next((fitting for fitting in rest if len(fitting) <= longest), rest[-1])
    return label if len(label) <= longest else "…" + label[1 - longest :]


@dataclass(frozen=True, slots=True)
class Area:
    """``removed_seats`` have left the plan: what was booked of them keeps its name. An area that is
    out of use has no seats; ``retired_seats`` are those that come back with it. ``rev`` grows with
    every change."""

    id: AreaId
    venue_id: VenueId
    name: str
    floor: int
    order: int
    width: int
    height: int
    seats: tuple[Seat, ...]
    fixtures: tuple[Fixture, ...]
    removed_seats: tuple[Seat, ...] = ()
    rev: int = 0
    state: AreaState = AreaState.IN_USE
    retired_seats: tuple[Seat, ...] = ()

    @property
    def full_name(self) -> str:
        """The name with its floor, which most names say already: 二层东区, 3层 阅览室."""
        return self.name if "层" in self.name else f"{floor_label(self.floor)} {self.name}"

    @property
    def in_use(self) -> bool:
        return self.state is AreaState.IN_USE

    @property
    def all_seats(self) -> Iterator[Seat]:
        """Those that have left the plan first, so that who is on it comes last."""
        return chain(self.removed_seats, self.retired_seats, self.seats)


@dataclass(frozen=True, slots=True)
class Kiosk:
    """``kind`` is seat_kiosk (选座机) or query_terminal (查询机). Its secrets stay in the store. A
    retired one has none. ``order`` is its place among those of its venue, where somebody has put
    them in order."""

    id: KioskId
    venue_id: VenueId
    name: str
    kind: str
    retired: bool = False
    order: int | None = None


def device_order(
    places: Sequence[VenueId], venue_id: VenueId, order: int | None, name: str, id: str
) -> tuple[int, float, tuple[object, ...], str]:
    """A key that sorts kiosks, or gates, by the ``places`` of their venues, and in each as somebody
    has put them in order; those that came later follow by their names as people count (2号 comes
    before 10号)."""
    place = places.index(venue_id) if venue_id in places else -1
    return place, inf if order is None else order, natural(name), id


@dataclass(frozen=True, slots=True)
class Catalog:
    """The whole library as one value. ``version`` changes when any of it does. ``seats`` are those
    of the plans, ``all_seats`` also those that were; ``kiosks`` are those in use."""

    version: str
    venues: Mapping[VenueId, Venue]
    areas: Mapping[AreaId, Area]
    kiosks: Mapping[KioskId, Kiosk]
    retired_kiosks: Mapping[KioskId, Kiosk] = field(default_factory=dict)
    seats: Mapping[SeatId, Seat] = field(init=False)
    all_seats: Mapping[SeatId, Seat] = field(init=False, repr=False, compare=False)
    _nearest_cache: dict[SeatId, tuple[Seat, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        seats = {seat.id: seat for area in self.areas.values() for seat in area.seats}
        known = {seat.id: seat for area in self.areas.values() for seat in area.all_seats}
        object.__setattr__(self, "seats", seats)
        object.__setattr__(self, "all_seats", known | seats)
        object.__setattr__(self, "_nearest_cache", {})

    @property
    def venues_in_use(self) -> Iterator[Venue]:
        """Those that readers see."""
        return (venue for venue in self.venues.values() if not venue.retired)

    @property
    def bookable_areas(self) -> Iterator[Area]:
        """The areas that have seats: those that readers see."""
        return (area for area in self.areas.values() if area.seats)

    @property
    def known_areas(self) -> Iterator[Area]:
        """All but the deleted ones."""
        return (area for area in self.areas.values() if area.state is not AreaState.DELETED)

    @property
    def areas_in_use(self) -> Iterator[Area]:
        """Those that the staff work with, with seats or without."""
        return (area for area in self.areas.values() if area.in_use)

    def with_areas(self, *areas: Area) -> Catalog:
        """The same library with these areas in the place of those of their ids."""
        return replace(self, areas={**self.areas, **{area.id: area for area in areas}})

    def seat_label(self, seat: Seat) -> str:
        """The place as the manual writes it: 图书馆2层二层中厅065号."""
        return f"{self.area_label(self.areas[seat.area_id])}{seat.number}号"

    def label_of(self, seat_id: SeatId) -> str:
        """The same by the seat's id, which is all that is known of a seat of another library."""
        seat = self.all_seats.get(seat_id)
        return self.seat_label(seat) if seat is not None else str(seat_id)

    def short_label_of(self, seat_id: SeatId, longest: int) -> str:
        """The place in at most so many characters: what comes before the number goes first."""
        seat = self.all_seats.get(seat_id)
        if seat is None:
            return str(seat_id)[-longest:]
        return _shortened([*self._place(self.areas[seat.area_id]), f"{seat.number}号"], longest)

    def area_label(self, area: Area) -> str:
        """The area as the manual writes it: 图书馆2层二层中厅."""
        return "".join(self._place(area))

    def short_area_label(self, area: Area, longest: int) -> str:
        """The same in at most so many characters: the venue goes first, then the floor."""
        return _shortened(self._place(area), longest)

    def _place(self, area: Area) -> list[str]:
        return [self.venues[area.venue_id].name, floor_label(area.floor), area.name]

    def area_name(self, area: Area) -> str:
        """The area's full name, with its venue where the library has several."""
        several = sum(1 for _ in self.venues_in_use) > 1
        return f"{self.venues[area.venue_id].name} {area.full_name}" if several else area.full_name

    def nearest_seats(self, seat: Seat) -> tuple[Seat, ...]:
        """The other seats of the area, the closest on the plan first."""
        if seat.id not in self._nearest_cache:
            others = [s for s in self.areas[seat.area_id].seats if s.id != seat.id]
            others.sort(key=lambda s: (hypot(s.x - seat.x, s.y - seat.y), natural(s.number)))
            self._nearest_cache[seat.id] = tuple(others)
        return self._nearest_cache[seat.id]
