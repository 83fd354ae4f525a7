"""Bookings of study rooms (研修间): their states, their claims, and the next state of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.errors import WrongState
from models.kernel.ids import Actor, ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import AreaId, SeatId, VenueId
from models.library.rooms import RequestAnswer, RoomId
from models.reservations.claims import reader_claims, room_claims, room_week_claim
from models.reservations.entities import HistoryEntry, Reservation
from models.reservations.errors import TooEarly, TooFewPeople, TooLate
from models.reservations.state_machine import ReservationState


class RoomState(StrEnum):
    REQUESTED = "requested"
    DECLINED = "declined"
    RESERVED = "reserved"
    IN_USE = "in_use"
    FINISHED = "finished"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    RELEASED = "released"
    NO_SHOW = "no_show"


class RoomEvent(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    CHECK_IN = "check_in"
    FINISH = "finish"
    COMPLETE = "complete"
    CANCEL = "cancel"
    RELEASE = "release"
    MARK_NO_SHOW = "miss"


TRANSITIONS: Final[Mapping[tuple[RoomState, RoomEvent], RoomState]] = {
    (RoomState.REQUESTED, RoomEvent.APPROVE): RoomState.RESERVED,
    (RoomState.REQUESTED, RoomEvent.DECLINE): RoomState.DECLINED,
    (RoomState.REQUESTED, RoomEvent.CANCEL): RoomState.CANCELLED,
    (RoomState.REQUESTED, RoomEvent.RELEASE): RoomState.RELEASED,
    (RoomState.RESERVED, RoomEvent.CHECK_IN): RoomState.IN_USE,
    (RoomState.RESERVED, RoomEvent.CANCEL): RoomState.CANCELLED,
    (RoomState.RESERVED, RoomEvent.RELEASE): RoomState.RELEASED,
    (RoomState.RESERVED, RoomEvent.MARK_NO_SHOW): RoomState.NO_SHOW,
    (RoomState.IN_USE, RoomEvent.FINISH): RoomState.FINISHED,
    (RoomState.IN_USE, RoomEvent.COMPLETE): RoomState.COMPLETED,
}
LIVE: Final = frozenset(state for state, _ in TRANSITIONS)
_RESULT: Final = {event: state for (_, event), state in TRANSITIONS.items()}
_SYSTEM: Final = Actor("system", "job")
_NEWS: Final = frozenset(
    {
        *(RoomEvent.APPROVE, RoomEvent.DECLINE, RoomEvent.RELEASE),
        *(RoomEvent.CANCEL, RoomEvent.MARK_NO_SHOW),
    }
)
"""The events of which somebody of the booking learns by a message."""
_WAS_USED: Final = frozenset({RoomState.FINISHED, RoomState.COMPLETED})


@dataclass(frozen=True, slots=True)
class RoomBooking:
    """A booking of a room, as stored.

    `people`: who has confirmed, the booker first. `number`: that of the booking among the booker's
    of the week; 0 after an erasure. `buffer`: after the stay the room stays empty for so long, by
    the room's rules in their revision `room_rev`. `confirm_by`: the booking is released if by then
    fewer than `least` people have confirmed; None: nobody need confirm, or enough had. `answer_by`:
    without an answer by then the request gets `unanswered`. `excused`: a no-show is no violation.
    `news_due`: its people have yet to learn what has become of it, and a no-show has yet to be
    recorded as a violation. `kiosk_code`: the claim of the code
    by which somebody has checked in. `change`: as of a reservation.
    """

    id: ReservationId
    change: str
    room_id: RoomId
    room_rev: int
    venue_id: VenueId
    day: date
    span: TimeRange
    state: RoomState
    people: tuple[ReaderId, ...]
    number: int
    made_at: datetime
    buffer: timedelta
    least: int
    most: int
    check_in_from: datetime
    check_in_until: datetime
    excused: bool
    purpose: str = ""
    confirm_by: datetime | None = None
    answer_by: datetime | None = None
    unanswered: RequestAnswer | None = None
    reason: str = ""
    checked_in_at: datetime | None = None
    ended_at: datetime | None = None
    news_due: bool = False
    kiosk_code: str | None = None
    history: tuple[HistoryEntry, ...] = ()

    @property
    def booker(self) -> ReaderId:
        return self.people[0]

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def lacks_people(self) -> bool:
        """True if it will be released unless more people confirm."""
        waits = self.state in (RoomState.REQUESTED, RoomState.RESERVED)
        return waits and self.confirm_by is not None and len(self.people) < self.least

    @property
    def due_at(self) -> datetime | None:
        """The first instant at which a job acts on the booking in its present state; None if no
        job does."""
        instants = [self.confirm_by if self.lacks_people else None]
        match self.state:
            case RoomState.REQUESTED:
                instants.append(self.answer_by)
            case RoomState.RESERVED:
                instants.append(self.check_in_until)
            case RoomState.IN_USE:
                instants.append(self.span.end)
        if self.news_due:
            instants.append(self.history[-1].at)
        return min((instant for instant in instants if instant is not None), default=None)

    @property
    def room_time(self) -> TimeRange | None:
        """The time in which nobody else can have the room: the stay with its buffer. None if the
        booking holds the room no more, or has never used it."""
        if not self.live and (self.state not in _WAS_USED or not self.buffer):
            return None
        end = min(self.ended_at or self.span.end, self.span.end) + self.buffer
        return TimeRange(self.span.start, end) if self.span.start < end else None

    @property
    def _counts(self) -> bool:
        """True if it counts in the booker's week."""
        if self.state is RoomState.CANCELLED and self.ended_at is not None:
            return self.number > 0 and self.ended_at >= self.span.start
        return self.number > 0 and self.state not in (RoomState.DECLINED, RoomState.RELEASED)

    def missed_stay(self) -> Reservation:
        """The no-show as a reservation of a seat with the room's id, for the list of violations,
        which clients have known for longer than rooms."""
        return Reservation(
            id=self.id,
            rev=1,
            reader_id=self.booker,
            venue_id=self.venue_id,
            area_id=AreaId(""),
            seat_id=SeatId(self.room_id),
            date=self.day,
            start=self.span.start,
            end=self.span.end,
            state=ReservationState.NO_SHOW,
            created_at=self.made_at,
            placed_at=self.made_at,
            check_in_from=self.check_in_from,
            check_in_until=self.check_in_until,
            policy_version=0,
            claims=(),
            ended_at=self.ended_at,
        )

    def claims(self, zone: Zone) -> tuple[str, ...]:
        """The claims of the room's time, of each person's while the booking is live, of its
        number in the booker's week, and of the code that was used."""
        room_time, people = self.room_time, self.people if self.live else ()
        return (
            *(room_claims(zone, self.room_id, room_time) if room_time is not None else ()),
            *((room_week_claim(self.booker, self.day, self.number),) if self._counts else ()),
            *(claim for person in people for claim in reader_claims(zone, person, self.span)),
            *((self.kiosk_code,) if self.kiosk_code is not None else ()),
        )


def advance(
    b: RoomBooking, event: RoomEvent, actor: Actor, at: datetime, reason: str = ""
) -> RoomBooking:
    """The booking after ``event``. A repeated event changes nothing. Raises: WrongState."""
    if b.state is _RESULT[event]:
        return b
    try:
        state = TRANSITIONS[b.state, event]
    except KeyError:
        raise WrongState(state=b.state.value) from None
    return replace(
        b,
        state=state,
        reason=reason or b.reason,
        news_due=b.news_due or event in _NEWS,
        ended_at=None if state in LIVE else at,
        history=(*b.history, HistoryEntry(at, event.value, actor.by, actor.via)),
    )


def cancelled(b: RoomBooking, actor: Actor, now: datetime, reason: str = "") -> RoomBooking:
    """The cancelled booking. Raises: WrongState, also after the check-in deadline."""
    if b.state is RoomState.RESERVED and now >= b.check_in_until:
        raise WrongState(state=b.state.value)
    return advance(b, RoomEvent.CANCEL, actor, now, reason)


def confirmed(b: RoomBooking, person: ReaderId, now: datetime) -> RoomBooking:
    """The booking with a further person, who has confirmed. Raises: WrongState; TooLate after the
    deadline of a booking that lacks people."""
    if person in b.people:
        return b
    if not b.live or now >= b.span.end:
        raise WrongState(state=b.state.value)
    if b.lacks_people and b.confirm_by is not None and now >= b.confirm_by:
        raise TooLate(b.confirm_by)
    return replace(b, people=(*b.people, person))


def withdrawn(b: RoomBooking, person: ReaderId, now: datetime) -> RoomBooking:
    """The booking without the person. Who withdraws after the deadline takes the room from nobody
    else. Raises: WrongState."""
    if person not in b.people:
        return b
    if not b.live or person == b.booker:
        raise WrongState(state=b.state.value)
    settled = not b.lacks_people and b.confirm_by is not None and now >= b.confirm_by
    others = tuple(each for each in b.people if each != person)
    return replace(b, people=others, confirm_by=None if settled else b.confirm_by)


def checked_in(b: RoomBooking, code: str | None, actor: Actor, now: datetime) -> RoomBooking:
    """The booking in use. ``code``: the claim of the kiosk code that was scanned. Raises:
    WrongState, TooEarly, TooLate; TooFewPeople while it lacks people."""
    new = advance(b, RoomEvent.CHECK_IN, actor, now)
    if new is b:
        return b
    if now < b.check_in_from:
        raise TooEarly(b.check_in_from)
    if now >= b.check_in_until:
        raise TooLate(b.check_in_until)
    if b.lacks_people:
        raise TooFewPeople(least=b.least)
    return replace(new, checked_in_at=now, kiosk_code=code)


def settled(b: RoomBooking, now: datetime) -> RoomBooking:
    """The booking after the deadline that has passed at ``now``, at the instant at which it was
    due; unchanged if none has."""
    due = b.due_at
    if due is None or now < due:
        return b
    if b.lacks_people and due == b.confirm_by:
        return advance(b, RoomEvent.RELEASE, _SYSTEM, due)
    match b.state:
        case RoomState.REQUESTED:
            approve = b.unanswered is RequestAnswer.APPROVE
            return advance(b, RoomEvent.APPROVE if approve else RoomEvent.DECLINE, _SYSTEM, due)
        case RoomState.RESERVED:
            return advance(b, RoomEvent.MARK_NO_SHOW, _SYSTEM, due)
        case RoomState.IN_USE:
            return advance(b, RoomEvent.COMPLETE, _SYSTEM, due)
    return b
