"""Stores parties as documents among the reservations, whose claims they share."""

from __future__ import annotations

from datetime import date
from typing import Final

from models.kernel.ids import PartyId, ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import SeatId
from models.reservations.party import Party, PartySeat
from models.storage.mongo import Document

PARTY_FIELDS: Final = ("change", "asker", "number", "until", "seats", "ended_at")
"""The stored fields of a party beside those that it shares with reservations."""
HOLDING: Final[Document] = {"state": "holding"}
"""The condition of parties that hold seats. A party has none of the fields by which reservations
are looked up: no reader, seat or area."""


def party_document(zone: Zone, party: Party) -> Document:
    holds, held = party.ended_at is None, party.held()
    return {
        "_id": party.id,
        "live": holds,
        "state": HOLDING["state"] if holds else "over",
        "day": party.day.isoformat(),
        "start": party.span.start,
        "end": party.span.end,
        "rev": party.rev,
        "due_at": party.until if holds else None,
        "claims": list(party.claims(zone)),
        "change": party.change,
        "asker": party.asker_id,
        "number": party.number,
        "until": party.until,
        # Each change of what is held changes this list, so that the change stream reports it.
        "seats": [
            {
                "seat": seat.id,
                "booking": seat.booking,
                "invited": seat.invited,
                "held": seat in held,
            }
            for seat in party.seats
        ],
        "ended_at": party.ended_at,
    }


def party_of(d: Document) -> Party:
    return Party(
        id=PartyId(d["_id"]),
        rev=d["rev"],
        change=d["change"],
        asker_id=ReaderId(d["asker"]),
        day=date.fromisoformat(d["day"]),
        number=d["number"],
        span=TimeRange(d["start"], d["end"]),
        until=d["until"],
        seats=tuple(PartySeat(SeatId(s["seat"]), s["booking"], s["invited"]) for s in d["seats"]),
        ended_at=d["ended_at"],
    )
