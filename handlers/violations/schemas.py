from __future__ import annotations

from datetime import datetime
from typing import Literal

from handlers.http.schemas import NonBlankText, Page, Request, Response
from handlers.reservations.schemas import ReservationOut


class WaiverOut(Response):
    reason: str
    at: datetime


class AppealOut(Response):
    """A reader's appeal against a violation. ``answer``: empty until ``settled_at`` is set."""

    text: str
    at: datetime
    settled_at: datetime | None
    answer: str


class NewAppeal(Request):
    text: NonBlankText


class ViolationOut(Response):
    id: str
    kind: Literal["no_show", "away_timeout"]
    at: datetime
    counted: bool
    reservation: ReservationOut
    waived: bool
    waiver: WaiverOut | None
    appeal: AppealOut | None


class WindowOut(Response):
    count: int
    limit: int
    days: int


class ViolationsOut(Page[ViolationOut]):
    window: WindowOut
