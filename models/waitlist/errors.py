"""Why somebody cannot join the waitlist."""

from __future__ import annotations

from models.kernel.errors import Conflict


class SeatAvailable(Conflict):
    """Nobody has to wait: details ``seats`` are free for that time."""

    code = "seat_free"


class AlreadyWaiting(Conflict):
    """The reader has a place in a line for some of that time."""

    code = "already_waiting"
