"""Turns the events of bookings and blocks of rooms into webhook events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.library.rooms import RoomId
from models.reference_data import ReferenceData
from models.reservation_store.room_outbox import RoomEventRecord
from models.reservations.room_booking import RoomEvent
from models.webhooks.entities import WebhookEvent, WebhookEventType

_CHANGE_WORDS: Final = {"change": "rebooked", "reserve": "rebooked", "extend": "end_moved"}
"""The webhook's `change`, for each entry that gives a booking another room or time. ``reserve`` is
one if it is not the first entry: the new time needs no approval."""
_TYPES: Final[Mapping[str, WebhookEventType]] = {
    **dict.fromkeys(_CHANGE_WORDS, WebhookEventType.ROOM_BOOKING_CHANGED),
    RoomEvent.APPROVE: WebhookEventType.ROOM_BOOKING_APPROVED,
    RoomEvent.CHECK_IN: WebhookEventType.ROOM_BOOKING_CHECKED_IN,
    RoomEvent.MARK_NO_SHOW: WebhookEventType.ROOM_BOOKING_NO_SHOW,
    **dict.fromkeys(
        (
            *(RoomEvent.DECLINE, RoomEvent.CANCEL, RoomEvent.RELEASE),
            *(RoomEvent.FINISH, RoomEvent.COMPLETE),
        ),
        WebhookEventType.ROOM_BOOKING_ENDED,
    ),
}
"""The webhook type of each entry of a booking's history. Other entries cause no webhook."""

_BLOCK_TYPES: Final[Mapping[str, WebhookEventType]] = {
    "block": WebhookEventType.ROOM_BLOCK_CREATED,
    "restore": WebhookEventType.ROOM_BLOCK_CREATED,
    "change": WebhookEventType.ROOM_BLOCK_CHANGED,
    "cancel": WebhookEventType.ROOM_BLOCK_ENDED,
    "finish": WebhookEventType.ROOM_BLOCK_ENDED,
}
_ENDS: Final = {"cancel": "cancelled", "finish": "finished"}


def webhook_of(reference: ReferenceData, record: RoomEventRecord) -> WebhookEvent | None:
    """The webhook event for the event of a booking or a block; None if it causes none."""
    if record.booker is None:
        return _of_block(reference, record)
    created = record.seq == 0  # its first entry
    type = WebhookEventType.ROOM_BOOKING_CREATED if created else _TYPES.get(record.event)
    if type is None:
        return None
    changed = type is WebhookEventType.ROOM_BOOKING_CHANGED
    ended = type is WebhookEventType.ROOM_BOOKING_ENDED
    by_library = record.event == RoomEvent.CANCEL and record.by == "librarian"
    facts = {
        "id": record.booking_id,
        **record.facts,
        **_place(reference, record),
        "change": _CHANGE_WORDS[record.event] if changed else None,
        "how": ("cancelled_by_library" if by_library else record.facts["state"]) if ended else None,
    }
    id = f"evt_{record.booking_id}_{record.seq}"
    return WebhookEvent(id, type, record.at, record.booking_id, record.seq, record.booker, facts)


def _of_block(reference: ReferenceData, record: RoomEventRecord) -> WebhookEvent:
    facts = {
        "id": record.booking_id,
        **record.facts,
        **_place(reference, record),
        "how": _ENDS.get(record.event),
    }
    id, type = f"evt_{record.booking_id}_{record.seq}", _BLOCK_TYPES[record.event]
    return WebhookEvent(id, type, record.at, record.booking_id, record.seq, None, facts)


def _place(reference: ReferenceData, record: RoomEventRecord) -> Mapping[str, object]:
    """Where the room is, in the library's first language. Empty for an unknown room."""
    room = reference.rooms.get(RoomId(record.facts["room_id"]))
    if room is None:
        return {}
    venue = reference.catalog.venues[room.venue_id]
    return {
        "room": room.name,
        "venue": venue.name,
        "floor": room.floor,
        "floor_name": venue.floor(room.floor).name,
    }
