from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from handlers.reservations.presenter import entries
from handlers.reservations.schemas import ReservedSeat
from handlers.rooms import schemas
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import CheckInWay
from models.library.names import label_text
from models.library.rooms import Room, RoomPicture
from models.reference_data import ReferenceData
from models.reservations.room_booking import RoomBooking
from models.rooms.service import RoomDay

_WAYS: Final[Mapping[CheckInWay, Literal["kiosk", "kiosk_or_label", "seat_label", "desk"]]] = {
    CheckInWay.KIOSK: "kiosk",
    CheckInWay.KIOSK_OR_LABEL: "kiosk_or_label",
    CheckInWay.SEAT_LABEL: "seat_label",
    CheckInWay.GATE: "desk",  # a gate knows nothing of rooms
    CheckInWay.DESK: "desk",
}


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
        check_in_by=_WAYS[reference.catalog.venues[room.venue_id].check_in_way],
        picture=_picture(room.picture),
    )


def _picture(picture: RoomPicture | None) -> schemas.RoomPictureOut | None:
    if picture is None:
        return None
    path = f"/room-pictures/{picture.id}"
    return schemas.RoomPictureOut(path, picture.width, picture.height, picture.alt)


def as_seat(reference: ReferenceData, room: Room) -> ReservedSeat:
    """The room where clients expect a seat: in the list of violations."""
    venue = reference.catalog.venues[room.venue_id]
    floor = venue.floor(room.floor)
    label = label_text(venue, floor, room)
    return ReservedSeat(
        id=room.id,
        no="",
        area_id="",
        area=room.name,
        floor=room.floor,
        venue=venue.name,
        label=label,
        floor_name=floor.name,
        labels=label.facts,
    )


def day(reference: ReferenceData, d: RoomDay, reserved_for: Sequence[str]) -> schemas.RoomDayOut:
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
        events=[
            schemas.RoomEventOut(
                reference.zone.local(b.span.start), reference.zone.local(b.span.end), b.title
            )
            for b in d.blocks
        ],
        reserved_for=list(reserved_for),
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
    return schemas.RoomBookingOut(**_own(reference, b, reader_id, invitation))


def detail(
    reference: ReferenceData, b: RoomBooking, reader_id: ReaderId, invitation: str
) -> schemas.RoomBookingDetail:
    """The booking as one of its people sees it, with its history."""
    fields = _own(reference, b, reader_id, invitation)
    return schemas.RoomBookingDetail(**fields, history=entries(reference.zone, b.history))


def request(reference: ReferenceData, b: RoomBooking, reader_id: str) -> schemas.RoomRequestOut:
    """The booking as the staff see it. ``reader_id``: the booker's, or its pseudonym."""
    return schemas.RoomRequestOut(
        **_fields(reference, b, None),
        id=b.id,
        reader_id=reader_id,
        purpose=b.purpose,
        text_check=b.verdict.value,
        answer=b.reason,
        made_at=reference.zone.local(b.made_at),
        answer_by=reference.zone.local_if_any(b.answer_by),
    )


def _own(
    reference: ReferenceData, b: RoomBooking, reader_id: ReaderId, invitation: str
) -> dict[str, Any]:
    mine, local = b.booker == reader_id, reference.zone.local_if_any
    return {
        **_fields(reference, b, reader_id),
        "id": b.id,
        "own": mine,
        "purpose": b.purpose if mine else "",
        "answer": b.reason if mine else "",
        "invitation": invitation,
        "answer_by": local(b.answer_by),
        "check_in_from": reference.zone.local(b.check_in_from),
        "check_in_until": reference.zone.local(b.check_in_until),
        "checked_in_at": local(b.checked_in_at),
        "ended_at": local(b.ended_at),
        "excused": b.excused,
    }


def room_of(reference: ReferenceData, b: RoomBooking) -> Room:
    """The booking's room; as far as the booking tells, if this worker has yet to load it."""
    there = reference.rooms.get(b.room_id)
    return there or Room(b.room_id, b.venue_id, b.room_id, 0, b.least, b.most)


def room_label(reference: ReferenceData, b: RoomBooking) -> str:
    """The venue, floor and name of the booking's room, for the staff."""
    venue, room = reference.catalog.venues[b.venue_id], room_of(reference, b)
    return label_text(venue, venue.floor(room.floor), room)


def _fields(reference: ReferenceData, b: RoomBooking, reader_id: ReaderId | None) -> dict[str, Any]:
    return {
        "room": room(reference, room_of(reference, b)),
        "date": b.day,
        "start": reference.zone.local(b.span.start),
        "end": reference.zone.local(b.span.end),
        "state": b.state.value,
        "people": len(b.people),
        "confirm_by": reference.zone.local_if_any(b.confirm_by),
        "takes_part": reader_id in b.people,
    }
