from __future__ import annotations

from datetime import date

from models.kernel.time_range import TimeRange
from models.library.entities import Seat
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations import rules
from models.reservations.errors import GroupOnly, NotOpenYet, SeatKept


def check_entitled(reference: ReferenceData, seat: Seat, reader: Reader | None, day: date) -> None:
    """Checks that the seat is not reserved for others on that day. Raises: SeatKept, GroupOnly,
    NotOpenYet."""
    if reference.is_undecided(seat.id, day):
        raise NotOpenYet(season=True)
    if reference.is_kept_for_others(seat, reader.id if reader is not None else None, day):
        raise SeatKept()
    groups = reference.groups_instead(seat, reader, day)
    if groups:
        raise GroupOnly(groups)


def check_seat(
    reference: ReferenceData, seat: Seat, reader: Reader | None, span: TimeRange
) -> None:
    """Checks that the area is open for the time, and that the seat is in service and not
    reserved for others. Raises: Closed, SeatDisabled, and as ``check_entitled``."""
    check_in_service(reference, seat, span)
    check_entitled(reference, seat, reader, reference.zone.day(span.start))


def check_in_service(reference: ReferenceData, seat: Seat, span: TimeRange) -> None:
    """Checks that the area is open for the time and the seat is in service. Raises: Closed,
    SeatDisabled."""
    day = reference.zone.day(span.start)
    policy = reference.policy_for(seat.area_id, day)
    rules.check_open(
        reference.zone, span.start, span.end, reference.opening_hours(policy, day, seat.area_id)
    )
    rules.seat_in_service(seat, day)
    rules.seat_in_service(seat, reference.zone.last_day(span))
