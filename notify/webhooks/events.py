"""Turns the events of the outboxes into webhook events, and queues these for the endpoints."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from models.kernel.ids import ReaderId
from models.reference_data import ReferenceData
from models.reservation_store.room_outbox import RoomEventRecord
from models.reservations.entities import OutboxEvent, OutboxEventKind, Reservation
from models.reservations.state_machine import ReservationState
from models.storage.event_outbox import StoredEvent
from models.webhooks.delivery_repository import WebhookDeliveryRepository
from models.webhooks.endpoint_repository import WebhookEndpointRepository
from models.webhooks.entities import WebhookEndpoint, WebhookEvent, WebhookEventType
from notify.webhooks.room_events import webhook_of

_MAX_STORED: Final = 500
"""A call of ``publish`` queues at most this many stored events: `seq` has room for no more."""
_TYPES: Final[Mapping[OutboxEventKind, tuple[WebhookEventType, ReservationState | None]]] = {
    OutboxEventKind.BOOKING_CONFIRMED: (
        WebhookEventType.RESERVATION_CREATED,
        ReservationState.RESERVED,
    ),
    OutboxEventKind.SEASON_DAY: (
        WebhookEventType.RESERVATION_CREATED,
        ReservationState.RESERVED,
    ),
    OutboxEventKind.BOOKING_CHANGED: (
        WebhookEventType.RESERVATION_CHANGED,
        ReservationState.RESERVED,
    ),
    OutboxEventKind.SEAT_MOVED: (WebhookEventType.RESERVATION_CHANGED, ReservationState.IN_USE),
    OutboxEventKind.END_MOVED: (WebhookEventType.RESERVATION_CHANGED, ReservationState.IN_USE),
    OutboxEventKind.CHECKED_IN: (
        WebhookEventType.RESERVATION_CHECKED_IN,
        ReservationState.IN_USE,
    ),
    OutboxEventKind.CHECKED_IN_BEFORE: (
        WebhookEventType.RESERVATION_CHECKED_IN,
        ReservationState.IN_USE,
    ),
    OutboxEventKind.NO_SHOW: (WebhookEventType.RESERVATION_NO_SHOW, ReservationState.NO_SHOW),
    # The reservation's final state says how the stay ended.
    OutboxEventKind.BOOKING_ENDED: (WebhookEventType.RESERVATION_ENDED, None),
    OutboxEventKind.LEAVE_EXPIRED: (
        WebhookEventType.RESERVATION_ENDED,
        ReservationState.AWAY_EXPIRED,
    ),
    OutboxEventKind.BOOKING_CANCELLED: (
        WebhookEventType.RESERVATION_ENDED,
        ReservationState.CANCELLED,
    ),
    OutboxEventKind.BOOKING_CANCELLED_BY_LIBRARY: (
        WebhookEventType.RESERVATION_ENDED,
        ReservationState.CANCELLED,
    ),
    OutboxEventKind.BOOKING_REPLACED: (
        WebhookEventType.RESERVATION_ENDED,
        ReservationState.CANCELLED,
    ),
}
"""The webhook type of each kind of outbox event, and the reservation's state after the event
(None: the state that is stored now). Other kinds cause no webhook: reminders, offers, temporary
leaves and returns. An expired leave does, since it ends the reservation."""
_STORED_KINDS: Final = frozenset(WebhookEventType)
"""The values of ``StoredEvent.kind`` that this version knows; each is a webhook type. An unknown
one was written by a newer version and stays in the outbox."""
_CHANGE_WORDS: Final = {
    OutboxEventKind.BOOKING_CHANGED: "rebooked",
    OutboxEventKind.SEAT_MOVED: "moved",
    OutboxEventKind.END_MOVED: "end_moved",
}
_HOW_WORDS: Final = {
    OutboxEventKind.LEAVE_EXPIRED: "leave_expired",
    OutboxEventKind.BOOKING_CANCELLED: "cancelled",
    OutboxEventKind.BOOKING_CANCELLED_BY_LIBRARY: "cancelled_by_library",
    OutboxEventKind.BOOKING_REPLACED: "cancelled_by_library",
}


class WebhookEvents:
    def __init__(
        self,
        endpoints: WebhookEndpointRepository,
        deliveries: WebhookDeliveryRepository,
        reference: ReferenceData,
    ) -> None:
        self._endpoints, self._deliveries = endpoints, deliveries
        self._reference = reference

    async def subscribed_types(self) -> frozenset[WebhookEventType]:
        """The event types that enabled endpoints receive. Call this after reading an outbox, not
        before: an endpoint that is added between the two would miss events."""
        return frozenset().union(*(e.events for e in await self._enabled()))

    def events_of(self, r: Reservation, types: Container[WebhookEventType]) -> list[WebhookEvent]:
        return [
            self._event(r, event)
            for event in r.outbox
            if (type := _TYPES.get(event.event)) is not None and type[0] in types
        ]

    def events_of_rooms(self, records: Sequence[RoomEventRecord]) -> list[WebhookEvent]:
        events = (webhook_of(self._reference, record) for record in records)
        return [event for event in events if event is not None]

    async def publish(
        self, events: Sequence[WebhookEvent], pending: Sequence[StoredEvent], now: datetime
    ) -> list[StoredEvent]:
        """Queues ``events`` and ``pending`` for the endpoints that receive their types. Returns
        the events of ``pending`` that may now be removed from ``EventOutbox``: all whose kind is
        known, at most ``_MAX_STORED``. A repeated call queues nothing twice."""
        stored = [event for event in pending if event.kind in _STORED_KINDS][:_MAX_STORED]
        all_events = [*events, *(_of_stored(event, n) for n, event in enumerate(stored))]
        if all_events:
            enabled = await self._enabled()
            pairs = [
                (event, e.id) for e in enabled for event in all_events if event.type in e.events
            ]
            await self._deliveries.add(pairs, now)
        return stored

    async def _enabled(self) -> list[WebhookEndpoint]:
        return [e for e in await self._endpoints.all() if e.enabled]

    def _event(self, r: Reservation, event: OutboxEvent) -> WebhookEvent:
        type, state = _TYPES[event.event]
        state = state or r.state
        recorded: Mapping[str, Any] = event.facts
        catalog = self._reference.catalog
        seat = catalog.all_seats.get(recorded["seat_id"])
        venue_id = catalog.areas[seat.area_id].venue_id if seat is not None else r.venue_id
        ended = type in (WebhookEventType.RESERVATION_ENDED, WebhookEventType.RESERVATION_NO_SHOW)
        how = _HOW_WORDS.get(event.event, state.value)
        facts = {
            "id": r.id,
            "venue_id": venue_id,
            "area_id": seat.area_id if seat is not None else None,
            **(catalog.facts_of(seat) if seat is not None else {}),
            "seat_id": recorded["seat_id"],
            "seat": str(catalog.label_of(recorded["seat_id"])),
            "begin": recorded["start"],  # the stored name; the body has `start` too
            "end": recorded["end"],
            "state": state.value,
            "checked_in_at": recorded.get("checked_in_at"),
            "ended_at": recorded.get("ended_at") if ended else None,
            "change": _CHANGE_WORDS.get(event.event),
            "how": how if type is WebhookEventType.RESERVATION_ENDED else None,
        }
        # `event.change` identifies the change that wrote the event; `facts["change"]` is a word.
        # Events stored before changes had ids have the reservation's id and their number instead.
        id, seq = event.change or f"{r.id}_{event.seq}", 2 * event.seq
        if event.event is OutboxEventKind.CHECKED_IN_BEFORE:
            # Its change has written a second event, which is sent after it.
            id, seq = f"{id}_before", seq - 1
        return WebhookEvent(f"evt_{id}", type, event.at, r.id, seq, r.reader_id, facts)


def _of_stored(event: StoredEvent, index: int) -> WebhookEvent:
    """The webhook event of a suspension or an area. ``index`` is the position in the batch read
    from ``EventOutbox``, which is in order of time.

    `event.kind` is the webhook type. `event.facts` are exactly the fields of ``WebhookSuspension``
    (without `reader`; subject: the suspension's id) or of ``WebhookArea`` (subject: `area:` and the
    area's id). They are stored by ``SuspensionRepository`` and ``models/library/area_events.py``.
    """
    seq = int(event.at.timestamp() * 1000) * _MAX_STORED + index
    reader = ReaderId(event.reader_id) if event.reader_id is not None else None
    return WebhookEvent(
        f"evt_{event.id}",
        WebhookEventType(event.kind),
        event.at,
        event.subject,
        seq,
        reader,
        event.facts,
    )
