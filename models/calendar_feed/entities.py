from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.kernel.ids import ReaderId


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """``language`` of the texts is stored, since calendar programs send no preference."""

    reader_id: ReaderId
    created_at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """Texts that a calendar shows for a booking. Times are aware UTC. ``uid`` is permanent; a
    higher ``rev`` replaces the event. ``cancelled``: the reader no longer has the seat.
    ``before_start``, ``before_end``: texts of the alarms; "" is no alarm."""

    uid: str
    rev: int
    created_at: datetime
    changed_at: datetime
    start: datetime
    end: datetime
    cancelled: bool
    summary: str
    location: str
    description: str
    url: str
    before_start: str = ""
    before_end: str = ""
