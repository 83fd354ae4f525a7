from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bson.objectid import ObjectId

from models.policy.entities import FARTHEST_HORIZON
from models.storage.mongo import Document

_BOOKED_AHEAD: Final = timedelta(days=FARTHEST_HORIZON + 2)
"""A reservation's last message comes at most this long after the reservation was made."""


def period_query(since: datetime, wall_clock: bool) -> Document:
    """A filter for messages or deliveries since ``since``. If business time is real time
    (``wall_clock``), the ids are bounded too, which makes the search short: an id begins with
    the time when the reservation was made."""
    query: Document = {"at": {"$gte": since}}
    if wall_clock:
        query["_id"] = {"$gte": str(ObjectId.from_datetime(since - _BOOKED_AHEAD))}
    return query
