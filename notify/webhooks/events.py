"""Events for programs: what the outboxes hold, queued for the endpoints that want it."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from models.kernel.ids import ReaderId
from models.reference_data import ReferenceData
from models.reservations.entities import OutboxEvent, OutboxEventKind, Reservation
from models.reservations.state_machine import ReservationState
from models.storage.event_outbox import StoredEvent
from models.webhooks.delivery_repository import WebhookDeliveryRepository
from models.webhooks.endpoint_repository import WebhookEndpointRepository
from models.webhooks.entities import WebhookEndpoint, WebhookEvent, WebhookEventType

_PLACES: Final = 500
"""Of the other outbox so many events are queued at once: each has a place in its millisecond."""
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
    OutboxEventKind.CHECKED_IN_BEFORE: (
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
_KINDS: Final = frozenset(WebhookEventType)
"""Of another one a later version has told: it waits for that."""
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
        endpoints: WebhookEndpointRepository,
        deliveries: WebhookDeliveryRepository,
        reference: ReferenceData,
    ) -> None:
        self._endpoints, self._deliveries = endpoints, deliveries
        self._reference = reference

    async def wanted(self) -> frozenset[WebhookEventType]:
        """The types of events that some endpoint is to be told of. Ask after reading an outbox: an
        endpoint that is made later is told of nothing that the outbox held."""
        return frozenset().union(*(e.events for e in await self._enabled()))

    def events_of(self, r: Reservation, wanted: Container[WebhookEventType]) -> list[WebhookEvent]:
        """The events of the wanted types that the reservation's outbox holds."""
        return [
            self._event(r, event)
            for event in r.outbox
            if (type := _TYPES.get(event.event)) is not None and type[0] in wanted
        ]

    async def publish(
        self, events: Sequence[WebhookEvent], pending: Sequence[StoredEvent], now: datetime
    ) -> list[StoredEvent]:
        """Queue the events, and what the other outbox holds. The result is what can leave that one.
        May be repeated."""
        stored = [event for event in pending if event.kind in _KINDS][:_PLACES]
        told = [*events, *(_of_stored(event, n) for n, event in enumerate(stored))]
        if told:
            enabled = await self._enabled()
            wanted = [(event, e.id) for e in enabled for event in told if event.type in e.events]
            await self._deliveries.add(wanted, now)
        return stored

    async def _enabled(self) -> list[WebhookEndpoint]:
        return [e for e in await self._endpoints.all() if e.enabled]

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
            "checked_in_at": told.get("checked_in_at"),
            "ended_at": told.get("ended_at") if ended else None,
            "change": _CHANGE.get(event.event),
            "how": how if type is WebhookEventType.RESERVATION_ENDED else None,
        }
        # A change has one name everywhere; before changes had names, it is the reservation's nth.
        id, seq = event.change or f"{r.id}_{event.seq}", 2 * event.seq
        if event.event is OutboxEventKind.CHECKED_IN_BEFORE:  # the other one of its change follows
            id, seq = f"{id}_before", seq - 1
        return WebhookEvent(f"evt_{id}", type, event.at, r.id, seq, r.reader_id, facts)


def _of_stored(event: StoredEvent, place: int) -> WebhookEvent:
    """``place`` is that in the other outbox, whose events are in the order of their instants."""
    seq = int(event.at.timestamp() * 1000) * _PLACES + place
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
