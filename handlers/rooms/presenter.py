from __future__ import annotations

from typing import Any

from handlers.rooms import schemas
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.rooms import Room
from models.reference_data import ReferenceData
from models.reservations.room_booking import RoomBooking
from models.rooms.service import RoomDay


def room(reference: ReferenceData, room: Room) -> schemas.RoomOut:
    return schemas.RoomOut(
        id=room.id,
        name=room.name,
        names=dict(room.names),
        venue_id=room.venue_id,
        venue=reference.catalog.venues[room.venue_id].name,
        floor=room.floor,
        least=room.least,
        most=room.most,
        equipment=list(room.equipment),
    )


def day(reference: ReferenceData, d: RoomDay) -> schemas.RoomDayOut:
    rules, hours = d.room.rules, d.hours
    return schemas.RoomDayOut(
        room=room(reference, d.room),
        rules=schemas.RoomRulesOut(
            min_minutes=rules.min_minutes,
            max_minutes=rules.max_minutes,
            days_ahead=rules.days_ahead,
            bookings_a_week=rules.bookings_a_week,
            step_minutes=rules.step_minutes,
            buffer_minutes=rules.buffer_minutes,
            purpose_wanted=rules.purpose_wanted,
            confirm_minutes=rules.confirm_minutes,
            approval=rules.unanswered is not None,
        ),
        open=[_time(reference.zone, open) for open in hours.intervals],
        closed_reason=hours.reason,
        taken=[_time(reference.zone, taken) for taken in d.taken],
    )


def _time(zone: Zone, span: TimeRange) -> schemas.TimeOut:
    return schemas.TimeOut(zone.local(span.start), zone.local(span.end))


def invitation(
    reference: ReferenceData, b: RoomBooking, reader_id: ReaderId
) -> schemas.RoomInvitationOut:
    return schemas.RoomInvitationOut(**_fields(reference, b, reader_id))


def own(
    reference: ReferenceData, b: RoomBooking, reader_id: ReaderId, invitation: str
) -> schemas.RoomBookingOut:
    """The booking as one of its people sees it."""
    mine, local = b.booker == reader_id, reference.zone.local_if_any
    return schemas.RoomBookingOut(
        **_fields(reference, b, reader_id),
        id=b.id,
        own=mine,
        purpose=b.purpose if mine else "",
        answer=b.reason if mine else "",
        invitation=invitation,
        answer_by=local(b.answer_by),
        check_in_from=reference.zone.local(b.check_in_from),
        check_in_until=reference.zone.local(b.check_in_until),
        checked_in_at=local(b.checked_in_at),
        ended_at=local(b.ended_at),
        excused=b.excused,
    )


def request(reference: ReferenceData, b: RoomBooking, reader_id: str) -> schemas.RoomRequestOut:
    """The booking as the staff see it. ``reader_id``: the booker's, or its pseudonym."""
    return schemas.RoomRequestOut(
        **_fields(reference, b, None),
        id=b.id,
        reader_id=reader_id,
        purpose=b.purpose,
        answer=b.reason,
        made_at=reference.zone.local(b.made_at),
        answer_by=reference.zone.local_if_any(b.answer_by),
    )


def _not_here(b: RoomBooking) -> Room:
    """The booking's room as far as the booking tells, if this worker has yet to load it."""
    return Room(b.room_id, b.venue_id, b.room_id, 0, b.least, b.most)


def _fields(reference: ReferenceData, b: RoomBooking, reader_id: ReaderId | None) -> dict[str, Any]:
    return {
        "room": room(reference, reference.rooms.get(b.room_id) or _not_here(b)),
        "date": b.day,
        "start": reference.zone.local(b.span.start),
        "end": reference.zone.local(b.span.end),
        "state": b.state.value,
        "people": len(b.people),
        "confirm_by": reference.zone.local_if_any(b.confirm_by),
        "takes_part": reader_id in b.people,
    }
