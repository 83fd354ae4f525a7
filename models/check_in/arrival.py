"""What a reader scans who arrives."""

from __future__ import annotations

from dataclasses import dataclass

from models.library.entities import KioskId, SeatId
from models.reservations.presence import PresenceMethod


@dataclass(frozen=True, slots=True)
class KioskCodeScan:
    """A kiosk's code that was genuine: shown at ``time_step``; ``is_current`` if it is still
    accepted. With a ``method`` of its own, what counts as one. ``note_id`` names the note that
    a browser carried it in, which is good for one reader."""

    kiosk_id: KioskId
    time_step: int
    is_current: bool
    method: PresenceMethod = PresenceMethod.KIOSK_CODE
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class SeatLabelScan:
    """A seat's label that was genuine. It is the same for everybody, and for ever."""

    seat_id: SeatId


PresenceScan = KioskCodeScan | SeatLabelScan
