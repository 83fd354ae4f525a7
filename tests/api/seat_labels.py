"""The label on a seat, as a test scans it."""

from __future__ import annotations

from handlers.keys import SEAT_LABELS
from models.library.entities import SeatId
from tests.living import SEAT, Living


def label(service: Living, seat: str = SEAT) -> str:
    """The whole text of the seat's label."""
    return service.app[SEAT_LABELS].link(SeatId(seat))
