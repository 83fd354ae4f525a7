from __future__ import annotations

from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.reservations.presenter import reservation
from handlers.rooms.presenter import as_seat
from handlers.texts.labels import APPEAL_ANSWER_TEXT
from handlers.violations import schemas
from models.booking.service import ReservationService
from models.kernel.errors import NotFound
from models.rooms.service import RoomService
from models.violations.entities import Violation


async def violation(call: ApiRequest | PageRequest, v: Violation) -> schemas.ViolationOut:
    """A violation for the API, with its reservation, waiver and appeal. Only the reader
    concerned and librarians may get it."""
    waiver, appeal = v.waiver, v.appeal
    reference, now = call[REFERENCE], call.now
    try:
        r = await call[ReservationService].get_own(v.reservation_id, v.reader_id)
    except NotFound:
        b = await call[RoomService].own(v.reader_id, v.reservation_id)
        missed = await reservation(reference, b.missed_stay(), now)
        if (room := reference.rooms.get(b.room_id)) is not None:
            missed.seat = as_seat(reference, room)
    else:
        missed = await reservation(reference, r, now)
    return schemas.ViolationOut(
        id=v.id,
        kind="no_show" if v.kind == "no_show" else "away_timeout",
        at=reference.zone.local(v.at),
        counted=v.counts,
        reservation=missed,
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
