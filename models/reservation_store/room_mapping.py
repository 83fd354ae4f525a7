"""Stores bookings of rooms as documents among the reservations, whose claims they share."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.rooms import RequestAnswer, RoomId
from models.readers.personal_data_repository import A_ROOM_BOOKING
from models.reservations.entities import HistoryEntry
from models.reservations.room_booking import RoomBooking, RoomState, RoomTime
from models.storage.free_text import FreeTexts
from models.storage.mongo import Document
from models.text_checks.repository import verdict_in

_SAME: Final = (
    *("change", "number", "made_at", "least", "most", "check_in_from", "check_in_until"),
    *(
        "reminded_until",
        "excused",
        "confirm_by",
        "answer_by",
        "checked_in_at",
        "ended_at",
        "news_due",
        "kiosk_code",
        "key",
        "digest",
    ),
)
"""The fields that are stored as they are."""


def room_document(zone: Zone, texts: FreeTexts, b: RoomBooking) -> Document:
    return {
        "_id": b.id,
        "live": b.live,
        "state": A_ROOM_BOOKING["state"],
        "day": b.day.isoformat(),
        "start": b.span.start,
        "end": b.span.end,
        "due_at": b.due_at,
        "claims": list(b.claims(zone)),
        "venue": b.venue_id,
        "room": b.room_id,
        "room_rev": b.room_rev,
        "room_state": b.state.value,
        "people": list(b.people),
        "buffer": b.buffer // timedelta(minutes=1),
        "unanswered": b.unanswered.value if b.unanswered is not None else None,
        "purpose": texts.seal("purpose", b.purpose),
        "answer": texts.seal("answer", b.reason),
        "changed_from": _place_document(b.changed_from),
        "history": [{"at": e.at, "event": e.event, "by": e.by, "via": e.via} for e in b.history],
        **{name: getattr(b, name) for name in _SAME},
    }


def room_booking_of(texts: FreeTexts, d: Document) -> RoomBooking:
    return RoomBooking(
        id=d["_id"],
        room_id=d["room"],
        room_rev=d["room_rev"],
        venue_id=d["venue"],
        day=date.fromisoformat(d["day"]),
        span=TimeRange(d["start"], d["end"]),
        state=RoomState(d["room_state"]),
        people=tuple(d["people"]),
        buffer=timedelta(minutes=d["buffer"]),
        unanswered=RequestAnswer(d["unanswered"]) if d["unanswered"] is not None else None,
        purpose=texts.open("purpose", d.get("purpose")),
        verdict=verdict_in(d.get("check")),
        reason=texts.open("answer", d.get("answer")),
        changed_from=_place_of(d.get("changed_from")),
        history=tuple(HistoryEntry(e["at"], e["event"], e["by"], e["via"]) for e in d["history"]),
        **{name: d[name] for name in _SAME},
    )


def _place_document(place: RoomTime | None) -> Document | None:
    if place is None:
        return None
    return {"room": place.room_id, "start": place.span.start, "end": place.span.end}


def _place_of(d: Document | None) -> RoomTime | None:
    return RoomTime(RoomId(d["room"]), TimeRange(d["start"], d["end"])) if d is not None else None
