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
"""A gate record proves presence for this long; the way from gate to seat can take as long."""
EXPECTED_FOR: Final = timedelta(days=7)
"""A presence method that has not proved any presence for this long is assumed to be broken."""


class PresenceMethod(StrEnum):
    """The method by which a reader's presence was proved. The value is stored."""

    KIOSK_CODE = "kiosk_code"
    CARD = "card"
    GATE = "gate"
    DESK = "desk"
    SEAT_LABEL = "seat_label"

    @property
    def source(self) -> PresenceSource:
        """The source that a venue must accept for this method: ``KIOSK`` both for a kiosk's code
        and for a card at a kiosk."""
        return _KIOSK_METHODS.get(self) or PresenceSource(self.value)


_KIOSK_METHODS: Final[Mapping[PresenceMethod, PresenceSource]] = {
    PresenceMethod.KIOSK_CODE: PresenceSource.KIOSK,
    PresenceMethod.CARD: PresenceSource.KIOSK,
}


@dataclass(frozen=True, slots=True)
class PresenceProof:
    """Proof that the reader was in the venue at ``at``; valid only for ``seat_id`` if it is set."""

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
    """True if within ``EXPECTED_FOR`` one of the venue's ``sources`` has proved a presence or,
    if kiosks are among them, a kiosk's screen was seen. ``proofs``: when each method last proved
    a presence; ``screens``: when each kiosk's screen was last seen."""
    last_proofs = [at for method, at in proofs.items() if method.source in sources]
    if PresenceSource.KIOSK in sources:
        last_proofs += screens
    return any(now - at < EXPECTED_FOR for at in last_proofs)
