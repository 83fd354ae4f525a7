from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from handlers.http.schemas import Request, Response
from handlers.reservations.schemas import NearSeat, ReservationOut


class ReportTaken(Request):
    """``qr``: the text of a kiosk's code or of the seat's label, as a proof of presence."""

    kind: Literal["occupied", "belongings"]
    qr: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None


class ReportOut(Response):
    """``deadline_stopped``: the reader is known to be there, and can change to one of the seats
    ``nearest``, free for the remaining time. Otherwise deadlines run until the staff have
    looked."""

    reservation: ReservationOut
    nearest: list[NearSeat]
    deadline_stopped: bool


class EmptySeatReportOut(Response):
    """``asked``: the seat's reader has been asked for a proof of presence."""

    asked: bool
