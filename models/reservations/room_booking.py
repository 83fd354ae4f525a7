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
from models.reservations.claims import (
    reader_claims,
    room_claims,
    room_key_claim,
    room_week_claim,
)
from models.reservations.entities import HistoryEntry, Reservation
from models.reservations.errors import TooEarly, TooFewPeople, TooLate
from models.reservations.state_machine import ReservationState
from models.text_checks.entities import TextVerdict


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
    CHANGE = "change"
    RESERVE = "reserve"
    EXTEND = "extend"


TRANSITIONS: Final[Mapping[tuple[RoomState, RoomEvent], RoomState]] = {
    (RoomState.REQUESTED, RoomEvent.APPROVE): RoomState.RESERVED,
    (RoomState.REQUESTED, RoomEvent.DECLINE): RoomState.DECLINED,
    (RoomState.REQUESTED, RoomEvent.CANCEL): RoomState.CANCELLED,
    (RoomState.REQUESTED, RoomEvent.RELEASE): RoomState.RELEASED,
    (RoomState.REQUESTED, RoomEvent.CHANGE): RoomState.REQUESTED,
    (RoomState.REQUESTED, RoomEvent.RESERVE): RoomState.RESERVED,
    (RoomState.RESERVED, RoomEvent.CHECK_IN): RoomState.IN_USE,
    (RoomState.RESERVED, RoomEvent.CANCEL): RoomState.CANCELLED,
    (RoomState.RESERVED, RoomEvent.RELEASE): RoomState.RELEASED,
    (RoomState.RESERVED, RoomEvent.MARK_NO_SHOW): RoomState.NO_SHOW,
    (RoomState.RESERVED, RoomEvent.CHANGE): RoomState.RESERVED,
    (RoomState.IN_USE, RoomEvent.FINISH): RoomState.FINISHED,
    (RoomState.IN_USE, RoomEvent.COMPLETE): RoomState.COMPLETED,
    (RoomState.IN_USE, RoomEvent.EXTEND): RoomState.IN_USE,
}
LIVE: Final = frozenset(state for state, _ in TRANSITIONS)
_RESULT: Final = {event: to for (state, event), to in TRANSITIONS.items() if state is not to}
"""The state in which an event has happened already; a change of the time can follow another."""


class RoomReminder(StrEnum):
    """The kinds of reminders of a booking."""

    PEOPLE = "people"
    CHECK_IN_OPENS = "opens"
    CHECK_IN_ENDS = "ends"


_SYSTEM: Final = Actor("system", "job")
_NEWS: Final = frozenset(
    {
        *(RoomEvent.APPROVE, RoomEvent.DECLINE, RoomEvent.RELEASE),
        *(RoomEvent.CANCEL, RoomEvent.MARK_NO_SHOW),
    }
)
"""The events of which somebody of the booking learns by a message."""
CHANGES: Final = frozenset({RoomEvent.CHANGE, RoomEvent.RESERVE, RoomEvent.EXTEND})
"""The events by which a booking gets another room or time."""
_REMIND_BEFORE: Final = timedelta(hours=1)
"""The booker is reminded of people who lack so long before the deadline of confirmation."""
_WAS_USED: Final = frozenset({RoomState.FINISHED, RoomState.COMPLETED})
_PLACED: Final = (
    *("room_id", "room_rev", "venue_id", "day", "span", "buffer", "least", "most", "purpose"),
    *("check_in_from", "check_in_until", "excused", "confirm_by", "answer_by", "unanswered"),
)
"""The fields that depend on the room and the time, and on the rules at the moment of the choice."""


@dataclass(frozen=True, slots=True)
class RoomTime:
    """A room in a time."""

    room_id: RoomId
    span: TimeRange


@dataclass(frozen=True, slots=True)
class RoomBooking:
    """A booking of a room, as stored.

    `people`: who has confirmed, the booker first. `number`: that of the booking among the booker's
    of the week; 0 after an erasure. `buffer`: after the stay the room stays empty for so long, by
    the room's rules in their revision `room_rev`. `confirm_by`: the booking is released if by then
    fewer than `least` people have confirmed; None: nobody need confirm, or enough had. `answer_by`:
    without an answer by then the request gets `unanswered`. `excused`: a no-show is no violation.
    `news_due`: its people have yet to learn what has become of it, and a no-show has yet to be
    recorded as a violation. `changed_from`: where it was before a change of which those who have
    confirmed have yet to learn. `reminded_until`: reminders of that instant and of earlier ones are
    sent or no longer needed. `kiosk_code`: the claim of the code by which somebody has checked in.
    `verdict`: of the check of `purpose`. `key`, `digest`: of the request that made it, if it had an
    idempotency key; empty after an erasure. `change`: as of a reservation.
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
    reminded_until: datetime
    excused: bool
    purpose: str = ""
    verdict: TextVerdict = TextVerdict.UNCHECKED
    confirm_by: datetime | None = None
    answer_by: datetime | None = None
    unanswered: RequestAnswer | None = None
    reason: str = ""
    checked_in_at: datetime | None = None
    ended_at: datetime | None = None
    news_due: bool = False
    changed_from: RoomTime | None = None
    kiosk_code: str | None = None
    key: str = ""
    digest: str = ""
    history: tuple[HistoryEntry, ...] = ()

    @property
    def booker(self) -> ReaderId:
        return self.people[0]

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def untold(self) -> bool:
        """True if some of its people have yet to learn what has become of it."""
        return self.news_due or self.changed_from is not None

    @property
    def lacks_people(self) -> bool:
        """True if it will be released unless more people confirm."""
        waits = self.state in (RoomState.REQUESTED, RoomState.RESERVED)
        return waits and self.confirm_by is not None and len(self.people) < self.least

    @property
    def deadline(self) -> datetime | None:
        """The first instant at which a job changes the booking's present state; None if no job
        does."""
        instants = [self.confirm_by if self.lacks_people else None]
        match self.state:
            case RoomState.REQUESTED:
                instants.append(self.answer_by)
            case RoomState.RESERVED:
                instants.append(self.check_in_until)
            case RoomState.IN_USE:
                instants.append(self.span.end)
        return min((instant for instant in instants if instant is not None), default=None)

    @property
    def reminders(self) -> Mapping[datetime, RoomReminder]:
        """The reminders that are left in the present state, each at its instant."""
        at: dict[datetime, RoomReminder] = {}
        if self.lacks_people and self.confirm_by is not None:
            at[self.confirm_by - _REMIND_BEFORE] = RoomReminder.PEOPLE
        elif self.state is RoomState.RESERVED:
            at[self.check_in_from] = RoomReminder.CHECK_IN_OPENS
            at[self.span.start] = RoomReminder.CHECK_IN_ENDS
        return {instant: what for instant, what in at.items() if instant > self.reminded_until}

    @property
    def due_at(self) -> datetime | None:
        """The first instant at which a job acts on the booking in its present state; None if no
        job does."""
        instants = [*self.reminders]
        if self.deadline is not None:
            instants.append(self.deadline)
        if self.untold:
            instants.append(self.history[-1].at)
        return min(instants, default=None)

    def reminder_at(self, now: datetime) -> datetime | None:
        """The instant of the reminder to be sent now, the latest of several; None if there is
        none, or if the deadline of which it would remind has passed."""
        if self.deadline is not None and now >= self.deadline:
            return None
        return max((instant for instant in self.reminders if instant <= now), default=None)

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
            *((room_key_claim(self.booker, self.key),) if self.key else ()),
        )


def advance(
    b: RoomBooking, event: RoomEvent, actor: Actor, at: datetime, reason: str = ""
) -> RoomBooking:
    """The booking after ``event``. A repeated event changes nothing. Raises: WrongState."""
    if b.state is _RESULT.get(event):
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
        reminded_until=max(b.reminded_until, at),
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


def may_change(b: RoomBooking, now: datetime) -> None:
    """Checks that another room or time can be chosen: before the stay. Raises: WrongState; TooLate
    after the deadline of people who lack, or of the answer to a request."""
    if b.state not in (RoomState.REQUESTED, RoomState.RESERVED) or now >= b.span.start:
        raise WrongState(state=b.state.value)
    answer_by = b.answer_by if b.state is RoomState.REQUESTED else None
    for deadline in (b.confirm_by if b.lacks_people else None, answer_by):
        if deadline is not None and now >= deadline:
            raise TooLate(deadline)


def changed(b: RoomBooking, to: RoomBooking, actor: Actor, now: datetime) -> RoomBooking:
    """The booking in the room and the time of ``to``, one that its booker would make now; its
    people come along. It is a request if ``to`` is one. Raises: as ``may_change``."""
    may_change(b, now)
    new = advance(b, RoomEvent.CHANGE if b.state is to.state else RoomEvent.RESERVE, actor, now)
    return replace(_moved(b, new), **{name: getattr(to, name) for name in _PLACED})


def extended(b: RoomBooking, span: TimeRange, actor: Actor, now: datetime) -> RoomBooking:
    """The booking in use with a later end. Raises: WrongState, also after its end."""
    if now >= b.span.end:
        raise WrongState(state=b.state.value)
    return replace(_moved(b, advance(b, RoomEvent.EXTEND, actor, now)), span=span)


def _moved(b: RoomBooking, new: RoomBooking) -> RoomBooking:
    """``new`` with the news for those who have confirmed, if there are any."""
    was = b.changed_from or RoomTime(b.room_id, b.span)
    return replace(new, changed_from=was if len(b.people) > 1 else None)


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
    due = b.deadline
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
