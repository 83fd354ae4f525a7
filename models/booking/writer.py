"""The only writer of reservations: insert, optimistic update, occupancy, waitlist. ``save`` writes
a change that releases a seat and the offer to the next waitlist entry in one transaction, so no
other request can take the seat in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from models.booking.idempotency import Idempotency, result_of
from models.kernel.errors import Busy, NotFound
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date
from models.occupancy.live import LiveOccupancy
from models.policy.entities import Policy
from models.policy.open_hours import OpenHours
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservation_store.presence_repository import PresenceMethodRepository
from models.reservation_store.repository import ReservationRepository
from models.reservations.claims import ClaimKind
from models.reservations.entities import IdempotentResult, Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.rules import gives_seat_back
from models.reservations.transitions import with_idempotency
from models.storage.transactions import InTransaction

MAX_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class SeatOffer:
    """``claim`` marks the waitlist entry in the same transaction."""

    reservation: Reservation
    claim: InTransaction


class ReleasedSeats(Protocol):
    """Finds the next reader for a released seat; the waitlist implements it."""

    async def next_offer(
        self, old: Reservation, new: Reservation, now: datetime, passed_over: set[str]
    ) -> SeatOffer | None:
        """The offer to create with the change from ``old`` to ``new``, or None; never for the
        waitlist entries in ``passed_over``."""


class ReservationWriter:
    def __init__(
        self,
        reservations: ReservationRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
        idempotency: Idempotency,
        released_seats: ReleasedSeats,
        presence_methods: PresenceMethodRepository,
    ) -> None:
        self._reservations, self._occupancy = reservations, occupancy
        self._reference, self._idempotency = reference, idempotency
        self._released_seats, self._presence_methods = released_seats, presence_methods

    async def insert(self, made: Reservation) -> None:
        """Writes a new reservation and shows it in the occupancy. Raises: ClaimLost; Unavailable if
        it certainly never exists, or if its outcome stays unknown."""
        with self._occupancy.inserting(made.date):
            await self._reservations.insert(made)
        self._occupancy.record_write(made)

    async def get_own(self, id: str, reader_id: ReaderId) -> Reservation:
        """Raises: NotFound, also for another reader's reservation."""
        reservation = await self._reservations.get_own(id, reader_id)
        if reservation is None:
            raise NotFound()
        return reservation

    async def policy_at_booking(self, r: Reservation) -> Policy:
        """The policy at booking, as it applied to the area, the day and the reader."""
        return await self._reference.policy_version_for(
            r.policy_version, r.area_id, r.date, r.reader_id
        )

    def hours_now(self, r: Reservation, now: datetime) -> OpenHours:
        """The hours of the area by the present policy; those at booking may differ."""
        day = local_date(max(r.start, now))
        return self._reference.opening_hours(self._reference.policy, day, r.area_id)

    async def update(
        self,
        ctx: RequestContext,
        id: str,
        change: Callable[[Reservation, Policy], Reservation],
    ) -> Reservation:
        """Applies ``change`` to the reader's own reservation and saves it; up to eight times if it
        was changed meanwhile. Raises: the errors of ``change``; NotFound; ClaimLost;
        IdempotencyKeyReused; Busy."""
        for _ in range(MAX_ATTEMPTS):
            old = await self.get_own(id, ctx.reader.id)
            if (repeated := result_of(old, ctx)) is not None:
                return repeated
            new = change(old, await self.policy_at_booking(old))
            if new is old:
                return old
            if ctx.key is not None:
                new = with_idempotency(
                    new, IdempotentResult(ctx.key.value, ctx.key.digest, ctx.now)
                )
            try:
                if gives_seat_back(old, new):
                    return await self.save(old, new, ctx.now)
                return await self.replace(old, new)
            except StaleRevision:
                continue
            except ClaimLost as lost:
                if lost.kind is not ClaimKind.IDEMPOTENCY:
                    raise
                await self._idempotency.release_expired_key(ctx, lost.claim)
        raise Busy()

    async def save(
        self,
        old: Reservation,
        new: Reservation,
        now: datetime,
        due: Mapping[str, object] | None = None,
    ) -> Reservation:
        """Writes ``new`` over ``old``; returns it as it is stored. A released seat is offered to
        the next waitlist entry in the same transaction, which also checks a job's condition
        ``due``. Raises: StaleRevision, ClaimLost, Unavailable."""
        passed_over: set[str] = set()
        for _ in range(MAX_ATTEMPTS):
            offer = await self._released_seats.next_offer(old, new, now, passed_over)
            if offer is None:
                break
            offered = offer.reservation
            try:
                with self._occupancy.inserting(offered.date):
                    written = await self._reservations.replace_and_offer(
                        old, new, due, offered, offer.claim
                    )
            except ClaimLost:
                passed_over.add(offered.wait_id or "")
                continue
            self._occupancy.record_write(new)
            self._occupancy.record_write(offered)
            return written
        return await self.replace(old, new, due)

    async def replace(
        self, old: Reservation, new: Reservation, due: Mapping[str, object] | None = None
    ) -> Reservation:
        """Writes a change that releases no seat; a new proof also shows that its method works.
        Raises: StaleRevision, ClaimLost, Unavailable."""
        written = await self._reservations.replace(old, new, due)
        self._occupancy.record_write(new)
        if new.presence is not None and new.presence != old.presence:
            await self._presence_methods.record(new.presence)
        return written
