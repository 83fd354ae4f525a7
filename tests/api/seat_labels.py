"""The label on a seat, as a test scans it."""

from __future__ import annotations

from bind.seat_labels import SeatLabels
from handlers.http.keys import service_key
from models.library.entities import SeatId
from tests.living import SEAT, Living


def label(service: Living, seat: str = SEAT) -> str:
    """The whole text of the seat's label."""
    return service.app[service_key(SeatLabels)].link(SeatId(seat))
