"""Finds double bookings, should there ever be any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from models.kernel.ids import ReservationId
from models.storage.mongo import Document


@dataclass(frozen=True, slots=True)
class DoubleBooking:
    """Two reservations that held one seat, or one reader, at the same time."""

    thing: str
    first: ReservationId
    second: ReservationId


class OccupiedSpan(NamedTuple):
    """``seat <id>`` or ``reader <id>`` was taken by this reservation in [start, stop)."""

    key: str
    start: datetime
    stop: datetime
    id: ReservationId


def occupied_spans(row: Document) -> list[OccupiedSpan]:
    """For its seat and its reader; none for what ended before it began: it took nothing.

    A start 现在 is cut to the minute, so it took nothing before ``since``.
    """
    start = max(min(row["start"], row.get("available_from") or row["start"]), row["placed_at"])
    stop = min(row["end"], row.get("ended_at") or row["end"])
    if stop <= start:
        return []
    return [
        OccupiedSpan(f"{thing} {row[thing]}", start, stop, row["_id"])
        for thing in ("seat", "reader")
    ]
