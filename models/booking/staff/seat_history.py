from __future__ import annotations

from datetime import datetime, timedelta

from models.booking.staff.lookup import ReservationLookup
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import SeatId
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.state_machine import BOOKING_STATES
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext


class StaffSeatHistory:
    def __init__(
        self, audit: AuditLog, lookup: ReservationLookup, reservations: ReservationRepository
    ) -> None:
        self._audit, self._lookup, self._reservations = audit, lookup, reservations

    async def who_had_seat(
        self, ctx: StaffContext, seat_id: SeatId, span: TimeRange, reason: str
    ) -> list[Reservation]:
        """The reservations that held the seat at some time in ``span``, the earliest first.
        ``span`` lies within a day. The look-up is recorded in the audit log."""
        self._lookup.require_seat(ctx, seat_id)
        day = ctx.zone.day(span.start)
        rows = await self._reservations.on_seat(
            ctx.zone, seat_id, day - timedelta(days=1)
        )  # those over midnight
        rows += await self._reservations.on_seat(ctx.zone, seat_id, day)
        bookings = [
            r
            for r in rows
            if r.state in BOOKING_STATES and r.held is not None and r.held.overlaps(span)
        ]
        readers = {r.reader_id for r in bookings}
        await self._audit.record_look(
            ctx,
            AuditAction.LOOKED_UP,
            target=f"seat:{seat_id} {_minute(ctx.zone, span.start)}/{_minute(ctx.zone, span.end)}",
            reader=readers.pop() if len(readers) == 1 else None,
            reason=reason,
            facts={"found": len(bookings)},
        )
        return bookings


def _minute(zone: Zone, instant: datetime) -> str:
    return f"{zone.local(instant):%Y-%m-%dT%H:%M}"
