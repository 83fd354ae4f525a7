"""Messages that could not be sent: what failed, and sending it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.messages.channel_pause import Pause
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.consent_repository import ConsentRepository
from models.messages.entities import RELEVANT_STATES, DeliveryState, Message, Template
from models.messages.repository import MessageRepository
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.reservations.repository import ReservationRepository
from models.staff.audit import AuditAction
from models.staff.recorder import AuditedOperation, AuditLog, StaffContext
from models.violations.repository import ViolationRepository

_AT_ONCE: Final = 5000
"""Messages that are sent again by one press."""


class MessageRelevance:
    """Tells which messages still say what is so."""

    def __init__(
        self,
        reservations: ReservationRepository,
        violations: ViolationRepository,
        reference: ReferenceData,
    ) -> None:
        self._reservations, self._violations = reservations, violations
        self._reference = reference

    async def relevant(self, messages: Sequence[Message], since: datetime) -> list[str]:
        """The ids of those that are still relevant; ``since`` is older than all of them."""
        ids = {m.reservation_id for m in messages if m.reservation_id is not None}
        found = await self._reservations.many(ids)
        waived = await self._violations.reservations_waived_since(since)
        return [
            m.id
            for m in messages
            if m.reservation_id is not None
            and m.reservation_id not in waived
            and self._is_still_relevant(m, found.get(m.reservation_id))
        ]

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


@dataclass(frozen=True, slots=True)
class DeliveryOverview:
    """What became of the messages of some days."""

    counts: list[tuple[Template, DeliveryState, str | None, int]]
    failures: list[tuple[int | None, str | None, int]]
    failed: list[tuple[Message, int, tuple[int, ...], str]]
    pause: Pause | None
    consents: dict[Template, tuple[int, int]]


class StaffDeliveries:
    """Shows what could not be sent, and sends it again."""

    def __init__(
        self,
        audit: AuditLog,
        messages: MessageRepository,
        consents: ConsentRepository,
        pauses: ChannelPauseRepository,
        relevance: MessageRelevance,
    ) -> None:
        self._audit, self._messages, self._consents = audit, messages, consents
        self._pauses, self._relevance = pauses, relevance

    async def overview(self, since: datetime, wall_clock: bool, limit: int) -> DeliveryOverview:
        """What became of the messages since then, the last ``limit`` failed ones one by one."""
        return DeliveryOverview(
            await self._messages.counts(since, wall_clock),
            await self._messages.failures(since),
            await self._messages.failed(since, limit),
            await self._pauses.current(),
            await self._consents.totals(),
        )

    async def failures(self, since: datetime) -> list[tuple[int | None, str | None, int]]:
        """Failed messages by WeChat's last code and by what else is known."""
        return await self._messages.failures(since)

    async def retry(self, ctx: StaffContext, since: datetime, reason: str) -> int:
        """Send failed messages once more, as far as they are still relevant. How many."""

        ctx.require(None)

        async def work() -> int:
            failed = await self._messages.retryable_failures(since, ctx.now, _AT_ONCE)
            relevant = await self._relevance.relevant(failed, since)
            return await self._messages.requeue(relevant, ctx.now)

        operation = AuditedOperation(AuditAction.RETRY_DELIVERIES, "deliveries", None, reason)
        return await self._audit.record(ctx, operation, work, lambda queued: {"queued": queued})
