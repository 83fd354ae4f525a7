"""What the staff do with a reader's reservation, in the reader's place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from models.booking.service import ReservationService
from models.booking.staff.lookup import ReservationLookup
from models.check_in.service import CheckInService
from models.kernel.errors import InvalidState, NotFound
from models.kernel.time_range import to_local
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditedOperation, AuditLog, StaffContext
from models.waitlist.service import WaitlistService

STAFF_ACTIONS: Final = (
    AuditAction.CHECK_IN,
    AuditAction.LEAVE,
    AuditAction.FINISH,
    AuditAction.CANCEL,
    AuditAction.ACCEPT_OFFER,
    AuditAction.DECLINE_OFFER,
)
"""What a librarian does in a reader's place, in the order of the page."""


class StaffReservations:
    """Check-in, leave, finish, cancel, move, book, and the answer to an offer."""

    def __init__(
        self,
        audit: AuditLog,
        lookup: ReservationLookup,
        reservations: ReservationService,
        check_in: CheckInService,
        waitlist: WaitlistService,
    ) -> None:
        self._audit, self._lookup = audit, lookup
        self._reservations, self._waitlist = reservations, waitlist
        self._actions: Mapping[
            AuditAction, Callable[[RequestContext, str], Awaitable[Reservation]]
        ] = {
            # Being seen there is the check-in, and the return.
            AuditAction.CHECK_IN: check_in.check_in_by_staff,
            AuditAction.LEAVE: check_in.leave,
            AuditAction.FINISH: check_in.finish,
            AuditAction.CANCEL: reservations.cancel,
            AuditAction.ACCEPT_OFFER: waitlist.accept,
            AuditAction.DECLINE_OFFER: self._decline_offer,
        }

    async def act_for_reader(
        self, ctx: StaffContext, action: str, id: str, reason: str
    ) -> Reservation:
        """Raises: NotFound, also for an unknown action; and what the action raises."""
        r = await self._lookup.own(ctx, id)
        known = next((a for a in self._actions if a == action), None)
        if known is None:
            raise NotFound()
        work, reader_ctx = self._actions[known], await self._lookup.reader_context(ctx, r)
        return await record_change(self._audit, ctx, known, r, reason, lambda: work(reader_ctx, id))

    async def _decline_offer(self, ctx: RequestContext, id: str) -> Reservation:
        """Neither this seat nor another one: the reader waits no longer, so that the desk can book
        for them. Raises: NotFound, InvalidState."""
        offer = await self._lookup.get(id)
        if offer.state is not ReservationState.OFFERED or offer.wait_id is None:
            raise InvalidState(state=offer.state.value)
        await self._waitlist.leave(ctx, offer.wait_id)
        left = await self._lookup.get(id)
        if left.state is not ReservationState.OFFER_EXPIRED:
            raise InvalidState(state=left.state.value)  # the reader has just taken it
        return left

    async def move(self, ctx: StaffContext, id: str, seat_id: str, reason: str) -> Reservation:
        """To another seat for the same time. Raises: as ``ReservationService.change``."""
        r = await self._lookup.own(ctx, id)
        self._lookup.require_seat(ctx, seat_id)
        reader_ctx = await self._lookup.reader_context(ctx, r)
        return await record_change(
            self._audit,
            ctx,
            AuditAction.MOVE,
            r,
            reason,
            lambda: self._reservations.change(reader_ctx, id, seat_id, None, None),
        )

    async def book(
        self,
        ctx: StaffContext,
        reader: Reader,
        seat_id: str,
        selection: TimeSelection,
        reason: str,
    ) -> Reservation:
        """A seat in the reader's place. Raises: as ``ReservationService.create``."""
        self._lookup.require_seat(ctx, seat_id)
        operation = AuditedOperation(AuditAction.BOOK, f"reader:{reader.id}", reader.id, reason)
        return await self._audit.record(
            ctx,
            operation,
            lambda: self._reservations.create(ctx.acting_for(reader), seat_id, selection),
            lambda r: {"reservation": r.receipt, **audit_snapshot(r), **_repeated(r, ctx)},
        )


def _repeated(r: Reservation, ctx: StaffContext) -> JsonObject:
    """Says so where the request came once more and nothing was done again."""
    key = ctx.key
    done = key is not None and any(
        p.key == key.value and p.at < ctx.now for p in r.idempotency_results
    )
    return {"repeated": True} if done else {}


def audit_snapshot(r: Reservation) -> JsonObject:
    """What the audit log keeps of a reservation."""
    return {
        "state": r.state.value,
        "seat": r.seat_id,
        "start": to_local(r.start).isoformat(),
        "end": to_local(r.end).isoformat(),
    }


async def record_change(
    audit: AuditLog,
    ctx: StaffContext,
    action: AuditAction,
    r: Reservation,
    reason: str,
    work: Callable[[], Awaitable[Reservation]],
) -> Reservation:
    """The reservation that ``work`` returns. The audit log has an entry of it, before and after,
    which says where the request came once more."""
    operation = AuditedOperation(
        action, f"reservation:{r.id}", r.reader_id, reason, audit_snapshot(r)
    )
    return await audit.record(
        ctx, operation, work, lambda done: {**audit_snapshot(done), **_repeated(done, ctx)}
    )
