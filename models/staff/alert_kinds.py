"""What the staff can hear of by mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.library.entities import VenueId


class AlertKind(StrEnum):
    """What waits for the staff. The value is stored, and is the name of the console's page."""

    REPORTS = "reports"
    FAULTS = "faults"
    APPEALS = "appeals"
    QUESTIONS = "questions"
    TROUBLES = "troubles"


@dataclass(frozen=True, slots=True)
class AlertWish:
    """What one of the staff wants to hear of, in these venues or (None) in the whole library.
    ``seen`` are the things that the last mail, at ``mailed_at``, has counted."""

    reader_id: ReaderId
    kinds: frozenset[AlertKind]
    venues: frozenset[VenueId] | None
    seen: tuple[str, ...] = ()
    mailed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenItem:
    """Something that waits. ``venue_id`` is None where it concerns the whole library."""

    id: str
    venue_id: VenueId | None = None
