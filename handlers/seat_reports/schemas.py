"""What reports about seats take and answer."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from handlers.http.schemas import Request, Response
from handlers.reservations.schemas import NearSeat, ReservationOut


class ReportTaken(Request):
    """``qr``: the whole text of a kiosk's code or of the seat's label, which shows that the reader
    is there."""

    kind: Literal["occupied", "belongings"]
    qr: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None


class ReportOut(Response):
    """``nearest``: free seats for the rest of the time, for ``change`` where
    ``deadline_stopped``: it is known that the reader is there. Otherwise the desk looks, and the
    deadlines run."""

    reservation: ReservationOut
    nearest: list[NearSeat]
    deadline_stopped: bool


class EmptySeatReportOut(Response):
    """``asked``: its reader has been asked to show that they are there."""

    asked: bool
