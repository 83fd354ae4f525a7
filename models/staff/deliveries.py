"""Messages that could not be sent: what failed, and sending it again."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from models.messages.entities import RELEVANT_STATES, Message
from models.messages.repository import Messages
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.reservations.repository import ReservationRepository
from models.staff.audit import AuditAction
from models.staff.recorder import AuditedOperation, AuditLog, StaffContext
from models.violations.repository import ViolationRepository

_AT_ONCE: Final = 5000
"""Messages that are sent again by one press."""


class StaffDeliveries:
    """Sends failed messages again."""

    def __init__(
        self,
        audit: AuditLog,
        messages: Messages,
        reservations: ReservationRepository,
        violations: ViolationRepository,
        reference: ReferenceData,
    ) -> None:
        self._audit, self._messages, self._reservations = audit, messages, reservations
        self._violations, self._reference = violations, reference

    async def retry(self, ctx: StaffContext, since: datetime, reason: str) -> int:
        """Send failed messages once more, as far as they are still relevant. How many."""

        async def work() -> int:
            failed = await self._messages.retryable_failures(since, ctx.now, _AT_ONCE)
            ids = {m.reservation_id for m in failed if m.reservation_id is not None}
            found = await self._reservations.many(ids)
            waived = await self._violations.reservations_waived_since(since)
            relevant = [
                m.id
                for m in failed
                if m.reservation_id is not None
                and m.reservation_id not in waived
                and self._is_still_relevant(m, found.get(m.reservation_id))
            ]
            return await self._messages.requeue(relevant, ctx.now)

        operation = AuditedOperation(AuditAction.RETRY_DELIVERIES, "deliveries", None, reason)
        return await self._audit.record(ctx, operation, work, lambda queued: {"queued": queued})

    def _is_still_relevant(self, m: Message, r: Reservation | None) -> bool:
        """Does the message say what is so, of the seat and the time that it is about?"""
        if r is None or r.state not in RELEVANT_STATES[m.template]:
            return False
        current: dict[str, object] = {"start": r.start, "end": r.end}
        catalog = self._reference.catalog
        seat = catalog.all_seats.get(r.seat_id)
        if seat is not None:
            current["seat"] = catalog.seat_label(seat)
        return all(m.facts.get(name, value) == value for name, value in current.items())
