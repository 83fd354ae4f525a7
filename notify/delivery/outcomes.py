"""Builds the results of deliveries that were attempted, and of those that need not be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from models.kernel.ids import ReservationId
from models.messages.entities import Delivery, DeliveryResult, DeliveryState, Message
from models.messages.mapping import DEFAULT_EXPIRY
from models.reservations.entities import Reservation
from notify.delivery.channel import MAX_UNKNOWN, UNKNOWN, SendOutcome
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.delivery.relevance import LATE_AFTER, is_overtaken

LATE: Final = "late"
"""The `reason` of a delivery that expired before its first attempt."""
OVERTAKEN: Final = "overtaken"
"""The `reason` of a delivery that was not sent because its message was no longer true."""
_MOMENT: Final = timedelta(milliseconds=1)
"""The database's smallest step of time: the first instant after an expiry is one step later."""


def waited_for(claimed: Sequence[Delivery], now: datetime) -> set[ReservationId]:
    """Ids of reservations to load: those with messages older than ``LATE_AFTER``."""
    return {
        d.message.reservation_id
        for d in claimed
        if d.message.reservation_id is not None and now - d.message.at > LATE_AFTER
    }


def skip_reason(
    d: Delivery, about: Mapping[ReservationId, Reservation], now: datetime
) -> DeliveryResult | None:
    """The result of a delivery that need not be tried: too late, no longer true, or already
    tried too often with an unknown outcome. None if it is to be sent. ``about``: the
    reservations that may have changed since the message was written."""
    if now > _worth_until(d.message):
        return DeliveryResult(d, DeliveryState.EXPIRED, reason=None if d.attempts > 1 else LATE)
    if d.unknown >= MAX_UNKNOWN:
        return DeliveryResult(d, DeliveryState.FAILED, reason=UNKNOWN)
    r = about.get(d.message.reservation_id) if d.message.reservation_id else None
    if r is not None and is_overtaken(d.message, r):
        return DeliveryResult(d, DeliveryState.EXPIRED, reason=OVERTAKEN)
    return None


def result_of(
    outcome: SendOutcome, d: Delivery, now: datetime, breaker: CircuitBreaker
) -> DeliveryResult:
    if outcome.state is not DeliveryState.QUEUED:
        reason = UNKNOWN if outcome.unknown else None
        return DeliveryResult(d, outcome.state, outcome.code, reason=reason, msgid=outcome.msgid)
    left = _worth_until(d.message) - now
    # At most half of the time that is left, so that there is another attempt before it expires.
    due = now + min(timedelta(seconds=outcome.retry_after_s) * breaker.jitter(), left / 2)
    if breaker.pause is not None:
        due = max(due, breaker.pause.until)
    # Just after its expiry at the latest, so that the reader's next message can go.
    due = min(due, _worth_until(d.message) + _MOMENT)
    return DeliveryResult(
        d,
        DeliveryState.QUEUED,
        outcome.code,
        due,
        outcome.omit_page,
        UNKNOWN if outcome.unknown else outcome.kind,
        outcome.unknown,
    )


def _worth_until(message: Message) -> datetime:
    return message.expires_at or message.at + DEFAULT_EXPIRY
