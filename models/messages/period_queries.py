from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bson.objectid import ObjectId

from models.policy.entities import FARTHEST_HORIZON
from models.storage.mongo import Document

_BOOKED_AHEAD: Final = timedelta(days=FARTHEST_HORIZON + 2)
"""No booking is made longer than this before its last message."""


def period_query(since: datetime, wall_clock: bool) -> Document:
    """Messages or deliveries since ``since``. If business time is real time (``wall_clock``),
    their ids, which begin with the time of the reservation, bound the search."""
    query: Document = {"at": {"$gte": since}}
    if wall_clock:
        query["_id"] = {"$gte": str(ObjectId.from_datetime(since - _BOOKED_AHEAD))}
    return query
