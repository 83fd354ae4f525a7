"""Events for programs: what the outboxes hold, queued for the endpoints that want it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from models.kernel.ids import ReaderId
from models.reference_data import ReferenceData
from models.reservations.entities import OutboxEvent, OutboxEventKind, Reservation
from models.reservations.state_machine import ReservationState
from models.storage.event_outbox import EventOutbox, StoredEvent
from models.webhooks.delivery_repository import WebhookDeliveryRepository
from models.webhooks.endpoint_repository import WebhookEndpointRepository
from models.webhooks.entities import WebhookEvent, WebhookEventType

log = logging.getLogger(__name__)
BATCH: Final = 500
_TYPES: Final[Mapping[OutboxEventKind, tuple[WebhookEventType, ReservationState | None]]] = {
    OutboxEventKind.BOOKING_CONFIRMED: (
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
    OutboxEventKind.NO_SHOW: (WebhookEventType.RESERVATION_NO_SHOW, ReservationState.NO_SHOW),
    # How a stay ended its reservation says: nothing comes after it.
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
"""The type of an event of a reservation, and the state that it left. Of the others (reminders, an
offer, a leave) programs are not told."""
_CHANGE: Final = {
    OutboxEventKind.BOOKING_CHANGED: "rebooked",
    OutboxEventKind.SEAT_MOVED: "moved",
    OutboxEventKind.END_MOVED: "end_moved",
}
_HOW: Final = {
    OutboxEventKind.LEAVE_EXPIRED: "leave_expired",
    OutboxEventKind.BOOKING_CANCELLED: "cancelled",
    OutboxEventKind.BOOKING_CANCELLED_BY_LIBRARY: "cancelled_by_library",
    OutboxEventKind.BOOKING_REPLACED: "cancelled_by_library",
}


class WebhookEvents:
    """Queues what has happened for the endpoints that want it."""

    def __init__(
        self,
        outbox: EventOutbox,
        endpoints: WebhookEndpointRepository,
        deliveries: WebhookDeliveryRepository,
        reference: ReferenceData,
    ) -> None:
        self._outbox, self._endpoints = outbox, endpoints
        self._deliveries, self._reference = deliveries, reference

    async def publish(self, reservations: Sequence[Reservation], now: datetime) -> int:
        """Queue what these reservations' outboxes hold, and a batch of the other outbox, which is
        emptied. How many events of that one. May be repeated.

        What nobody wants costs one look at the other outbox, and one at the endpoints.
        """
        stored = await self._outbox.pending(BATCH)
        events = [e for r in reservations for e in self._of_reservation(r)]
        events += [_of_stored(event, n) for n, event in enumerate(stored)]
        if events:
            enabled = [e for e in await self._endpoints.all() if e.enabled]
            wanted = [(event, e.id) for e in enabled for event in events if event.type in e.events]
            await self._deliveries.add(wanted, now)
        await self._outbox.remove(stored)
        return len(stored)

    def _of_reservation(self, r: Reservation) -> list[WebhookEvent]:
        found = []
        for event in r.outbox:
            if event.event in _TYPES:
                found.append(self._event(r, event))
        return found

    def _event(self, r: Reservation, event: OutboxEvent) -> WebhookEvent:
        type, state = _TYPES[event.event]
        state = state or r.state
        told: Mapping[str, Any] = event.facts
        seat = self._reference.catalog.all_seats.get(told["seat_id"])
        ended = type in (WebhookEventType.RESERVATION_ENDED, WebhookEventType.RESERVATION_NO_SHOW)
        how = _HOW.get(event.event, state.value)
        facts = {
            "id": r.id,
            "venue_id": r.venue_id,
            "area_id": seat.area_id if seat is not None else None,
            "seat_id": told["seat_id"],
            "seat": self._reference.catalog.label_of(told["seat_id"]),
            "begin": told["start"],
            "end": told["end"],
            "state": state.value,
            "checked_in_at": told["checked_in_at"],
            "ended_at": told["ended_at"] if ended else None,
            "change": _CHANGE.get(event.event),
            "how": how if type is WebhookEventType.RESERVATION_ENDED else None,
        }
        # A change has one name everywhere; before changes had names, it is the reservation's nth.
        id = event.change or f"{r.id}_{event.seq}"
        return WebhookEvent(f"evt_{id}", type, event.at, r.id, event.seq, r.reader_id, facts)


def _of_stored(event: StoredEvent, place: int) -> WebhookEvent:
    """``place`` is that in the other outbox, whose events are in the order of their instants."""
    seq = int(event.at.timestamp() * 1000) * BATCH + place
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
