"""Cancellation of a booking together with an offer of another seat: pure functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from models.kernel.ids import Actor
from models.reservations import transitions
from models.reservations.entities import OutboxEventKind, Reservation

_REPLACED: Final = ("seat_id", "start", "end")


def cancel_for_offer(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The cancelled booking. It sends no message, as the offer's message reports it."""
    cancelled = transitions.cancel(r, actor, now)
    *earlier, last_event = cancelled.outbox
    return replace(
        cancelled, outbox=(*earlier, replace(last_event, event=OutboxEventKind.BOOKING_REPLACED))
    )


def add_cancelled(offer: Reservation, cancelled: Reservation) -> Reservation:
    """The offer, with the cancelled booking's seat and time in its event for the message."""
    facts = {f"replaced_{name}": getattr(cancelled, name) for name in _REPLACED}
    outbox = tuple(replace(e, facts={**e.facts, **facts}) for e in offer.outbox)
    return replace(offer, outbox=outbox)
