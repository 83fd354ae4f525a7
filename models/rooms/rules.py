from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from models.kernel.errors import Malformed
from models.kernel.ids import ReservationId
from models.kernel.text import is_printable_line
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.rooms import RequestAnswer, Room
from models.policy.entities import Policy
from models.policy.open_hours import OpenHours
from models.readers.context import RequestContext
from models.reservations.check_in_window import check_in_window
from models.reservations.entities import HistoryEntry
from models.reservations.room_booking import RoomBooking, RoomState
from models.rooms.errors import RequestTooLate

_ANSWER_BEFORE: Final = timedelta(hours=1)
"""A request has its answer so long before the start at the latest."""
_CONFIRM_WITHIN: Final = timedelta(minutes=10)
"""The people of a booking have at least so long to confirm, unless its check-in ends before."""
CLAIMS_KEPT_FOR: Final = timedelta(days=8)
"""Ended bookings keep their claims for so long after their day, to count those of a week."""


def policy_of(room: Room, venue: Policy) -> Policy:
    """The policy of the room's venue with the room's own step and lengths."""
    rules = room.rules
    return replace(
        venue,
        step_minutes=rules.step_minutes,
        min_minutes=rules.min_minutes,
        max_minutes=rules.max_minutes,
    )


def hours_of(zone: Zone, room: Room, day: date, venue: OpenHours) -> OpenHours:
    """The opening hours of the room on that day, from those of its venue."""
    if room.hours is None:
        return venue
    first, last = (zone.instant(day, clock) for clock in room.hours)
    within = [
        TimeRange(max(hours.start, first), min(hours.end, last))
        for hours in venue.intervals
        if max(hours.start, first) < min(hours.end, last)
    ]
    return replace(venue, intervals=tuple(within))


def is_in_time(room: Room, start: datetime, now: datetime) -> bool:
    """False if the request could only be declined: nobody need answer it any more."""
    return room.rules.unanswered is not RequestAnswer.DECLINE or now < start - _ANSWER_BEFORE


def new_booking(
    id: ReservationId,
    room: Room,
    ctx: RequestContext,
    day: date,
    span: TimeRange,
    purpose: str,
    policy: Policy,
) -> RoomBooking:
    """A booking, or a request where the room needs an approval that can still be given in time.
    Raises: Malformed without a purpose that is needed; RequestTooLate."""
    rules, now = room.rules, ctx.now
    if rules.purpose_wanted and not purpose:
        raise Malformed("purpose", "text_missing")
    if purpose and not is_printable_line(purpose):
        raise Malformed("purpose", "must be one line of printable characters")
    answer_by = span.start - _ANSWER_BEFORE
    asks = rules.unanswered is not None and now < answer_by
    if not is_in_time(room, span.start, now):
        raise RequestTooLate(until=answer_by)
    opens, until, excused = check_in_window(span.start, span.end, now, policy)
    confirm_by = None
    if rules.confirm_minutes is not None and room.least > 1:
        before = span.start - timedelta(minutes=rules.confirm_minutes)
        confirm_by = min(max(before, now + _CONFIRM_WITHIN), until)
    return RoomBooking(
        id=id,
        change=id,
        room_id=room.id,
        room_rev=room.rev,
        venue_id=room.venue_id,
        day=day,
        span=span,
        state=RoomState.REQUESTED if asks else RoomState.RESERVED,
        people=(ctx.reader.id,),
        number=1,
        made_at=now,
        buffer=timedelta(minutes=rules.buffer_minutes),
        least=room.least,
        most=room.most,
        check_in_from=opens,
        check_in_until=until,
        excused=excused,
        purpose=purpose,
        confirm_by=confirm_by,
        answer_by=answer_by if asks else None,
        unanswered=rules.unanswered,
        history=(HistoryEntry(now, "request" if asks else "reserve", ctx.actor.by, ctx.actor.via),),
    )
