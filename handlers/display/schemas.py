"""What everybody may read of the library's seats."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from handlers.http.schemas import Id, Request, Response


class PublicOccupancyQuery(Request):
    """Of one venue, or of all."""

    venue: Id | None = None


class PublicAreaOut(Response):
    """``seats_free`` is null where nobody can sit down now, and ``state`` says why. An area that
    is ``to_come`` opens at ``opens_at``; one that is ``over`` is closed for the rest of the day,
    and one that is ``closed`` all day, for ``reason``. A ``reserved`` one is for the readers of a
    group."""

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
    """As it was in the minute ``at``, by the reservations that there are."""

    at: datetime
    items: list[PublicAreaOut]
