from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import chain
from math import hypot, inf
from typing import Any, Final, NewType, Protocol, TypeVar

from models.kernel.text import natural
from models.library.names import (
    Floor,
    Names,
    PlaceText,
    label_text,
    name_text,
    number_label,
    shortened,
)
from models.library.seat_features import NO_FEATURES, SeatFeatures

VenueId = NewType("VenueId", str)
AreaId = NewType("AreaId", str)
SeatId = NewType("SeatId", str)
KioskId = NewType("KioskId", str)
SEAT_SIZE: Final = 40
"""The side of a seat's square, in plan units. A seat's coordinates are its top-left corner."""
REMOVED_FROM_PLAN: Final = "removed_from_plan"
"""The `disabled` reason of a seat that was removed from the plan."""


class PresenceSource(StrEnum):
    """A means by which readers prove their presence in a venue. The values are stored."""

    KIOSK = "kiosk"
    GATE = "gate"
    DESK = "desk"
    SEAT_LABEL = "seat_label"


USUAL_SOURCES: Final = frozenset(PresenceSource) - {PresenceSource.SEAT_LABEL}


class CheckInWay(StrEnum):
    """The way in which readers of a venue are asked to check in. GATE and DESK are used in
    venues without kiosks and seat labels."""

    KIOSK = "kiosk"
    KIOSK_OR_LABEL = "kiosk_or_label"
    SEAT_LABEL = "seat_label"
    GATE = "gate"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Venue:
    """A building or branch of the library. `order`: the position among the venues. `rev` grows
    with every change. A `retired` venue has no area in use; it is kept to name past bookings.
    `floors`: those with names of their own, from the lowest on."""

    id: VenueId
    name: str
    presence_sources: frozenset[PresenceSource] = USUAL_SOURCES
    rev: int = 0
    order: int = 0
    retired: bool = False
    names: Names = field(default_factory=dict, hash=False)
    floors: tuple[Floor, ...] = ()

    def floor(self, number: int) -> Floor:
        return next((floor for floor in self.floors if floor.number == number), Floor(number))

    @property
    def gates_prove(self) -> bool:
        """True if passing one of the venue's gates proves presence."""
        return PresenceSource.GATE in self.presence_sources

    @property
    def check_in_way(self) -> CheckInWay:
        sources = self.presence_sources
        labels = PresenceSource.SEAT_LABEL in sources
        if PresenceSource.KIOSK in sources:
            return CheckInWay.KIOSK_OR_LABEL if labels else CheckInWay.KIOSK
        if labels:
            return CheckInWay.SEAT_LABEL
        return CheckInWay.GATE if self.gates_prove else CheckInWay.DESK


@dataclass(frozen=True, slots=True)
class Fixture:
    """An object on the plan that is not a seat: wall, window, bookshelf, door, pillar or kiosk."""

    kind: str
    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat on a plan. `number`: its name, unique in its area (seat_names.py). `disabled`: why it
    is out of service, from `disabled_from` to `disabled_until`; None if it is in service.
    `features`: the ids of the library's own features that it has, sorted."""

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
    features: tuple[str, ...] = ()

    def unavailable_reason(self, day: date) -> str | None:
        if self.disabled is None or (self.disabled_from or day) > day:
            return None
        return self.disabled if day <= (self.disabled_until or day) else None

    def has(self, features: Iterable[str]) -> bool:
        """True if the seat has all these features, usual ones or the library's own."""
        return all(
            getattr(self, feature) if feature in SEAT_FEATURES else feature in self.features
            for feature in features
        )


@dataclass(frozen=True, slots=True)
class SeatDraft:
    """A seat in an edited plan or in a file. A draft without `id` means the seat that has or had
    this `number`; if there is none, a new seat."""

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
    features: tuple[str, ...] = ()


SEAT_FEATURES: Final = ("power", "window", "computer", "accessible")
"""The names of the usual features: fields of ``Seat``, ``SeatDraft`` and of API responses."""
FILTERABLE_FEATURES: Final = ("window", "power")
"""Usual features by which readers may filter if the policy allows it."""


def features_of(seat: Seat | SeatDraft) -> dict[str, Any]:
    return {feature: getattr(seat, feature) for feature in SEAT_FEATURES}


class AreaState(StrEnum):
    """Whether an area is in use. ``RETIRED`` areas can be brought back, ``DELETED`` ones cannot.
    The values are stored."""

    IN_USE = "in_use"
    RETIRED = "retired"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Area:
    """A room or zone with its plan. `order`: the position on its floor. `removed_seats`: seats
    that are no longer on the plan, kept to name past bookings. `retired_seats`: the seats of a
    retired area, which are back on the plan if the area is brought back."""

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
    names: Names = field(default_factory=dict, hash=False)
    derived: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Facts that follow from this version of the area, by the function that computes them."""

    @property
    def in_use(self) -> bool:
        return self.state is AreaState.IN_USE

    @property
    def all_seats(self) -> Iterator[Seat]:
        """All seats that the area has or had. Removed and retired ones come first, so that in a
        mapping by id the seats on the plan replace them."""
        return chain(self.removed_seats, self.retired_seats, self.seats)


@dataclass(frozen=True, slots=True)
class Kiosk:
    """A screen that shows kiosk codes. `kind`: seat_kiosk (选座机) or query_terminal (查询机).
    `order`: position in its venue; None until staff set one. A `retired` kiosk has no key."""

    id: KioskId
    venue_id: VenueId
    name: str
    kind: str
    retired: bool = False
    order: int | None = None
    names: Names = field(default_factory=dict, hash=False)


def device_order(
    places: Sequence[VenueId], venue_id: VenueId, order: int | None, name: str, id: str
) -> tuple[int, float, tuple[object, ...], str]:
    """The sort key of a kiosk or gate: first the position of its venue in ``places``, then
    ``order``. Devices without ``order`` follow, sorted by name (2号 before 10号)."""
    place = places.index(venue_id) if venue_id in places else -1
    return place, inf if order is None else order, natural(name), id


class _InVenue(Protocol):
    @property
    def venue_id(self) -> VenueId: ...


_T = TypeVar("_T", bound=_InVenue)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The whole library: its venues, areas, seats and kiosks. `version` changes with any part.
    `seats`: the seats on plans; `all_seats`: former seats too. `kiosks`: the kiosks in use."""

    version: str
    venues: Mapping[VenueId, Venue]
    areas: Mapping[AreaId, Area]
    kiosks: Mapping[KioskId, Kiosk]
    retired_kiosks: Mapping[KioskId, Kiosk] = field(default_factory=dict)
    features: SeatFeatures = NO_FEATURES
    seats: Mapping[SeatId, Seat] = field(init=False)
    all_seats: Mapping[SeatId, Seat] = field(init=False, repr=False, compare=False)
    _nearest_cache: dict[SeatId, tuple[Seat, ...]] = field(init=False, repr=False, compare=False)
    _described_cache: dict[SeatId, Mapping[str, Any]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        seats = {seat.id: seat for area in self.areas.values() for seat in area.seats}
        former_and_present = {
            seat.id: seat for area in self.areas.values() for seat in area.all_seats
        }
        object.__setattr__(self, "seats", seats)
        object.__setattr__(self, "all_seats", former_and_present | seats)
        object.__setattr__(self, "_nearest_cache", {})
        object.__setattr__(self, "_described_cache", {})

    @property
    def venues_in_use(self) -> Iterator[Venue]:
        return (venue for venue in self.venues.values() if not venue.retired)

    @property
    def has_several_venues(self) -> bool:
        return sum(1 for _ in self.venues_in_use) > 1

    @property
    def bookable_areas(self) -> Iterator[Area]:
        """The areas with seats on their plan, which are those that readers see."""
        return (area for area in self.areas.values() if area.seats)

    @property
    def known_areas(self) -> Iterator[Area]:
        """All areas except the deleted ones."""
        return (area for area in self.areas.values() if area.state is not AreaState.DELETED)

    @property
    def areas_in_use(self) -> Iterator[Area]:
        """The areas that are neither retired nor deleted, with or without seats."""
        return (area for area in self.areas.values() if area.in_use)

    def by_venue(self, items: Iterable[_T]) -> list[tuple[Venue | None, list[_T]]]:
        """The venues, in their order, that have some of the items, each with its items. With a
        single venue in use all items are one group, and its venue is None."""
        listed = list(items)
        if not self.has_several_venues:
            return [(None, listed)] if listed else []
        groups = [(v, [i for i in listed if i.venue_id == v.id]) for v in self.venues.values()]
        return [(venue, group) for venue, group in groups if group]

    def venue_in_use(self, venue_id: VenueId | None) -> VenueId | None:
        """The venue's id; None if it is deleted or retired, which ends the rules of the venue."""
        venue = self.venues.get(venue_id) if venue_id is not None else None
        return venue.id if venue is not None and not venue.retired else None

    def venue_of(self, area_id: AreaId) -> VenueId | None:
        """The id of the area's venue, if the venue is in use."""
        area = self.areas.get(area_id)
        return self.venue_in_use(area.venue_id) if area is not None else None

    def with_areas(self, *areas: Area) -> Catalog:
        """A copy of the catalog with these areas added, or replacing those with the same id."""
        return replace(self, areas={**self.areas, **{area.id: area for area in areas}})

    def seat_label(self, seat: Seat) -> PlaceText:
        """The name of a seat with its area, as readers see it: 图书馆2层二层中厅065号."""
        label: PlaceText = self.described(seat)["label"]
        return label

    def label_of(self, seat_id: SeatId) -> str:
        """The name of a seat with its area, as readers see it; the id itself if the catalog has
        no such seat."""
        seat = self.all_seats.get(seat_id)
        return self.seat_label(seat) if seat is not None else str(seat_id)

    def facts_of(self, seat: Seat) -> dict[str, Any]:
        """The facts that a seat's label is made of: first names, floor and number."""
        area = self.areas[seat.area_id]
        venue = self.venues[area.venue_id]
        return {
            "venue": venue.name,
            "floor": area.floor,
            "floor_name": venue.floor(area.floor).name,
            "area": area.name,
            "no": seat.number,
        }

    def described(self, seat: Seat) -> Mapping[str, Any]:
        """The seat's ids, its label, with ``labels`` in further languages, and ``facts_of``, with
        the names in further languages that there are."""
        if seat.id not in self._described_cache:
            area = self.areas[seat.area_id]
            venue = self.venues[area.venue_id]
            label = label_text(*self._place(area), seat.number)
            names = {
                "venue_names": venue.names,
                "floor_names": venue.floor(area.floor).names,
                "area_names": area.names,
            }
            self._described_cache[seat.id] = {
                "id": seat.id,
                "area_id": area.id,
                "label": label,
                "labels": label.facts,
                **self.facts_of(seat),
                **{field: value for field, value in names.items() if value},
            }
        return self._described_cache[seat.id]

    def short_label_of(self, seat_id: SeatId, longest: int) -> str:
        """The name of a seat with its area in at most ``longest`` characters. A longer name is
        cut at its beginning; the seat's number stays whole."""
        seat = self.all_seats.get(seat_id)
        if seat is None:
            return str(seat_id)[-longest:]
        label = self.seat_label(seat)
        if len(label) <= longest:
            return str(label)
        named = number_label(seat.number)
        if len(named) >= longest:
            return named[:longest]
        return shortened([*self._place(self.areas[seat.area_id]), seat.number], longest)

    def area_label(self, area: Area) -> PlaceText:
        """The name of an area as readers see it: 图书馆2层二层中厅."""
        return label_text(*self._place(area))

    def short_area_label(self, area: Area, longest: int) -> str:
        """An area's name of at most ``longest`` characters. If it is too long, the venue is left
        out first, then the floor."""
        return shortened(self._place(area), longest)

    def _place(self, area: Area) -> tuple[Venue, Floor, Area]:
        venue = self.venues[area.venue_id]
        return venue, venue.floor(area.floor), area

    def names_of(self, area: Area) -> dict[str, Any]:
        """The names of an area and its floor, with those in further languages, if any."""
        floor = self.venues[area.venue_id].floor(area.floor)
        more = {"names": area.names, "floor_name": floor.name, "floor_names": floor.names}
        more = {field: value for field, value in more.items() if value}
        return {"name": area.name, "floor": area.floor, **more}

    def full_name(self, area: Area) -> PlaceText:
        """The area's name after its floor, unless it contains the floor: 二层东区, 3层 阅览室."""
        return name_text(*self._place(area)[1:])

    def area_name(self, area: Area) -> PlaceText:
        """The area's full name, preceded by its venue if the library has more than one."""
        return name_text(*self._place(area)) if self.has_several_venues else self.full_name(area)

    def seat_name(self, area: Area, no: str) -> PlaceText:
        """The area's full name and the seat's number: 二层中厅 065号."""
        return name_text(*self._place(area)[1:], no)

    def nearest_seats(self, seat: Seat) -> tuple[Seat, ...]:
        """The other seats of the area, closest first."""
        if seat.id not in self._nearest_cache:
            others = [s for s in self.areas[seat.area_id].seats if s.id != seat.id]
            others.sort(key=lambda s: (hypot(s.x - seat.x, s.y - seat.y), natural(s.number)))
            self._nearest_cache[seat.id] = tuple(others)
        return self._nearest_cache[seat.id]
