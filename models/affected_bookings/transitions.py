"""A booking that the library cancels while it holds another seat for its reader: pure functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from models.kernel.ids import Actor
from models.reservations import transitions
from models.reservations.entities import OutboxEventKind, Reservation

_REPLACED: Final = ("seat_id", "start", "end")
"""What is told of the cancelled booking."""


def cancel_for_offer(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """Cancelled, without a message of its own: the offer of the other seat tells of both."""
    cancelled = transitions.cancel(r, actor, now)
    *before, told = cancelled.outbox
    return replace(
        cancelled, outbox=(*before, replace(told, event=OutboxEventKind.BOOKING_REPLACED))
    )


def tell_of_both(offer: Reservation, cancelled: Reservation) -> Reservation:
    """The offer, whose event also says which booking was cancelled."""
    facts = {f"replaced_{name}": getattr(cancelled, name) for name in _REPLACED}
    outbox = tuple(replace(e, facts={**e.facts, **facts}) for e in offer.outbox)
    return replace(offer, outbox=outbox)
