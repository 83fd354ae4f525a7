from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from handlers.http.schemas import ClockTime, Id, Request, Response, Start
from handlers.reservations.schemas import ReservedSeat
from models.library.entities import FILTERABLE_FEATURES


class OpenOut(Response, rename={"from_": "from"}):
    from_: str
    to: str


class DateOut(Response):
    """``opens_at``: when booking for the day opens. ``drawn_until``: until then requests are drawn
    by lot; null if there is no draw or it is over."""

    date: date
    label: str
    bookable: bool
    opens_at: datetime | None
    drawn_until: datetime | None
    open: OpenOut | None
    reason: str


class VenueOut(Response):
    id: str
    name: str
    open: OpenOut | None
    dates: list[DateOut]


class VenuesOut(Response):
    items: list[VenueOut]


class AreasQuery(Request):
    venue: Id | None = None
    date: date | None = None
    start: Start | None = None
    end: ClockTime | None = None
    window: bool = False
    power: bool = False

    @property
    def features(self) -> frozenset[str]:
        """The features that a seat must have to be counted."""
        return frozenset(mark for mark in FILTERABLE_FEATURES if getattr(self, mark))


class WindowQuery(Request):
    date: date | None = None
    start: Start | None = None
    end: ClockTime | None = None


class AreaOut(Response):
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
    """The groups that the whole area is reserved for; absent if the reader may use a seat."""
    closed: str | UnsetType = UNSET
    """Why the area is closed all day (empty without a reason); absent if it is open."""


class AreasOut(Response):
    items: list[AreaOut]


class ForecastQuery(Request):
    venue: Id | None = None
    date: date | None = None
    start: Start | None = None
    end: ClockTime | None = None


class ExpectedOut(Response):
    """``free`` ± ``error`` seats are expected to be free in the hour from ``at``. A request for
    another day without a start gets the fullest hour."""

    area_id: str
    at: datetime
    free: int
    error: int


class ForecastOut(Response):
    """Areas without a forecast are missing."""

    items: list[ExpectedOut]


class ProposalQuery(ForecastQuery):
    skip: Annotated[
        str,
        Meta(
            max_length=1000,
            description="ids of seats that the reader declined, separated by commas",
        ),
    ] = ""


class ProposedSeatOut(Response):
    """``reason``: ``known``, a seat that the reader knows; ``near``, the seat nearest to the known
    seat of number ``near``; ``roomy``, much free space. ``start`` may be ``now``."""

    seat: ReservedSeat
    date: date
    start: str
    end: str
    free_until: datetime | None
    reason: Literal["known", "near", "roomy"]
    near: str | None


class ProposalOut(Response):
    """``proposed``: null if no seat is free, the reader has one, or may not book."""

    proposed: ProposedSeatOut | None


class AreaSummary(Response):
    id: str
    name: str
    floor: int
    venue: str


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
    """The groups that the seat is reserved for; absent if the reader may use it."""


class CatalogSeatOut(Response):
    id: str
    no: str
    label: str
    power: bool
    window: bool
    computer: bool
    accessible: bool


class CatalogAreaOut(Response):
    id: str
    name: str
    floor: int
    seats: list[CatalogSeatOut]


class CatalogVenueOut(Response):
    id: str
    name: str
    areas: list[CatalogAreaOut]


class CatalogOut(Response):
    """Venues with their areas and seats, without anything that changes during the day."""

    version: str
    venues: list[CatalogVenueOut]


class SeatEvent(Response):
    """The new state of a seat, sent by an event stream."""

    id: str
    status: Literal["free", "occupied", "away", "disabled", "mine"]
    free_until: datetime | None
    next_free: datetime | None


class MarkOut(Response):
    kind: str
    x: int
    y: int
    w: int
    h: int


class SeatMapOut(Response):
    area: AreaSummary
    width: int
    height: int
    seats: list[SeatOut]
    marks: list[MarkOut]
    version: str


class TimesQuery(Request):
    date: date | None = None
    start: Start | None = None


class Choice(Response):
    value: str
    label: str


class TimesOut(Response, omit_defaults=True):
    """``proposed``: the proposed value of ``starts``, absent if there are none: today the first, on
    another day the one nearest to the reader's usual start."""

    starts: list[Choice] | UnsetType = UNSET
    proposed: str | UnsetType = UNSET
    ends: list[Choice] | UnsetType = UNSET


class SeatDayQuery(Request):
    date: date | None = None


class OccupiedOut(Response):
    start: datetime
    end: datetime


class SeatDayOut(Response):
    id: str
    no: str
    area_id: str
    label: str
    power: bool
    window: bool
    computer: bool
    accessible: bool
    disabled: str | None
    date: date
    taken: list[OccupiedOut]
    reserved_for: list[str] | UnsetType = UNSET
