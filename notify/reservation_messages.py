"""Which messages an outbox event of a reservation becomes."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from models.booking.desk import Desk
from models.code_sharing.service import scan_from
from models.messages.entities import Message
from models.reservations import rules
from models.reservations.entities import OutboxEvent, Reservation
from models.reservations.state_machine import ReservationState
from models.violations.service import ViolationResult, record_violation
from notify.templates import TEMPLATE_BY_EVENT, suspended
from notify.templates.rendering import MessageContext

log = logging.getLogger(__name__)


async def _messages_for(desk: Desk, r: Reservation, notice: OutboxEvent) -> list[Message]:
    penalty = await record_violation(desk, r, notice)
    moment = _context(desk, r, notice, penalty)
    if notice.event == "no_show":
        day = await desk.reservations.on_day(r.reader_id, r.date)
        moment = replace(moment, others=len(rules.cancellable_today(day, notice.at)))
    id, found = f"{r.id}:{notice.key}", []
    if notice.event == "checked_in" and (scan := scan_from(r, notice.at)) is not None:
        await desk.scans.add(scan)
    if is_still_relevant(r, notice):
        found.append(_build_message(r, notice, TEMPLATE_BY_EVENT[notice.event], moment, id))
    if penalty.suspension is not None:
        found.append(_build_message(r, notice, suspended, moment, f"{id}:suspended"))
        log.info("reader_suspended", extra={"reader": r.reader_id, "reservation": r.id})
    return found


def _build_message(
    r: Reservation, notice: OutboxEvent, module: Any, moment: MessageContext, id: str
) -> Message:
    letter = module.write(moment)
    return Message(
        id=id,
        reader_id=r.reader_id,
        template=module.TEMPLATE,
        title=module.TITLE,
        text=letter.text,
        at=notice.at,
        facts=letter.facts,
        reservation_id=r.id,
        expires_at=letter.not_after,
    )


def is_still_relevant(r: Reservation, notice: OutboxEvent) -> bool:
    """A reminder of something that is settled by now would only confuse."""
    if notice.event == "check_in_reminder":
        return r.state is ReservationState.RESERVED and r.start == notice.facts["start"]
    if notice.event == "leave_reminder":
        return r.state is ReservationState.AWAY and r.return_by == notice.facts["return_by"]
    if notice.event == "left" and notice.facts.get("pending_confirmation"):
        return r.state is ReservationState.AWAY and r.left_at == notice.facts["left_at"]
    if notice.event == "ending_soon":
        return (
            r.state in (ReservationState.IN_USE, ReservationState.AWAY)
            and r.end == notice.facts["end"]
        )
    return True


def _context(
    desk: Desk, r: Reservation, notice: OutboxEvent, penalty: ViolationResult
) -> MessageContext:
    facts: dict[str, Any] = dict(notice.facts)
    seat_id = facts.pop("seat_id")
    seat = desk.library.all_seats.get(seat_id)
    kiosks = "、".join(
        kiosk.name for kiosk in desk.library.kiosks.values() if kiosk.venue_id == r.venue_id
    )
    return MessageContext(
        at=notice.at,
        seat=desk.library.seat_label(seat) if seat else str(seat_id),
        receipt=r.receipt,
        kiosks=kiosks,
        violation=penalty.violation is not None,
        counted=penalty.violation is not None and penalty.violation.counts,
        window=penalty.window,
        suspended_until=penalty.suspension.until if penalty.suspension else None,
        **facts,
    )
