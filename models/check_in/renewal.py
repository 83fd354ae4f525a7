from __future__ import annotations

from datetime import datetime, time

from models.booking.idempotency import Idempotency, idempotent
from models.booking.writer import ReservationWriter
from models.check_in import rules, transitions
from models.check_in.allowed_actions import allowed_actions
from models.kernel.time_range import TimeRange
from models.occupancy.live import LiveOccupancy
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, OwnOverlap, SeatTaken
from models.reservations.rules import seat_in_service


class RenewalService:
    """Renewal (续约): extends a stay in its last hour (docs/booking.md)."""

    def __init__(
        self,
        reference: ReferenceData,
        occupancy: LiveOccupancy,
        writer: ReservationWriter,
        idempotency: Idempotency,
    ) -> None:
        self._reference, self._occupancy = reference, occupancy
        self._writer, self.idempotency = writer, idempotency

    @idempotent
    async def renew(self, ctx: RequestContext, id: str, end: time) -> Reservation:
        """Extends the stay to ``end``. Raises: NotFound, WrongState, TooOften, TooEarly, Closed,
        OffGrid, TooLong, SeatDisabled, SeatTaken, OwnOverlap."""

        def renewed(current: Reservation, policy: Policy) -> Reservation:
            seat = self._reference.seat_even_if_removed(current.seat_id)
            seat_in_service(seat, current.date)
            policy = self._reference.with_groups(policy, ctx.reader, current.area_id, current.date)
            hours = self._writer.hours_now(current, ctx.now)
            new_end = rules.renewal_end(self._reference.zone, current, end, policy, hours, ctx.now)
            seat_in_service(seat, self._reference.zone.last_day(TimeRange(current.start, new_end)))
            return transitions.renew(
                self._reference.zone, current, new_end, policy, ctx.actor, ctx.now
            )

        try:
            return await self._writer.update(ctx, id, renewed)
        except ClaimLost as lost:
            own = lost.kind is ClaimKind.READER
            raise (OwnOverlap() if own else SeatTaken()) from lost

    async def renewal_choices(self, ctx: RequestContext, id: str) -> list[datetime]:
        """The later ends to which the stay can be renewed now: allowed by the rules, and the
        seat is free until then. Empty if there are none. Raises: NotFound."""
        r = await self._writer.get_own(id, ctx.reader.id)
        policy = await self._writer.policy_at_booking(r)
        policy = self._reference.with_groups(policy, ctx.reader, r.area_id, r.date)
        seat = self._reference.seat_even_if_removed(r.seat_id)
        if "extend" not in allowed_actions(self._reference.zone, r, policy, ctx.now):
            return []
        choices = rules.renewal_choices(
            self._reference.zone, r, policy, self._writer.hours_now(r, ctx.now), ctx.now
        )
        rows = (await self._occupancy.get_day(self._reference.zone.day(r.end))).by_seat.get(
            r.seat_id, ()
        )
        next_start = min((row.start for row in rows if row.start >= r.end), default=None)
        return [
            end
            for end in choices
            if (next_start is None or end <= next_start)
            and seat.unavailable_reason(r.date) is None
            and seat.unavailable_reason(self._reference.zone.last_day(TimeRange(r.start, end)))
            is None
        ]
