"""What the waitlist takes and answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, field

from handlers.http.schemas import ClockTime, Id, Request, Response, Start
from handlers.reservations.schemas import ReservationOut
from models.library.entities import FILTERABLE_FEATURES


class JoinWaitlist(Request):
    """A waitlist entry for an area; ``seats``: only these will do. ``only_tell``: no place in the
    line, and no seat is held; one message says when a seat is free."""

    area_id: Id
    date: date
    start: Start
    end: ClockTime
    seats: Annotated[list[Id], Meta(max_length=20)] = field(default_factory=list)
    window: bool = False
    power: bool = False
    only_tell: bool = False

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset(mark for mark in FILTERABLE_FEATURES if getattr(self, mark))


class WaitlistEntryOut(Response):
    """``state``: waiting, offered, accepted, offer_expired, left, over, told. ``ahead``: how many
    are before the reader, null for who only wants to hear (``only_tell``). ``offer``: the seat that
    is held, to accept or decline until ``held_until``."""

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
