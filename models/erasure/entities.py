from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Keeping:
    """The operator's retention periods.

    `audit`: from an audit entry on.
    `feedback`: from the answer on.
    `messages`: from the creation of the message's reservation on.
    `movements`: from a gate event or a scan of a kiosk code on.
    `reservations`: from the end of a reservation on, which is then kept without its reader.
    `visitors`: from the last day of the visit on.
    """

    audit: timedelta
    feedback: timedelta
    messages: timedelta
    movements: timedelta
    reservations: timedelta
    visitors: timedelta
