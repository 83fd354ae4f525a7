from __future__ import annotations

from datetime import datetime
from typing import Final

from models.booking.writer import ReservationWriter
from models.check_in.rules import leave_duration
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.kernel.ids import Actor
from models.messages.delivery_repository import DeliveryRepository
from models.outages.extension import DeadlineExtension, apply_all
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.seat_reports import transitions

BATCH: Final = 500
_SYSTEM: Final = Actor("system", "job")


class PresenceCheckJob:
    def __init__(
        self,
        reservations: ReservationRepository,
        deliveries: DeliveryRepository,
        writer: ReservationWriter,
        extension: DeadlineExtension,
        knowledge: PresenceKnowledge,
    ) -> None:
        self._reservations, self._deliveries = reservations, deliveries
        self._writer, self._extension, self._knowledge = writer, extension, knowledge

    async def run(self, now: datetime) -> int:
        """Applies the deadlines of presence checks. A reader who has not proved presence is put
        on leave. If no message about the check could be pushed to the reader, the staff are
        asked to look instead. Returns the number of changed reservations."""
        now = await self._extension.alive_until(now)
        overdue = await self._reservations.due_for_presence_check(now, BATCH)
        if not overdue:
            return 0
        frozen = await self._knowledge.frozen_venues(now)
        # Where scanning is impossible, a check cannot be answered.
        due = [r for r in overdue if frozen is not True and r.venue_id not in frozen]
        policies = {r.id: await self._writer.policy_at_booking(r) for r in due}
        reached = {r.id for r in due if await self._was_reached(r)}

        def failed(r: Reservation) -> Reservation:
            assert r.presence_due_at is not None
            if r.id not in reached:
                return transitions.hand_to_patrol(r, _SYSTEM)
            policy = policies[r.id]
            return_by = min(
                r.presence_due_at + leave_duration(self._writer.zone, policy, r.presence_due_at),
                r.end,
            )
            return transitions.fail_presence_check(r, return_by, policy, _SYSTEM)

        return await apply_all(self._writer, now, due, failed, {"presence_due_at": {"$lte": now}})

    async def _was_reached(self, r: Reservation) -> bool:
        asked_at = max(e.at for e in r.history if e.event == transitions.DOUBT)
        return await self._deliveries.was_sent(r.reader_id, r.id, asked_at)
