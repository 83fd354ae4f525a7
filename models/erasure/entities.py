from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Keeping:
    """The operator's retention periods.

    They begin: `audit` with the entry, `feedback` with the answer, `messages` with the creation of
    their reservation, `movements` with a gate event or kiosk scan, `reservations` with their end
    (then they are kept without the reader), `visitors` with the last day of the visit.
    """

    audit: timedelta
    feedback: timedelta
    messages: timedelta
    movements: timedelta
    reservations: timedelta
    visitors: timedelta
