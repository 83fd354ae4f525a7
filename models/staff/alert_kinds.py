"""Alerts: mails by which staff members learn of open work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.library.entities import VenueId


class AlertKind(StrEnum):
    """A kind of open work. The values are stored, and are names of the console's pages."""

    REPORTS = "reports"
    FAULTS = "faults"
    APPEALS = "appeals"
    QUESTIONS = "questions"
    TROUBLES = "troubles"


@dataclass(frozen=True, slots=True)
class AlertWish:
    """The alerts that a staff member has chosen. `venues` None: the whole library. `mailed_at`: the
    time of the last mail; `seen`: the ids of the items that it counted."""

    reader_id: ReaderId
    kinds: frozenset[AlertKind]
    venues: frozenset[VenueId] | None
    seen: tuple[str, ...] = ()
    mailed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenItem:
    """One piece of open work. `venue_id` is None if it concerns the whole library."""

    id: str
    venue_id: VenueId | None = None
