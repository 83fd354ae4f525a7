from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from handlers.http.schemas import Id, Request, Response


class PublicOccupancyQuery(Request):
    """``venue``: the id of a venue; null for all venues."""

    venue: Id | None = None


class PublicAreaOut(Response):
    """One area and its free seats. ``seats_free`` is null unless ``state`` is ``open``.
    ``state``: ``to_come`` if the area opens later today, at ``opens_at``; ``over`` if it is
    closed for the rest of the day; ``closed`` if it is closed all day, with ``reason``;
    ``reserved`` if only members of a reader group may use it. The last four fields are as in
    ``AreaOut``."""

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
    venue_names: dict[str, str] | UnsetType = UNSET
    names: dict[str, str] | UnsetType = UNSET
    floor_name: str | UnsetType = UNSET
    floor_names: dict[str, str] | UnsetType = UNSET


class PublicOccupancyOut(Response):
    """The free seats by area at minute ``at``. A seat used without a reservation counts as free.
    ``language``: the tag of the library's language."""

    at: datetime
    items: list[PublicAreaOut]
    language: str
