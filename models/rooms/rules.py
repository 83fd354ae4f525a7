from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

from models.kernel.errors import Malformed, RuleViolation
from models.kernel.ids import ReservationId
from models.kernel.text import is_printable_line
from models.kernel.time_range import TimeRange, floor_minute
from models.kernel.zone import Zone
from models.library.rooms import RequestAnswer, Room
from models.policy.entities import Policy
from models.policy.open_hours import OpenHours
from models.readers.context import RequestContext
from models.reservations.check_in_window import check_in_window
from models.reservations.entities import HistoryEntry
from models.reservations.room_booking import RoomBooking, RoomState
from models.reservations.rules import TimeSelection
from models.rooms.errors import ApprovalNeeded, EndBeforeStart, RequestTooLate, RoomFull

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


@contextmanager
def refusals_of(room: Room) -> Iterator[None]:
    """Names the room in the details of refusals of its time, whose words then speak of a room."""
    try:
        yield
    except RuleViolation as refusal:
        refusal.details["room_id"] = room.id
        raise


def check_order(zone: Zone, wish: TimeSelection, hours: OpenHours, now: datetime) -> None:
    """Checks that the end comes after the start where the room is not open over midnight, so that
    no time of the next day can be meant. Raises: EndBeforeStart."""
    start = wish.start if wish.start is not None else zone.local(floor_minute(now)).time()
    closes = max((open.end for open in hours.intervals), default=None)
    over_midnight = closes is None or closes > zone.midnight(wish.day + timedelta(days=1))
    if time(0) < wish.end <= start and not over_midnight:
        raise EndBeforeStart()


def is_at(zone: Zone, b: RoomBooking, wish: TimeSelection, now: datetime) -> bool:
    """True if the booking is of the selected time; if that begins 现在, also of a moment ago."""
    if wish.day != b.day or (wish.start is None and now < b.span.start):
        return False
    start = zone.instant(wish.day, wish.start) if wish.start is not None else b.span.start
    return start == b.span.start and zone.next_instant(start, wish.end) == b.span.end


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
        raise Malformed("purpose", "purpose_missing")
    if purpose and not is_printable_line(purpose):
        raise Malformed("purpose", "text_not_printable")
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
        reminded_until=now,
        excused=excused,
        purpose=purpose,
        confirm_by=confirm_by,
        answer_by=answer_by if asks else None,
        unanswered=rules.unanswered,
        key=ctx.key.value if ctx.key is not None else "",
        digest=ctx.key.digest if ctx.key is not None else "",
        history=(HistoryEntry(now, "request" if asks else "reserve", ctx.actor.by, ctx.actor.via),),
    )


def is_approved(b: RoomBooking, room: Room, span: TimeRange, purpose: str) -> bool:
    """True if the booking is of that room and of all of that time already, for the same purpose:
    who approved it has approved this."""
    same = (b.room_id, b.purpose) == (room.id, purpose)
    within = b.span.start <= span.start and span.end <= b.span.end
    return b.state is RoomState.RESERVED and same and within


def booking_in_place_of(
    b: RoomBooking,
    room: Room,
    ctx: RequestContext,
    day: date,
    span: TimeRange,
    purpose: str,
    policy: Policy,
) -> RoomBooking:
    """The booking that its booker would make now in place of ``b``, for whose people it has to be
    large enough. Raises: as ``new_booking``; ApprovalNeeded; RoomFull."""
    approved = is_approved(b, room, span, purpose)
    place = replace(room, rules=replace(room.rules, unanswered=None)) if approved else room
    made = new_booking(b.id, place, ctx, day, span, purpose, policy)
    needed = b.answer_by is not None or made.state is RoomState.REQUESTED
    if b.state is RoomState.RESERVED and needed and not approved:
        raise ApprovalNeeded()
    if len(b.people) > made.most:
        raise RoomFull(most=made.most)
    return replace(made, answer_by=b.answer_by, unanswered=b.unanswered) if approved else made
