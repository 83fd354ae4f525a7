"""How long is kept what says something about a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

MESSAGES_KEPT: Final = timedelta(days=180)
"""From the making of their reservation on."""
MOVEMENTS_KEPT: Final = timedelta(days=180)
"""Gate events, and scans of kiosk codes."""
VISITORS_KEPT: Final = timedelta(days=90)
"""From the last day of their visit on."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """The operator's choice: from an audit entry, from the answer to feedback, and from the end of
    a reservation on, which then stays without its reader."""

    audit: timedelta
    feedback: timedelta
    reservations: timedelta
