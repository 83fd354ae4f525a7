from __future__ import annotations

from datetime import datetime
from typing import Literal

from handlers.http.schemas import Id, Request, Response


class PublicOccupancyQuery(Request):
    """``venue``: null for all venues."""

    venue: Id | None = None


class PublicAreaOut(Response):
    """``seats_free``: null unless ``state`` is ``open``. ``to_come``: the area opens at
    ``opens_at``. ``over``: it is closed for the rest of the day. ``closed``: all day, for
    ``reason``. ``reserved``: only members of a reader group may use it."""

    id: str
    name: str
    venue_id: str
    venue: str
    floor: int
    state: Literal["open", "to_come", "over", "closed", "reserved"]
    seats_free: int | None
    seats_total: int
    opens_at: datetime | None
    reason: str


class PublicOccupancyOut(Response):
    """The occupancy in the minute ``at``, as far as it follows from reservations."""

    at: datetime
    items: list[PublicAreaOut]
