"""Alerts: mails to staff members about open work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.library.entities import VenueId


class AlertKind(StrEnum):
    """A kind of open work. The values are stored, and are names of console pages."""

    REPORTS = "reports"
    FAULTS = "faults"
    APPEALS = "appeals"
    QUESTIONS = "questions"
    TROUBLES = "troubles"


@dataclass(frozen=True, slots=True)
class AlertWish:
    """A staff member's alerts; ``venues`` None is the whole library. ``seen``: ids of the items
    that the last mail, sent at ``mailed_at``, counted."""

    reader_id: ReaderId
    kinds: frozenset[AlertKind]
    venues: frozenset[VenueId] | None
    seen: tuple[str, ...] = ()
    mailed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An open item. ``venue_id`` is None if it concerns the whole library."""

    id: str
    venue_id: VenueId | None = None
