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
    """``venues`` None: the whole library. ``seen``: ids of the items in the mail of
    ``mailed_at``."""

    reader_id: ReaderId
    kinds: frozenset[AlertKind]
    venues: frozenset[VenueId] | None
    seen: tuple[str, ...] = ()
    mailed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenItem:
    """``venue_id`` is None if the item concerns the whole library."""

    id: str
    venue_id: VenueId | None = None
