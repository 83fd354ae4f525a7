from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, field

from handlers.http.schemas import ClockTime, Id, Request, Response, Start
from handlers.reservations.schemas import ReservationOut
from handlers.seat_map.schemas import AreaSummary
from models.library.entities import FILTERABLE_FEATURES


class JoinWaitlist(Request):
    """A request to wait for a seat in an area. ``seats``: at most 20 seats that the reader
    accepts; empty for any. ``window``, ``power``: whether the seat must have this feature;
    ``features``: further ones that it must have.
    ``only_tell``: asks for a free-seat alert, one message without a waitlist place or held seat."""

    area_id: Id
    date: date
    start: Start
    end: ClockTime
    seats: Annotated[list[Id], Meta(max_length=20)] = field(default_factory=list)
    window: bool = False
    power: bool = False
    features: Annotated[list[Id], Meta(max_length=20)] = field(default_factory=list)
    only_tell: bool = False

    @property
    def required_features(self) -> frozenset[str]:
        usual = (name for name in FILTERABLE_FEATURES if getattr(self, name))
        return frozenset((*usual, *self.features))


class WaitlistEntryOut(Response):
    """A waitlist entry or a free-seat alert. ``state``: waiting, offered, accepted,
    offer_expired, left, over, told (an alert's seat is free). ``ahead``: the number of entries
    before this one; null if this one does not wait in line. ``offer``: the held seat, which the
    reader may accept or decline until the offer's ``held_until``; null without an offer.
    ``place``: the area with its floor and venue; null if the library has it no more."""

    id: str
    area_id: str
    area: str
    seats: list[str]
    date: date
    start: datetime
    end: datetime
    state: str
    ahead: int | None
    only_tell: bool
    made_at: datetime
    offer: ReservationOut | None
    place: AreaSummary | None
