"""Which messages an outbox event of a reservation becomes."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from models.code_sharing.service import CodeSharingService
from models.messages.entities import Message
from models.readers.personal_data_repository import ERASED_READER
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations import rules
from models.reservations.entities import OutboxEvent, OutboxEventKind, Reservation
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState
from models.violations.service import ViolationResult, ViolationService, violation_id
from notify.templates import TEMPLATE_BY_EVENT, moved_by_library, suspended
from notify.templates.rendering import (
    BETWEEN_KIOSKS,
    LONGEST_THING,
    MessageContext,
    MessageTemplate,
)

log = logging.getLogger(__name__)


class ReservationMessages:
    """Records what an event means for the reader, and writes the messages about it."""

    def __init__(
        self,
        reservations: ReservationRepository,
        reference: ReferenceData,
        violations: ViolationService,
        code_sharing: CodeSharingService,
    ) -> None:
        self._reservations, self._reference = reservations, reference
        self._violations, self._code_sharing = violations, code_sharing

    async def messages_for(self, r: Reservation, event: OutboxEvent) -> list[Message]:
        """The messages, with ids made from the reservation and the change."""
        template = _template_of(event)
        if template is None or r.reader_id == ERASED_READER:
            return []
        result = await self._violations.record_violation(r, event)
        context = self._context(r, event, result)
        if event.event is OutboxEventKind.NO_SHOW:
            day = await self._reservations.on_day(r.reader_id, r.date)
            others = len(rules.cancellable_today(day, event.at))
            context = replace(context, others=others)
        if event.event is OutboxEventKind.CHECKED_IN:
            await self._code_sharing.record_scan(r, event.at)
        (id, of_suspension), found = _ids(r, event), []
        if is_still_relevant(r, event):
            found.append(build_message(r, event, template, context, id))
        if result.suspension is not None:
            # Of a longer one, which stands, the reader has been told.
            if result.suspension.until == result.suspended_until:
                found.append(build_message(r, event, suspended.MESSAGE, context, of_suspension))
            log.info("reader_suspended", extra={"reader": r.reader_id, "reservation": r.id})
        return found

    def _context(
        self, r: Reservation, event: OutboxEvent, result: ViolationResult
    ) -> MessageContext:
        facts: dict[str, Any] = dict(event.facts)
        seat_id, catalog = facts.pop("seat_id"), self._reference.catalog
        if (replaced := facts.pop("replaced_seat_id", None)) is not None:
            facts["replaced_seat"] = catalog.label_of(replaced)
        kiosks = BETWEEN_KIOSKS.join(
            kiosk.name for kiosk in catalog.kiosks.values() if kiosk.venue_id == r.venue_id
        )
        seat = catalog.all_seats.get(seat_id)
        return MessageContext(
            at=event.at,
            seat=catalog.label_of(seat_id),
            short_seat=catalog.short_label_of(seat_id, LONGEST_THING),
            seat_no=seat.number if seat is not None else "",
            receipt=r.receipt,
            kiosks=kiosks,
            way=catalog.venues[r.venue_id].check_in_way,
            violation=result.violation is not None,
            counted=result.violation is not None and result.violation.counts,
            window=result.window,
            suspended_until=result.suspended_until,
            **facts,
        )


def _template_of(event: OutboxEvent) -> MessageTemplate | None:
    """What the event is told by; another seat that the library chose by a message of its own."""
    if event.facts.get("by_library"):
        return moved_by_library.MESSAGE
    return TEMPLATE_BY_EVENT.get(event.event)


def dispatched_ids(r: Reservation) -> list[str]:
    """The ids of all messages, violations and scans that the reservation's outbox can become."""
    of_events = [(*_ids(r, event), violation_id(r, event)) for event in r.outbox]
    return [r.id, *[id for ids in of_events for id in ids]]


def _ids(r: Reservation, event: OutboxEvent) -> tuple[str, str]:
    """The ids of the message about the event, and of that about the suspension which it brings."""
    id = f"{r.id}:{event.key}"
    return id, f"{id}:suspended"


def build_message(
    r: Reservation, event: OutboxEvent, template: MessageTemplate, context: MessageContext, id: str
) -> Message:
    """The message of ``template`` about the event, under ``id``."""
    rendered = template.render(context)
    return Message(
        id=id,
        reader_id=r.reader_id,
        template=template.template,
        title=template.title,
        text=rendered.text,
        at=event.at,
        facts=rendered.facts,
        reservation_id=r.id,
        expires_at=rendered.not_after,
        request_id=event.request_id,
    )


def is_still_relevant(r: Reservation, event: OutboxEvent) -> bool:
    """False for a reminder of something that is settled by now: it would only confuse."""
    facts = event.facts
    match event.event:
        case OutboxEventKind.CHECK_IN_REMINDER:
            return r.state is ReservationState.RESERVED and r.start == facts["start"]
        case OutboxEventKind.LEAVE_REMINDER:
            return r.state is ReservationState.AWAY and r.return_by == facts["return_by"]
        case OutboxEventKind.TEMPORARY_LEAVE if facts.get("pending_confirmation"):
            return r.state is ReservationState.AWAY and r.left_at == facts["left_at"]
        case OutboxEventKind.ENDING_SOON:
            return r.state in CHECKED_IN_STATES and r.end == facts["end"]
    return True
