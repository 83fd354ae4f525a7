from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from handlers.http.schemas import Request, Response
from handlers.reservations.schemas import NearSeat, ReservationOut


class ReportTaken(Request):
    """A report of a taken seat. ``qr``: a kiosk's code or the seat's label, as a proof of
    presence."""

    kind: Literal["occupied", "belongings"]
    qr: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None


class ReportOut(Response):
    """A report's result. ``deadline_stopped``: the reader is known to be there, and may change to
    one of ``nearest``, seats that are free for the remaining time. Otherwise deadlines run on
    until the staff decide."""

    reservation: ReservationOut
    nearest: list[NearSeat]
    deadline_stopped: bool


class EmptySeatReportOut(Response):
    """A report's result: whether the seat's reader has been asked for a proof of presence."""

    reader_asked: bool = field(name="asked")
