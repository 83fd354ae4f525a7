"""What kiosks take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from handlers.accounts.schemas import ReaderOut
from handlers.http.schemas import Id, Request, Response
from handlers.reservations.schemas import ReservationOut
from models.readers.entities import CARD_NUMBER


class FreeOut(Response):
    name: str
    seats_free: int


class CardLogin(Request):
    """What the card reader typed."""

    card: Annotated[str, Meta(pattern=f"^{CARD_NUMBER}$", max_length=32)]


class TouchOut(Response):
    """A session at the kiosk; the screen ends it after ``idle_seconds`` without a touch."""

    token: str
    expires_at: datetime
    idle_seconds: int
    reader: ReaderOut
    active: list[ReservationOut]


class KioskCheckIn(Request):
    reservation_id: Id


class KioskCodeOut(Response):
    """``free``: seats that are free now, by area; a query terminal shows none."""

    payload: str
    svg: str
    expires_at: datetime
    step_seconds: int
    kind: str
    free: list[FreeOut]
