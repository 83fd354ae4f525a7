"""Proof that a reader is there: who, where, how and when. What stops a deadline takes one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.library.entities import PresenceSource, SeatId, VenueId

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

    @property
    def source(self) -> PresenceSource:
        """What of the venue has seen it."""
        return _KIOSK_METHODS.get(self) or PresenceSource(self.value)


_KIOSK_METHODS: Final[Mapping[PresenceMethod, PresenceSource]] = {
    PresenceMethod.KIOSK_CODE: PresenceSource.KIOSK,
    PresenceMethod.CARD: PresenceSource.KIOSK,
}


@dataclass(frozen=True, slots=True)
class PresenceProof:
    """The reader was seen in the venue at that moment. ``seat_id``: by this seat's label, which
    shows nothing of another seat."""

    reader_id: ReaderId
    venue_id: VenueId
    method: PresenceMethod
    at: datetime
    seat_id: SeatId | None = None


def can_prove_presence(
    sources: AbstractSet[PresenceSource],
    proofs: Mapping[PresenceMethod, datetime],
    screens: Iterable[datetime],
    now: datetime,
) -> bool:
    """Can readers show that they are in a venue with these ``sources``: has one of them lately
    proved it, or was a kiosk's screen seen? ``proofs`` and ``screens``: when they last were."""
    seen = [at for method, at in proofs.items() if method.source in sources]
    if PresenceSource.KIOSK in sources:
        seen += screens
    return any(now - at < EXPECTED_FOR for at in seen)
