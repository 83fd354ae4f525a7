"""Failed deliveries, as staff see them and send them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.messages.channel_pause import Pause
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.consent_repository import ConsentRepository, ConsentTotals
from models.messages.delivery_report_repository import ChannelDeliveries
from models.messages.entities import (
    LONGEST_THING,
    RELEVANT_STATES,
    Channel,
    DeliveryState,
    Message,
    Template,
)
from models.messages.repository import MessageRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext
from models.violations.repository import ViolationRepository

_AT_ONCE: Final = 5000
"""At most this many messages are sent again by one action."""


class MessageRelevance:
    def __init__(
        self,
        reservations: ReservationRepository,
        violations: ViolationRepository,
        reference: ReferenceData,
    ) -> None:
        self._reservations, self._violations = reservations, violations
        self._reference = reference

    async def relevant(self, messages: Sequence[Message], since: datetime) -> list[str]:
        """The ids of the messages that are still true. ``since``: a time before all of them,
        from which waived violations are read."""
        ids = {m.reservation_id for m in messages if m.reservation_id is not None}
        reservations = await self._reservations.many(ids)
        waived = await self._violations.reservations_waived_since(since)
        return [
            m.id
            for m in messages
            if m.reservation_id is not None
            and m.reservation_id not in waived
            and self._is_still_relevant(m, reservations.get(m.reservation_id))
        ]

    def _is_still_relevant(self, m: Message, r: Reservation | None) -> bool:
        """True if the reservation still has the state, times and seat that the message names."""
        if r is None or r.state not in RELEVANT_STATES[m.template]:
            return False
        current: dict[str, object] = {"start": r.start, "end": r.end}
        catalog = self._reference.catalog
        seat = catalog.all_seats.get(r.seat_id)
        if seat is not None:
            current["seat"] = catalog.short_label_of(seat.id, LONGEST_THING)
        return all(m.facts.get(name, value) == value for name, value in current.items())


@dataclass(frozen=True, slots=True)
class ChannelInUse:
    deliveries: ChannelDeliveries
    pauses: ChannelPauseRepository


@dataclass(frozen=True, slots=True)
class DeliveryOverview:
    """The results of a channel's deliveries since a time. `messages`: the number of all
    messages, including messages not sent by this channel."""

    messages: dict[Template, int]
    counts: list[tuple[Template, DeliveryState, str | None, int]]
    failures: list[tuple[int | None, str | None, int]]
    failed: list[tuple[Message, int, tuple[int, ...], str]]
    pause: Pause | None
    consents: dict[Template, ConsentTotals]


class StaffDeliveries:
    def __init__(
        self,
        audit: AuditLog,
        messages: MessageRepository,
        consents: ConsentRepository,
        channels: Mapping[Channel, ChannelInUse],
        relevance: MessageRelevance,
    ) -> None:
        self._audit, self._messages, self._consents = audit, messages, consents
        self._channels, self._relevance = channels, relevance

    @property
    def channels(self) -> list[Channel]:
        return list(self._channels)

    async def overview(
        self, channel: Channel, since: datetime, wall_clock: bool, limit: int
    ) -> DeliveryOverview:
        """The results of a channel's deliveries since ``since``, with its last ``limit``
        failures. Raises: KeyError if the channel is not set up."""
        used = self._channels[channel]
        return DeliveryOverview(
            await self._messages.counts(since, wall_clock),
            await used.deliveries.counts(since, wall_clock),
            await used.deliveries.failures(since),
            await used.deliveries.failed(since, limit),
            await used.pauses.current(),
            await self._consents.totals(),
        )

    async def failures(self, since: datetime) -> int:
        """The number of failed deliveries since ``since``, by all channels together."""
        return sum(
            [
                count
                for used in self._channels.values()
                for _, _, count in await used.deliveries.failures(since)
            ]
        )

    async def retry(self, ctx: StaffContext, channel: Channel, since: datetime, reason: str) -> int:
        """Queues failed deliveries since ``since`` again if their messages are still true;
        returns their number."""
        ctx.require(None)
        deliveries = self._channels[channel].deliveries
        async with self._audit.entry(
            ctx, AuditAction.RETRY_DELIVERIES, target="deliveries", reason=reason
        ) as entry:
            failed = await deliveries.retryable_failures(since, ctx.now, _AT_ONCE)
            relevant = await self._relevance.relevant(failed, since)
            queued = await deliveries.requeue(relevant, ctx.now)
            entry.after = {"queued": queued}
        return queued
