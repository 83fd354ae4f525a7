"""The only writer of reservations. It inserts and updates them, retries after conflicts, and
updates the occupancy. If a change releases a seat, ``save`` writes change and offer to the next
waitlist entry in one transaction, so that no other request can take the seat in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

from models.booking.idempotency import Idempotency, result_of
from models.kernel.errors import Busy, NotFound
from models.kernel.ids import ReaderId
from models.kernel.zone import Zone
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
    """An offer of a released seat to a waitlist entry. ``claim``: the step of the offer's
    transaction that marks the entry as offered."""

    reservation: Reservation
    claim: InTransaction


class ReleasedSeats(Protocol):
    """Finds the waitlist entry to which a released seat is offered. The waitlist implements it."""

    async def next_offer(
        self, old: Reservation, new: Reservation, now: datetime, passed_over: set[str]
    ) -> SeatOffer | None:
        """The offer of the seat that the change from ``old`` to ``new`` releases, to be stored
        together with the change; None if no entry fits. ``passed_over``: the ids of waitlist
        entries to which such an offer has just failed, because the entry or its reader's time was
        taken meanwhile."""


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

    @property
    def zone(self) -> Zone:
        return self._reference.zone

    async def insert(self, made: Reservation) -> None:
        """Stores a new reservation and adds it to the occupancy. Raises: ClaimLost; Unavailable
        if the reservation certainly never comes to exist, or if that stays unknown."""
        with self._occupancy.inserting(made.date):
            await self._reservations.insert(made)
        self._occupancy.record_write(made)

    async def insert_all(self, day: date, made: Sequence[Reservation], step: InTransaction) -> None:
        """Takes the step and stores all of the new reservations of the day in one transaction.
        Raises: ClaimLost; the errors of ``step``; Unavailable."""
        with self._occupancy.inserting(day):
            await self._reservations.insert_all(made, step)
        for r in made:
            self._occupancy.record_write(r)

    async def replace_all(
        self, changes: Sequence[tuple[Reservation, Reservation]], step: InTransaction
    ) -> None:
        """Takes the step and replaces each first reservation by the second one in one transaction,
        without offers to the waitlist, whose job finds the free seats. Raises: StaleRevision;
        ClaimLost; the errors of ``step``; Unavailable."""
        await self._reservations.replace_all(changes, step)
        for _, new in changes:
            self._occupancy.record_write(new)

    async def get_own(self, id: str, reader_id: ReaderId) -> Reservation:
        """The reader's reservation with this id. Raises: NotFound, also for another reader's."""
        reservation = await self._reservations.get_own(id, reader_id)
        if reservation is None:
            raise NotFound()
        return reservation

    async def policy_at_booking(self, r: Reservation) -> Policy:
        """The policy at the time of booking, for area and day, with the reader's accommodation."""
        return await self._reference.policy_version_for(
            r.policy_version, r.area_id, r.date, r.reader_id
        )

    def hours_now(self, r: Reservation, now: datetime) -> OpenHours:
        """The area's opening hours by the present policy; those at booking may have differed."""
        day = self._reference.zone.day(max(r.start, now))
        return self._reference.opening_hours(self._reference.policy, day, r.area_id)

    async def update(
        self,
        ctx: RequestContext,
        id: str,
        change: Callable[[Reservation, Policy], Reservation],
    ) -> Reservation:
        """Applies ``change`` to the reader's own reservation and saves the result. If another
        change came first, reads the reservation again and repeats, up to eight times in all.
        Raises: the errors of ``change``; NotFound; ClaimLost; IdempotencyKeyReused; Busy."""
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
        """Replaces ``old`` by ``new``; returns the stored reservation. If the change releases a
        seat, the next waitlist entry's offer is stored in the same transaction. ``due``: a job's
        condition that the document must meet. Raises: StaleRevision, ClaimLost, Unavailable."""
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
                passed_over.add(offered.waitlist_entry_id or "")
                continue
            self._occupancy.record_write(new)
            self._occupancy.record_write(offered)
            return written
        return await self.replace(old, new, due)

    async def replace(
        self, old: Reservation, new: Reservation, due: Mapping[str, object] | None = None
    ) -> Reservation:
        """Replaces ``old`` by ``new`` without an offer to the waitlist, and returns the stored
        reservation. If ``new`` has a new proof of presence, also records that its method works.
        ``due``: a job's condition that the stored document must still meet. Raises:
        StaleRevision, ClaimLost, Unavailable."""
        written = await self._reservations.replace(old, new, due)
        self._occupancy.record_write(new)
        if new.presence is not None and new.presence != old.presence:
            await self._presence_methods.record(new.presence)
        return written
