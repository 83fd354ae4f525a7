"""The labels of seats and rooms, as a test scans them."""

from __future__ import annotations

from bind.seat_labels import SeatLabels
from handlers.http.keys import service_key
from models.library.entities import SeatId
from models.library.rooms import RoomId
from tests.living import SEAT, Living


def label(service: Living, seat: str = SEAT) -> str:
    """The whole text of the seat's label."""
    return service.app[service_key(SeatLabels)].link(SeatId(seat))


def room_label(service: Living, room: str) -> str:
    """The whole text of the room's label."""
    return service.app[service_key(SeatLabels)].room_link(RoomId(room))
