"""A reader's feed, and one booking as a calendar shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.kernel.ids import ReaderId


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """That a reader has a feed. Its address is not known here: the token in it is kept as a hash.

    ``language`` is the one of its words, which the calendar cannot ask for later.
    """

    reader_id: ReaderId
    created_at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One booking with the words that a calendar shows. Times are aware UTC.

    ``uid`` names it in all calendars for ever, and ``rev``, the booking's revision, rises with each
    change: by both a calendar replaces what it had. ``cancelled``: the seat is not the reader's any
    more. ``before_start`` and ``before_end`` are what an alarm says; without words there is no
    alarm.
    """

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
