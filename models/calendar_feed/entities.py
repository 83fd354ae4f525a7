from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.kernel.ids import ReaderId
from models.library.rooms import RoomId


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """A reader's calendar feed. `language`: stored, as calendar programs send no preference."""

    reader_id: ReaderId
    created_at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class RoomFeed:
    """The calendar feed of a study room: its taken times, without anybody's name."""

    room_id: RoomId
    created_at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A booking as a calendar shows it. Times are aware UTC. `uid` never changes; an event with
    a higher `rev` replaces the earlier one. `cancelled`: the reader no longer has the seat.
    `tentative`: the library has yet to approve it. `before_start`, `before_end`: texts of the
    alarms; "" for none."""

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
    tentative: bool = False
    before_start: str = ""
    before_end: str = ""
