"""What reports about seats take and answer."""

from __future__ import annotations

from typing import Literal

from handlers.http.schemas import Request, Response
from handlers.reservations.schemas import NearSeat, ReservationOut


class ReportTaken(Request):
    kind: Literal["occupied", "belongings"]


class ReportOut(Response):
    """``nearest``: free seats for the rest of the time, for ``change``."""

    reservation: ReservationOut
    nearest: list[NearSeat]


class EmptySeatReportOut(Response):
    """``asked``: its reader has been asked to show that they are there."""

    asked: bool
