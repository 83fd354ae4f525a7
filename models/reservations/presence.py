"""Proof that a reader is there: who, where, how and when. What stops a deadline takes one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.library.entities import VenueId

FRESH_FOR: Final = timedelta(hours=1)
"""Who was seen so long ago may still be on the way from the door to the seat and back."""
EXPECTED_FOR: Final = timedelta(days=7)
"""What has proved no presence for longer may not work at all."""


class PresenceMethod(StrEnum):
    """How it was seen that the reader is there. The value is stored."""

    KIOSK_CODE = "kiosk_code"
    CARD = "card"
    GATE = "gate"
    DESK = "desk"
    SEAT_LABEL = "seat_label"


@dataclass(frozen=True, slots=True)
class PresenceProof:
    """The reader was seen in the venue at that moment."""

    reader_id: ReaderId
    venue_id: VenueId
    method: PresenceMethod
    at: datetime

    def is_fresh(self, now: datetime) -> bool:
        return now - self.at < FRESH_FOR


def can_prove_presence(
    proofs: Iterable[datetime], screens: Iterable[datetime], now: datetime
) -> bool:
    """Can readers show that they are there: has any method lately proved it, or was a kiosk's
    screen seen? ``proofs`` and ``screens`` are when they last were."""
    return any(now - seen < EXPECTED_FOR for seen in (*proofs, *screens))
