"""Mistakes in the service's decisions: which claims a step takes, and which state it believes
in."""

from __future__ import annotations

from collections.abc import Callable, Set
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from unittest import mock

from lab.proof.simulation import Run
from models.booking import writer as reservation_writer
from models.check_in import transitions as stays
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.messages import delivery_queue_repository
from models.messages.delivery_queue_repository import DeliveryQueue
from models.occupancy import live as live_occupancy
from models.reservations import claims, rules
from models.reservations import transitions as bookings
from models.reservations.claims import ClaimKind
from models.reservations.entities import IdempotentResult, OutboxEvent, Reservation
from models.storage.mongo import Document
from notify import outbox_messages
from notify.delivery import worker as delivery_worker

Around = AbstractContextManager[object]
"""A context manager; the mistake is in place during its block."""
Step = Callable[..., Reservation]


Wrong = Callable[[Reservation, Reservation], Reservation]


def _wrong(module: ModuleType, step: str, wrong: Wrong) -> Around:
    """Replaces the result of a reservation's transition by ``wrong(old, new)``. ``old`` is the
    transition's first argument that is a reservation."""
    right: Step = getattr(module, step)

    def made(*args: Any, **options: Any) -> Reservation:
        old = next(one for one in args if isinstance(one, Reservation))
        return wrong(old, right(*args, **options))

    return mock.patch.object(module, step, made)


def renewal_without_claims() -> Around:
    """A renewal takes no claims for the half hours that it adds."""
    return _wrong(stays, "renew", lambda old, new: replace(new, claims=old.claims))


def offer_keeps_claims() -> Around:
    """An expired offer keeps its seat."""
    return _wrong(bookings, "expire_offer", lambda old, new: replace(new, claims=old.claims))


def shorter_stay_keeps_claims() -> Around:
    """An earlier end gives no half hour back."""
    return _wrong(stays, "shorten", lambda old, new: replace(new, claims=old.claims))


def shorter_stay_gives_too_much() -> Around:
    """An earlier end gives back a half hour that the reader keeps."""

    def less(old: Reservation, new: Reservation) -> Reservation:
        last = [c for c in new.claims if c.startswith(ClaimKind.SEAT.prefix)][-1]
        return replace(new, claims=tuple(c for c in new.claims if c != last))

    return _wrong(stays, "shorten", less)


def check_in_without_presence() -> Around:
    """A check-in does not claim the reader's presence."""

    def without(old: Reservation, new: Reservation) -> Reservation:
        return replace(new, claims=new.claims_except(ClaimKind.PRESENCE))

    return _wrong(stays, "check_in", without)


def early_check_in_without_claims() -> Around:
    """A check-in before the start takes no claims for the half hours until the start."""

    def without(old: Reservation, new: Reservation) -> Reservation:
        taken = (ClaimKind.SEAT.prefix, ClaimKind.READER.prefix)
        remaining = (c for c in new.claims if c in old.claims or not c.startswith(taken))
        return replace(new, claims=tuple(remaining))

    return _wrong(stays, "check_in", without)


def expired_leave_gives_day_back() -> Around:
    """An expired leave gives back the booking's place in the daily limit."""

    def without(old: Reservation, new: Reservation) -> Reservation:
        return replace(new, claims=new.claims_except(ClaimKind.DAILY))

    return _wrong(stays, "expire_leave", without)


def change_without_key() -> Around:
    """The result of a change is stored under its key, but the key is not claimed."""

    def without_claim(r: Reservation, result: IdempotentResult) -> Reservation:
        return replace(r, idempotency_results=(*r.idempotency_results, result))

    return mock.patch.object(reservation_writer, "with_idempotency", without_claim)


def one_booking_more() -> Around:
    """The daily limit is one higher than the policy says."""
    right = rules.free_daily_number

    def one_more(used: Set[int], limit: int) -> int:
        return right(used, limit + 1)

    return mock.patch.object(rules, "free_daily_number", one_more)


def one_message_for_all() -> Around:
    """The messages of two changes of a booking have one id, so that only one message is made."""

    def ids(r: Reservation, event: OutboxEvent) -> tuple[str, str]:
        return f"{r.id}:{event.event}", f"{r.id}:{event.event}:suspended"

    return mock.patch.object(outbox_messages, "_ids", ids)


def old_memory() -> Around:
    """A worker refuses by an occupancy that may be ten seconds old."""
    return mock.patch.object(live_occupancy, "REFUSE_WITHIN_S", 10.0)


def last_minutes_missed() -> Around:
    """A last half hour that is used in part is not claimed."""

    half_hours = claims.half_hours

    def whole(zone: Zone, span: TimeRange) -> list[str]:
        slots = half_hours(zone, span)
        return slots[:-1] if span.end.minute % 30 else slots

    return mock.patch.object(claims, "half_hours", whole)


def one_half_hour_more() -> Around:
    """The half hour after the end is claimed as well."""
    half_hours = claims.half_hours

    def more(zone: Zone, span: TimeRange) -> list[str]:
        return half_hours(zone, TimeRange(span.start, span.end + timedelta(minutes=30)))

    return mock.patch.object(claims, "half_hours", more)


def old_messages_go_on() -> Around:
    """Expired messages never end; the worker goes on trying to send them."""
    lasting = ExitStack()
    nobody = {"expire": mock.AsyncMock(return_value=0)}
    lasting.enter_context(mock.patch.multiple(DeliveryQueue, **nobody))
    lasting.enter_context(mock.patch.object(delivery_worker, "skip_reason", lambda *_: None))
    return lasting


def leases_for_ever() -> Around:
    """Leases never expire: a message that a crashed worker had leased is never sent."""
    lasting = ExitStack()
    nobodys: dict[str, object] = {"lease_until": None}

    def free(row: Document, now: datetime, real_now: datetime) -> bool:
        return row["lease_until"] is None and row["due"] <= now

    queue = delivery_queue_repository
    lasting.enter_context(mock.patch.object(queue, "unleased", lambda real_now: nobodys))
    lasting.enter_context(mock.patch.object(queue, "may_be_leased", free))
    return lasting


def no_shows_by_own_clock(run: Run) -> None:
    """The no-show job goes by the worker's clock alone: downtime of the service extends no
    deadline."""

    async def always(now: datetime) -> datetime:
        return now

    for worker in run.workers.values():
        worker.extension.alive_until = always  # type: ignore[method-assign]
