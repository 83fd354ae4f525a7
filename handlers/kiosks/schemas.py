from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from handlers.accounts.schemas import ReaderOut
from handlers.http.schemas import Id, Request, Response
from handlers.reservations.schemas import ReservationOut
from models.readers.entities import CARD_NUMBER


class PairingOut(Response):
    """A pairing request of a screen. The screen polls its state with ``secret``, which becomes
    the kiosk's key once an administrator has typed ``code``. Screen and console both show
    ``check_word``, for comparison."""

    secret: str
    code: str
    check_word: str
    expires_at: datetime


class PairingStateRequest(Request):
    secret: Annotated[str, Meta(min_length=1, max_length=100)]


class PairingStateOut(Response):
    """A pairing request's state. ``kiosk_id``: null until an administrator confirms the pairing."""

    code: str
    check_word: str
    expires_at: datetime
    kiosk_id: str | None


class FreeOut(Response):
    """An area and its free seats. ``names``, ``floor_name``, ``floor_names``, ``closed`` and
    ``reserved_for`` are as in ``AreaOut``."""

    name: str
    floor: int
    seats_free: int
    names: dict[str, str] | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET
    floor_names: dict[str, str] | UnsetType = UNSET
    closed: str | UnsetType = UNSET
    reserved_for: list[str] | UnsetType = UNSET


class CardLogin(Request):
    card: Annotated[str, Meta(pattern=f"^{CARD_NUMBER}$", max_length=32)]


class TouchOut(Response):
    """The session of a reader whose card has touched the kiosk. The screen ends the session when
    nobody has touched the screen for ``idle_seconds``."""

    token: str
    expires_at: datetime
    idle_seconds: int
    reader: ReaderOut
    active: list[ReservationOut]


class KioskCheckIn(Request):
    reservation_id: Id


class KioskCodeOut(Response):
    """The code on the kiosk's screen. ``free``: free seats by area; empty for a query terminal.
    ``language``: the tag of the library's language."""

    payload: str
    svg: str
    expires_at: datetime
    step_seconds: int
    kind: str
    free: list[FreeOut]
    language: str
