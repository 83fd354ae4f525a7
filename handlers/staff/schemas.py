"""What the operations of the staff take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import field

from handlers.accounts.schemas import ReaderOut
from handlers.http.schemas import Instant, InstantRequest, NonBlankText, Request, Response
from handlers.reservations.schemas import ReservedSeat
from handlers.violations.schemas import ViolationOut


class StaffAppealOut(Response):
    """An appeal that waits, with whose it is. ``text_check``: what WeChat says of its text."""

    violation: ViolationOut
    reader: ReaderOut
    text_check: Literal["pass", "review", "risky", "unchecked"]


class DecideAppeal(Request):
    granted: bool
    answer: NonBlankText


class Waive(Request):
    reason: NonBlankText


class WaiveAll(InstantRequest):
    """Every violation in [from, to)."""

    reason: NonBlankText
    start: Instant = field(name="from")
    end: Instant = field(name="to")


class DeskReportOut(Response):
    """A seat that somebody else has taken. ``kind``: occupied or belongings. ``deadline_stopped``:
    it is known that its reader is there, and no deadline runs."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    kind: str
    at: datetime
    deadline_stopped: bool


class PatrolOut(Response):
    """A seat in use that somebody doubts. Since ``at`` it waits for somebody of the staff: no push
    has reached its reader."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    at: datetime


class CodeSharingOut(Response):
    """A check-in by code that may have been passed on. ``reasons``: outside (a gate had seen the
    reader leave), crowd (many used that one code)."""

    reservation_id: str
    reader: ReaderOut
    kiosk: str
    at: datetime
    score: int
    reasons: list[str]


class WaivedOut(Response):
    waived: int
