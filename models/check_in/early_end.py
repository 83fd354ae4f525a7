from __future__ import annotations

from datetime import datetime, time

from models.booking.idempotency import Idempotency, idempotent
from models.booking.writer import ReservationWriter
from models.check_in import rules, transitions
from models.kernel.errors import WrongState
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reservations.entities import Reservation


class EarlyEndService:
    """提前到 (earlier end): shortens a stay. The rest of its time is immediately offered to the
    waitlist."""

    def __init__(self, writer: ReservationWriter, idempotency: Idempotency) -> None:
        self._writer, self.idempotency = writer, idempotency

    @idempotent
    async def shorten(self, ctx: RequestContext, id: str, end: time) -> Reservation:
        """Shortens the stay to ``end``. Raises: NotFound, WrongState, EndNotEarlier, OffGrid."""

        def shortened(current: Reservation, policy: Policy) -> Reservation:
            hours = self._writer.hours_now(current, ctx.now)
            new_end = rules.earlier_end(self._writer.zone, current, end, policy, hours, ctx.now)
            return transitions.shorten(
                self._writer.zone, current, new_end, policy, ctx.actor, ctx.now
            )

        return await self._writer.update(ctx, id, shortened)

    async def earlier_ends(self, ctx: RequestContext, id: str) -> list[datetime]:
        """The ends to which the stay can be shortened now; empty if there are none. Raises:
        NotFound."""
        r = await self._writer.get_own(id, ctx.reader.id)
        policy = await self._writer.policy_at_booking(r)
        try:
            rules.may_shorten(self._writer.zone, r, policy, ctx.now)
        except WrongState:
            return []
        return rules.earlier_ends(
            self._writer.zone, r, policy, self._writer.hours_now(r, ctx.now), ctx.now
        )
