"""What kiosks take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from handlers.accounts.schemas import ReaderOut
from handlers.http.schemas import Id, Request, Response
from handlers.reservations.schemas import ReservationOut
from models.readers.entities import CARD_NUMBER


class PairingOut(Response):
    """``secret`` is the screen's alone: by it the screen asks what became of the code, and it is
    the kiosk's key once an administrator has typed ``code``. ``check_word`` is shown beside the
    code, there and in the console."""

    secret: str
    code: str
    check_word: str
    expires_at: datetime


class PairingStateRequest(Request):
    """The secret that the screen got with its code."""

    secret: Annotated[str, Meta(min_length=1, max_length=100)]


class PairingStateOut(Response):
    """``kiosk_id`` is null until an administrator has confirmed."""

    code: str
    check_word: str
    expires_at: datetime
    kiosk_id: str | None


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
