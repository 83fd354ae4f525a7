"""The query for what was told in some days, of messages and of deliveries alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bson.objectid import ObjectId

from models.policy.entities import FARTHEST_HORIZON
from models.storage.mongo import Document

_BOOKED_AHEAD: Final = timedelta(days=FARTHEST_HORIZON + 2)
"""Longer than any booking is made before its last message."""


def told_since(since: datetime, wall_clock: bool) -> Document:
    """The query for messages, or deliveries of them, since then.

    Ids begin with the time at which their reservation was made, by the clock on the wall.
    """
    query: Document = {"at": {"$gte": since}}
    if wall_clock:
        query["_id"] = {"$gte": str(ObjectId.from_datetime(since - _BOOKED_AHEAD))}
    return query
