from __future__ import annotations

from models.kernel.errors import Conflict


class SeatFree(Conflict):
    """A suitable seat is free in that time. Details: ``seats``, the free ones."""

    code = "seat_free"


class AlreadyWaiting(Conflict):
    """The reader already has a place in the line for some of that time."""

    code = "already_waiting"


class AlreadyAlerted(Conflict):
    """The reader already has the same free-seat alert."""

    code = "already_alerted"


class TooManyAlerts(Conflict):
    """The reader has no free-seat alert left. Details: ``most``, the limit."""

    code = "too_many_alerts"
