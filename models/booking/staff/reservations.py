from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

from models.booking.service import ReservationService
from models.booking.staff.lookup import ReservationLookup
from models.check_in.service import CheckInService
from models.kernel.errors import NotFound, WrongState
from models.kernel.zone import Zone
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, OpenAuditEntry, StaffContext
from models.waitlist.service import WaitlistService

STAFF_ACTIONS: Final = (
    AuditAction.CHECK_IN,
    AuditAction.LEAVE,
    AuditAction.FINISH,
    AuditAction.CANCEL,
    AuditAction.ACCEPT_OFFER,
    AuditAction.DECLINE_OFFER,
)
"""The actions that the staff can take for a reader, in the order of their buttons."""


class StaffReservations:
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
            # A staff member sees the reader: that is the check-in, or the return.
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
        """Takes one of ``STAFF_ACTIONS`` for the reservation's reader; returns the reservation.
        Raises: NotFound, also for an unknown action; OtherVenue; the action's errors."""
        r = await self._lookup.own(ctx, id)
        audit_action = next((a for a in self._actions if a == action), None)
        if audit_action is None:
            raise NotFound()
        act, reader_ctx = self._actions[audit_action], await self._lookup.reader_context(ctx, r)
        async with entry_of_reservation(self._audit, ctx, audit_action, r, reason) as entry:
            done = await act(reader_ctx, id)
            entry.after = audit_result(done, ctx)
        return done

    async def _decline_offer(self, ctx: RequestContext, id: str) -> Reservation:
        """Declines an offer for its reader and ends the waitlist entry, so that the service desk
        can book for the reader. Raises: NotFound, WrongState."""
        offer = await self._lookup.get(id)
        if offer.state is not ReservationState.OFFERED or offer.waitlist_entry_id is None:
            raise WrongState(state=offer.state.value)
        await self._waitlist.leave(ctx, offer.waitlist_entry_id)
        left = await self._lookup.get(id)
        if left.state is not ReservationState.OFFER_EXPIRED:
            raise WrongState(state=left.state.value)  # the reader has just accepted it
        return left

    async def move(self, ctx: StaffContext, id: str, seat_id: str, reason: str) -> Reservation:
        """Moves the reservation to another seat for the same time. Raises: NotFound, OtherVenue,
        and the errors of ``ReservationService.change``."""
        r = await self._lookup.own(ctx, id)
        self._lookup.require_seat(ctx, seat_id)
        reader_ctx = await self._lookup.reader_context(ctx, r)
        async with entry_of_reservation(self._audit, ctx, AuditAction.MOVE, r, reason) as entry:
            moved = await self._reservations.change(reader_ctx, id, seat_id, None, None)
            entry.after = audit_result(moved, ctx)
        return moved

    async def book(
        self,
        ctx: StaffContext,
        reader: Reader,
        seat_id: str,
        selection: TimeSelection,
        reason: str,
    ) -> Reservation:
        """Books for the reader. Raises: NotFound, OtherVenue, and ``create``'s errors."""
        self._lookup.require_seat(ctx, seat_id)
        async with self._audit.entry(
            ctx, AuditAction.BOOK, reader=reader.id, reason=reason
        ) as entry:
            made = await self._reservations.create(ctx.acting_for(reader), seat_id, selection)
            entry.after = {"reservation": made.receipt, **audit_result(made, ctx)}
        return made


def entry_of_reservation(
    audit: AuditLog,
    ctx: StaffContext,
    action: AuditAction,
    r: Reservation,
    reason: str = "",
) -> AbstractAsyncContextManager[OpenAuditEntry]:
    """Enters the block's change of ``r`` in the audit log; ``r``: the state before the change."""
    target = f"reservation:{r.id}"
    return audit.entry(
        ctx, action, target=target, reader=r.reader_id, reason=reason, before=_snapshot(ctx.zone, r)
    )


def audit_result(r: Reservation, ctx: StaffContext) -> JsonObject:
    """The changed reservation's values for the audit log, with ``repeated`` if the request
    repeated an earlier one and changed nothing."""
    key = ctx.key
    repeated = key is not None and any(
        p.key == key.value and p.at < ctx.now for p in r.idempotency_results
    )
    return {**_snapshot(ctx.zone, r), **({"repeated": True} if repeated else {})}


def _snapshot(zone: Zone, r: Reservation) -> JsonObject:
    return {
        "state": r.state.value,
        "seat": r.seat_id,
        "start": zone.local(r.start).isoformat(),
        "end": zone.local(r.end).isoformat(),
    }
