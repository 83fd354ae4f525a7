from __future__ import annotations

from models.booking.staff.lookup import ReservationLookup
from models.booking.staff.reservations import entry_of_reservation
from models.parties.service import PartyService
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext


class StaffParties:
    def __init__(self, audit: AuditLog, lookup: ReservationLookup, parties: PartyService) -> None:
        self._audit, self._lookup, self._parties = audit, lookup, parties

    async def end(self, ctx: StaffContext, id: str, reason: str) -> None:
        """Ends the party that the reader has made together with this booking: the seats that
        nobody has accepted are free again. Raises: NotFound, OtherVenue."""
        r = await self._lookup.own(ctx, id)
        reader_ctx = await self._lookup.reader_context(ctx, r)
        async with entry_of_reservation(
            self._audit, ctx, AuditAction.END_PARTY, r, reason
        ) as entry:
            party = await self._parties.end(reader_ctx, id)
            entry.after = {"seats": [seat.id for seat in party.seats if seat.booking is None]}
