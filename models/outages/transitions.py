from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from models.kernel.errors import WrongState
from models.kernel.time_range import TimeRange
from models.reservations.entities import AFTER_OUTAGE, HistoryEntry, Reservation
from models.reservations.room_booking import RoomBooking, RoomState
from models.reservations.state_machine import ReservationState


def falls_into(r: Reservation, outage: TimeRange) -> bool:
    """True if the reservation's present deadline lies in the outage or within a minute after it,
    and has not been extended for this outage yet."""
    deadlines = {
        ReservationState.RESERVED: r.check_in_until,
        ReservationState.AWAY: r.return_by,
        ReservationState.OFFERED: r.held_until,
        ReservationState.IN_USE: r.presence_due_at,
    }
    deadline = deadlines.get(r.state)
    return deadline is not None and _within(outage, deadline) and not _was_extended(r, outage)


def room_falls_into(b: RoomBooking, outage: TimeRange) -> bool:
    """True if a deadline that the booking of a room still has lies in the outage or within a
    minute after it, and has not been extended for this outage yet."""
    waits = b.state in (RoomState.REQUESTED, RoomState.RESERVED)
    deadlines = [b.check_in_until, *([b.confirm_by] if b.confirm_by is not None else [])]
    return (
        waits
        and any(_within(outage, deadline) for deadline in deadlines)
        and not _was_extended(b, outage)
    )


def _within(outage: TimeRange, deadline: datetime) -> bool:
    return outage.start < deadline <= outage.end + AFTER_OUTAGE


def _was_extended(r: Reservation | RoomBooking, outage: TimeRange) -> bool:
    return any(e.event == "outage" and e.at == outage.end for e in r.history)


def extend_deadline(r: Reservation, outage: TimeRange) -> Reservation:
    """The reservation with its present deadline extended by the outage's length: to a minute
    after the outage at least, to the reservation's end at most. To miss the extended check-in or
    return is no violation."""

    def after(deadline: datetime) -> datetime:
        return _after(deadline, outage, r.end)

    r = replace(r, rev=r.rev + 1, history=(*r.history, _entry(outage)))
    match r.state:
        case ReservationState.RESERVED:
            return replace(r, check_in_until=after(r.check_in_until), penalty_waived=True)
        case ReservationState.AWAY if r.return_by is not None:
            return replace(r, return_by=after(r.return_by), penalty_waived=True)
        case ReservationState.OFFERED if r.held_until is not None:
            return replace(r, held_until=after(r.held_until))
        case ReservationState.IN_USE if r.presence_due_at is not None:
            return replace(r, presence_due_at=after(r.presence_due_at))
    raise WrongState(state=r.state.value)


def extend_room(b: RoomBooking, outage: TimeRange) -> RoomBooking:
    """The booking of a room with those of its deadlines extended that lie in the outage or within
    a minute after it: of confirmation, and of check-in, which to miss is no violation then."""

    def after(deadline: datetime) -> datetime:
        return _after(deadline, outage, b.span.end) if _within(outage, deadline) else deadline

    until = after(b.check_in_until)
    return replace(
        b,
        check_in_until=until,
        confirm_by=after(b.confirm_by) if b.confirm_by is not None else None,
        excused=b.excused or until != b.check_in_until,
        history=(*b.history, _entry(outage)),
    )


def _after(deadline: datetime, outage: TimeRange, end: datetime) -> datetime:
    moved = deadline + outage.length if deadline <= outage.end else deadline
    return min(max(moved, outage.end + AFTER_OUTAGE), end)


def _entry(outage: TimeRange) -> HistoryEntry:
    return HistoryEntry(outage.end, "outage", "system", "job")
