from __future__ import annotations

from models.kernel.errors import Conflict


class SeatFree(Conflict):
    """A suitable seat is free in the selected time, so the reader can book it instead of
    waiting. Details: ``seats``, up to three such seats."""

    code = "seat_free"


class AlreadyWaiting(Conflict):
    """The reader already has a waitlist entry for a part of the selected time."""

    code = "already_waiting"


class AlreadyAlerted(Conflict):
    """The reader already has the same free-seat alert."""

    code = "already_alerted"


class TooManyAlerts(Conflict):
    """The reader already has the largest number of free-seat alerts. Details: ``most``, this
    number."""

    code = "too_many_alerts"
