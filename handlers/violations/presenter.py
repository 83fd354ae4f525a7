from __future__ import annotations

from datetime import datetime

from handlers.reservations.presenter import reservation
from handlers.texts.labels import APPEAL_ANSWER_TEXT
from handlers.violations import schemas
from models.booking.service import ReservationService
from models.reference_data import ReferenceData
from models.violations.entities import Violation


async def violation(
    reference: ReferenceData, reservations: ReservationService, v: Violation, now: datetime
) -> schemas.ViolationOut:
    """A violation for the API, with its reservation, waiver and appeal. Only the reader
    concerned and librarians may get it."""
    waiver, appeal = v.waiver, v.appeal
    r = await reservations.get_own(v.reservation_id, v.reader_id)
    return schemas.ViolationOut(
        id=v.id,
        kind="no_show" if v.kind == "no_show" else "away_timeout",
        at=reference.zone.local(v.at),
        counted=v.counts,
        reservation=await reservation(reference, r, now),
        waived=v.waived,
        waiver=schemas.WaiverOut(waiver.reason, reference.zone.local(waiver.at))
        if waiver
        else None,
        appeal=schemas.AppealOut(
            appeal.text,
            reference.zone.local(appeal.at),
            reference.zone.local_if_any(appeal.settled_at),
            APPEAL_ANSWER_TEXT.get(appeal.answer, appeal.answer),
        )
        if appeal
        else None,
    )
