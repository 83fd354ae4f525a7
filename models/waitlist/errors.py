"""Why somebody cannot join the waitlist."""

from __future__ import annotations

from models.kernel.errors import Conflict


class SeatFree(Conflict):
    """Nobody has to wait: details ``seats`` are free for that time."""

    code = "seat_free"


class AlreadyWaiting(Conflict):
    """The reader has a place in a line for some of that time."""

    code = "already_waiting"


class AlreadyAlerted(Conflict):
    """The reader has the same free-seat alert."""

    code = "already_alerted"


class TooManyAlerts(Conflict):
    """The reader has as many free-seat alerts as they may have. Details: ``most``, their limit."""

    code = "too_many_alerts"
