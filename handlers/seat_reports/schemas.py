from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from handlers.http.schemas import Request, Response
from handlers.reservations.schemas import NearSeat, ReservationOut


class ReportTaken(Request):
    """A report that the reader's booked seat is taken, by another person or by belongings.
    ``qr``: the text of a kiosk's code or of a seat label, scanned as a proof of presence."""

    kind: Literal["occupied", "belongings"]
    qr: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None


class ReportOut(Response):
    """The result of a report that a seat is taken. ``deadline_stopped``: the reader has proved
    presence. The check-in deadline is stopped, and they may change to one of ``nearest``, seats
    free for the remaining time. Otherwise the deadline runs on until staff decide."""

    reservation: ReservationOut
    nearest: list[NearSeat]
    deadline_stopped: bool


class EmptySeatReportOut(Response):
    """An empty-seat report's result. ``asked``: whether the seat's reader must prove presence."""

    reader_asked: bool = field(name="asked")
