from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, field

from handlers.http.schemas import ClockTime, Id, Request, Response, Start
from handlers.reservations.schemas import ReservationOut
from models.library.entities import FILTERABLE_FEATURES


class JoinWaitlist(Request):
    """A request to wait for a seat in an area. ``seats``: if not empty, only these are accepted,
    at most 20; the seat must have all ``features`` in any case. ``only_tell``: a free-seat alert
    instead, one message without a waitlist place or held seat."""

    area_id: Id
    date: date
    start: Start
    end: ClockTime
    seats: Annotated[list[Id], Meta(max_length=20)] = field(default_factory=list)
    window: bool = False
    power: bool = False
    only_tell: bool = False

    @property
    def features(self) -> frozenset[str]:
        return frozenset(name for name in FILTERABLE_FEATURES if getattr(self, name))


class WaitlistEntryOut(Response):
    """A waitlist entry or a free-seat alert. ``state``: waiting, offered, accepted,
    offer_expired, left, over, told. ``ahead``: the number of entries before this one while it
    waits in line; otherwise null. ``offer``: the held seat, which the reader may accept or
    decline until its ``held_until``; null if there is none."""

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
