"""The outbox of a booking or a block of a room: an event for each new entry of its history, stored
in the write that adds the entry, and removed once its webhooks are queued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.kernel.ids import ReaderId, ReservationId
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking
from models.storage.mongo import Document


@dataclass(frozen=True, slots=True)
class RoomEventRecord:
    """An event that has yet to be dispatched. `event` and `by`: those of the entry in the history;
    `seq`: its place there. `booker`: as stored now, so that an erased one is not named; None for
    a block. `facts`: the booking's or the block's at that moment."""

    booking_id: ReservationId
    booker: ReaderId | None
    seq: int
    event: str
    by: str
    at: datetime
    facts: Mapping[str, Any]


def outbox_of(old: RoomBooking | None, new: RoomBooking) -> list[Document]:
    """The events of the entries that ``new`` has in its history and ``old`` has not."""
    facts: Document = {
        "venue_id": new.venue_id,
        "room_id": new.room_id,
        "start": new.span.start,
        "end": new.span.end,
        "state": new.state.value,
        "people": len(new.people),
        "checked_in_at": new.checked_in_at,
        "ended_at": new.ended_at,
    }
    return _new_entries(old, new, facts)


def block_outbox_of(old: RoomBlock | None, new: RoomBlock) -> list[Document]:
    """The events of the entries that the block ``new`` has in its history and ``old`` has not."""
    facts: Document = {
        "venue_id": new.venue_id,
        "room_id": new.room_id,
        "start": new.span.start,
        "end": new.span.end,
        "title": new.title,
        "series": new.series,
        "ended_at": new.ended_at,
    }
    return _new_entries(old, new, facts)


def _new_entries(
    old: RoomBooking | RoomBlock | None, new: RoomBooking | RoomBlock, facts: Document
) -> list[Document]:
    first = len(old.history) if old is not None else 0
    return [
        {"seq": seq, "event": entry.event, "by": entry.by, "at": entry.at, "facts": facts}
        for seq, entry in enumerate(new.history[first:], first)
    ]


def event_records(d: Document) -> list[RoomEventRecord]:
    """The events in the outbox of a stored booking or block."""
    booker = ReaderId(d["people"][0]) if "people" in d else None
    return [RoomEventRecord(d["_id"], booker, **event) for event in d["outbox"]]
