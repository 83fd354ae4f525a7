from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Keeping:
    """The operator's retention periods.

    `audit`: from the audit log's entry on. `feedback`: from the answer on. `messages`: from the
    creation of their reservation on. `movements`: from a gate event or kiosk scan on.
    `reservations`: from their end on; then they lose their reader, but stay. `visitors`: from the
    last day of their visit on.
    """

    audit: timedelta
    feedback: timedelta
    messages: timedelta
    movements: timedelta
    reservations: timedelta
    visitors: timedelta
