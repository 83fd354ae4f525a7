from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from handlers.http.schemas import ClockTime, Id, Request, Response, Start
from handlers.reservations.schemas import CheckInBy, ReservedSeat
from models.library.entities import FILTERABLE_FEATURES
from models.rooms.on_plans import PlanRoomStatus

FeatureNames = Annotated[
    str, Meta(max_length=400, description="names of seat features, separated by commas")
]


def _named_in(features: str) -> Iterable[str]:
    return filter(None, features.split(",")) if features else ()


class SeatFeatureOut(Response):
    """A seat feature that the library has defined itself. ``names``: its name by language tag;
    one of them is Chinese. ``icon``: the name of a drawing."""

    id: str
    names: dict[str, str]
    icon: str


class OpenOut(Response, rename={"from_": "from"}):
    from_: str
    to: str


class DateOut(Response):
    """A day to book seats for. ``opens_at``: when booking for this day begins; null once begun.
    ``drawn_until``: requests before this time are drawn in random order; null if there is no
    such draw or it is over. ``filters``: the features by which seats can be filtered, usual
    ones and the library's own; absent if there are none."""

    date: date
    label: str
    bookable: bool
    opens_at: datetime | None
    drawn_until: datetime | None
    open: OpenOut | None
    reason: str
    filters: list[str] | UnsetType = UNSET


class VenueOut(Response):
    """A venue and its days. ``names``: its name in further languages, by language tag; absent
    without any."""

    id: str
    name: str
    open: OpenOut | None
    dates: list[DateOut]
    names: dict[str, str] | UnsetType = UNSET


class VenuesOut(Response):
    """``features``: the library's own seat features, in its order; absent if it has none."""

    items: list[VenueOut]
    features: list[SeatFeatureOut] | UnsetType = UNSET


class AreasQuery(Request):
    venue: Id | None = None
    date: date | None = None
    start: Start | None = None
    end: ClockTime | None = None
    window: bool = False
    power: bool = False
    features: FeatureNames = ""

    @property
    def required_features(self) -> frozenset[str]:
        """The features by which the query filters: only seats that have all of them are counted."""
        usual = (name for name in FILTERABLE_FEATURES if getattr(self, name))
        return frozenset((*usual, *_named_in(self.features)))


class WindowQuery(Request):
    date: date | None = None
    start: Start | None = None
    end: ClockTime | None = None


class AreaOut(Response):
    """An area and its seats. ``names``: its name in further languages, by language tag.
    ``floor_name``, ``floor_names``: the floor's own name. Each is absent if there is none."""

    id: str
    name: str
    floor: int
    seats_total: int
    seats_free: int
    seats_in_use: int
    seats_away: int
    seats_disabled: int
    max_minutes: int
    step_minutes: int
    reserved_for: list[str] | UnsetType = UNSET
    """Reader groups that the whole area is reserved for; absent if the reader may use a seat."""
    closed: str | UnsetType = UNSET
    """Why the area is closed all day, empty if no reason is given; absent if it is open."""
    names: dict[str, str] | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET
    floor_names: dict[str, str] | UnsetType = UNSET


class AreasOut(Response):
    items: list[AreaOut]


class ForecastQuery(Request):
    venue: Id | None = None
    date: date | None = None
    start: Start | None = None
    end: ClockTime | None = None


class ExpectedOut(Response):
    """An area's forecast: ``free`` seats, give or take ``error``, are expected free in the hour
    from ``at``. If the query has another day and no start, ``at`` is the day's fullest hour."""

    area_id: str
    at: datetime
    free: int
    error: int


class ForecastOut(Response):
    """The forecasts of the areas. An area without a forecast is missing."""

    items: list[ExpectedOut]


class ProposalQuery(ForecastQuery):
    skip: Annotated[
        str,
        Meta(
            max_length=1000,
            description="ids of seats that the reader declined, separated by commas",
        ),
    ] = ""
    features: FeatureNames = ""

    @property
    def required_features(self) -> frozenset[str]:
        return frozenset(_named_in(self.features))


class ProposedSeatOut(Response):
    """A seat to propose to the reader. ``reason``: ``known`` for a favourite seat or the seat of
    the last stay; ``near`` for the free seat nearest to such a seat, whose number is then in the
    field ``near``; ``roomy`` for a seat in the area with the most free space. ``start`` may be
    ``now``. ``together``: the reader may hold seats beside it for friends; absent if not."""

    seat: ReservedSeat
    date: date
    start: str
    end: str
    free_until: datetime | None
    reason: Literal["known", "near", "roomy"]
    near: str | None
    together: bool | UnsetType = UNSET


class ProposalOut(Response):
    """``proposed``: the seat to propose. It is null if no seat is free, if the reader has a
    reservation already, or if they may not book. ``tomorrow``: tomorrow as a day to book seats
    for; null if booking never begins before the day itself."""

    proposed: ProposedSeatOut | None
    tomorrow: DateOut | None


class AreaSummary(Response):
    """An area; its names are as in ``AreaOut``."""

    id: str
    name: str
    floor: int
    venue: str
    venue_names: dict[str, str] | UnsetType = UNSET
    names: dict[str, str] | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET
    floor_names: dict[str, str] | UnsetType = UNSET


class SeatOut(Response):
    id: str
    no: str
    x: int
    y: int
    status: Literal["free", "occupied", "away", "disabled", "mine"]
    free_until: datetime | None
    next_free: datetime | None
    power: bool
    window: bool
    computer: bool
    accessible: bool
    reserved_for: list[str] | UnsetType = UNSET
    """The reader groups that the seat is reserved for; absent if the reader may use it."""
    features: list[str] | UnsetType = UNSET
    """The ids of the library's own features that the seat has; absent if it has none."""


class CatalogSeatOut(Response):
    id: str
    no: str
    label: str
    power: bool
    window: bool
    computer: bool
    accessible: bool
    features: list[str] | UnsetType = UNSET


class CatalogAreaOut(Response):
    id: str
    name: str
    floor: int
    seats: list[CatalogSeatOut]
    names: dict[str, str] | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET
    floor_names: dict[str, str] | UnsetType = UNSET


class CatalogVenueOut(Response):
    id: str
    name: str
    areas: list[CatalogAreaOut]
    names: dict[str, str] | UnsetType = UNSET


class CatalogOut(Response):
    """All venues with their areas and seats, without states and other data that changes during
    the day. ``version`` changes with the content."""

    version: str
    venues: list[CatalogVenueOut]
    features: list[SeatFeatureOut] | UnsetType = UNSET


class SeatEvent(Response):
    """The new state of one seat, as an event of the stream of a plan."""

    id: str
    status: Literal["free", "occupied", "away", "disabled", "mine"]
    free_until: datetime | None
    next_free: datetime | None


class PlanRoomEvent(Response):
    """The new state of one study room, as an event of the stream of a plan."""

    id: str
    status: PlanRoomStatus | None


class MarkOut(Response):
    kind: str
    x: int
    y: int
    w: int
    h: int


class DeskOut(Response):
    x: int
    y: int
    w: int
    h: int


class PlanRoomOut(Response):
    """A study room on the plan. ``status``: its state in the plan's time; null for a whole day, or
    if it is not known. ``names``: as in ``AreaOut``."""

    id: str
    name: str
    x: int
    y: int
    w: int
    h: int
    status: PlanRoomStatus | None
    names: dict[str, str] | UnsetType = UNSET


class SeatMapOut(Response):
    """An area's plan. ``desks`` are computed from the seats. ``faces``: for each of ``seats`` in
    order, the letter of the way in which its desk is: d(own), u(p), r(ight) or l(eft). ``rooms``:
    the study rooms on it; absent without any."""

    area: AreaSummary
    width: int
    height: int
    seats: list[SeatOut]
    marks: list[MarkOut]
    desks: list[DeskOut]
    faces: str
    version: str
    rooms: list[PlanRoomOut] | UnsetType = UNSET


class TimesQuery(Request):
    date: date | None = None
    start: Start | None = None


class Choice(Response):
    value: str
    label: str


class TimesOut(Response, omit_defaults=True):
    """The times at which a seat can be booked. A query without a start gets ``starts`` and the
    start to preselect, ``proposed``: today the first, on another day the one nearest to the
    reader's usual start; absent if ``starts`` is empty. A query with a start gets ``ends`` and,
    if there are any, how and when to check in: ``check_in_until`` for the longest stay; a stay
    that ends earlier ends it. ``together``: seats beside it may be held for friends; absent if
    not."""

    starts: list[Choice] | UnsetType = UNSET
    proposed: str | UnsetType = UNSET
    ends: list[Choice] | UnsetType = UNSET
    check_in_from: datetime | UnsetType = UNSET
    check_in_until: datetime | UnsetType = UNSET
    check_in_by: CheckInBy | UnsetType = UNSET
    together: bool | UnsetType = UNSET


class SeatDayQuery(Request):
    date: date | None = None


class OccupiedOut(Response):
    start: datetime
    end: datetime


class SeatDayOut(ReservedSeat, kw_only=True):
    """A seat and its reservations of a day."""

    power: bool
    window: bool
    computer: bool
    accessible: bool
    disabled: str | None
    date: date
    taken: list[OccupiedOut]
    reserved_for: list[str] | UnsetType = UNSET
    features: list[str] | UnsetType = UNSET
