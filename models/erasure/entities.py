"""How long is kept what says something about a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Keeping:
    """The operator's choice: from an audit entry, from the answer to feedback, and from the end of
    a reservation on, which then stays without its reader.

    ``messages``: from the making of their reservation on. ``movements``: gate events, and scans of
    kiosk codes. ``visitors``: from the last day of their visit on.
    """

    audit: timedelta
    feedback: timedelta
    messages: timedelta
    movements: timedelta
    reservations: timedelta
    visitors: timedelta
