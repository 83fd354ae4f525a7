from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import chain
from math import hypot, inf
from typing import Any, Final, NewType, Protocol, TypeVar

from models.kernel.text import natural
from models.library.seat_features import NO_FEATURES, SeatFeatures

VenueId = NewType("VenueId", str)
AreaId = NewType("AreaId", str)
SeatId = NewType("SeatId", str)
KioskId = NewType("KioskId", str)
SEAT_SIZE: Final = 40
"""The side of a seat's square, in plan units. A seat's coordinates are its top-left corner."""
_HAN: Final = "\u2e80"
"""The first character of the Unicode blocks of Chinese; European letters come before it."""
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
    with every change. A `retired` venue has no area in use; it is kept to name past bookings."""

    id: VenueId
    name: str
    presence_sources: frozenset[PresenceSource] = USUAL_SOURCES
    rev: int = 0
    order: int = 0
    retired: bool = False

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


def floor_label(floor: int) -> str:
    """A floor as readers see it: 2层, or 地下1层 for -1."""
    return f"地下{-floor}层" if floor < 0 else f"{floor}层"


def _joined(parts: Sequence[str]) -> str:
    """Joins the parts. Parts are separated by a dot only if a letter or digit would follow
    another one and neither is Chinese: 图书馆2层A区065号, but Lesesaal A · A-1号."""
    label = ""
    for part in parts:
        runs_together = all(c.isalnum() and c < _HAN for c in (label[-1:], part[:1]))
        label += f" · {part}" if runs_together else part
    return label


def _shortened(parts: Sequence[str], longest: int) -> str:
    """Joins the parts to at most ``longest`` characters. Leading parts are left out; if the last
    part alone is too long, its beginning is cut off."""
    rest = [_joined(parts[first:]) for first in range(3)]
    label = next((fitting for fitting in rest if len(fitting) <= longest), rest[-1])
    return label if len(label) <= longest else "…" + label[1 - longest :]


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

    @property
    def full_name(self) -> str:
        """The area's name after its floor, unless it contains the floor: 二层东区, 3层 阅览室."""
        return self.name if "层" in self.name else f"{floor_label(self.floor)} {self.name}"

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

    def __post_init__(self) -> None:
        seats = {seat.id: seat for area in self.areas.values() for seat in area.seats}
        former_and_present = {
            seat.id: seat for area in self.areas.values() for seat in area.all_seats
        }
        object.__setattr__(self, "seats", seats)
        object.__setattr__(self, "all_seats", former_and_present | seats)
        object.__setattr__(self, "_nearest_cache", {})

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

    def seat_label(self, seat: Seat) -> str:
        """The name of a seat with its area, as readers see it: 图书馆2层二层中厅065号."""
        return _joined([*self._place(self.areas[seat.area_id]), f"{seat.number}号"])

    def label_of(self, seat_id: SeatId) -> str:
        """The name of a seat with its area, as readers see it; the id itself if the catalog has
        no such seat."""
        seat = self.all_seats.get(seat_id)
        return self.seat_label(seat) if seat is not None else str(seat_id)

    def short_label_of(self, seat_id: SeatId, longest: int) -> str:
        """The name of a seat with its area in at most ``longest`` characters. A longer name is
        cut at its beginning; the seat's number stays whole."""
        seat = self.all_seats.get(seat_id)
        if seat is None:
            return str(seat_id)[-longest:]
        named = f"{seat.number}号"
        if len(named) >= longest:
            return named[:longest]
        return _shortened([*self._place(self.areas[seat.area_id]), named], longest)

    def area_label(self, area: Area) -> str:
        """The name of an area as readers see it: 图书馆2层二层中厅."""
        return _joined(self._place(area))

    def short_area_label(self, area: Area, longest: int) -> str:
        """An area's name of at most ``longest`` characters. If it is too long, the venue is left
        out first, then the floor."""
        return _shortened(self._place(area), longest)

    def _place(self, area: Area) -> list[str]:
        return [self.venues[area.venue_id].name, floor_label(area.floor), area.name]

    def area_name(self, area: Area) -> str:
        """The area's full name, preceded by its venue if the library has more than one."""
        venue = f"{self.venues[area.venue_id].name} " if self.has_several_venues else ""
        return venue + area.full_name

    def nearest_seats(self, seat: Seat) -> tuple[Seat, ...]:
        """The other seats of the area, closest first."""
        if seat.id not in self._nearest_cache:
            others = [s for s in self.areas[seat.area_id].seats if s.id != seat.id]
            others.sort(key=lambda s: (hypot(s.x - seat.x, s.y - seat.y), natural(s.number)))
            self._nearest_cache[seat.id] = tuple(others)
        return self._nearest_cache[seat.id]
