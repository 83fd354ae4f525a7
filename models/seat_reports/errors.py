"""Why a report about a seat is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict


class SeatNotInUse(Conflict):
    """Nobody is checked in at the seat now."""

    code = "not_in_use"
