"""The reservation: its states, the one table of transitions, and what each transition does.

A transition is a pure function from one reservation to the next, with what else belongs to the
same update (history, outbox, claims). Whether it may happen is asked in ``models/rules.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from models.errors import WrongState
from models.library import AreaId, KioskId, SeatId, VenueId
from models.policy import Policy
from models.timerange import TimeRange, at, floor_minute, local_date

ReaderId = NewType("ReaderId", str)
ReservationId = NewType("ReservationId", str)


class State(StrEnum):
    RESERVED = "reserved"
    IN_USE = "in_use"
    AWAY = "away"
    FINISHED = "finished"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    AWAY_EXPIRED = "away_expired"
    HELD = "held"
    LAPSED = "lapsed"


class Event(StrEnum):
    CHECK_IN = "check_in"
    CANCEL = "cancel"
    CHANGE = "change"
    MISS = "miss"
    LEAVE = "leave"
    RETURN = "return"
    FINISH = "finish"
    EXTEND = "extend"
    COMPLETE = "complete"
    TIME_OUT = "time_out"
    ACCEPT = "accept"
    LAPSE = "lapse"


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.RESERVED, Event.CHECK_IN): State.IN_USE,
    (State.RESERVED, Event.CANCEL): State.CANCELLED,
    (State.RESERVED, Event.CHANGE): State.RESERVED,
    (State.RESERVED, Event.MISS): State.NO_SHOW,
    (State.IN_USE, Event.LEAVE): State.AWAY,
    (State.IN_USE, Event.CHANGE): State.IN_USE,
    (State.IN_USE, Event.FINISH): State.FINISHED,
    (State.IN_USE, Event.EXTEND): State.IN_USE,
    (State.IN_USE, Event.COMPLETE): State.COMPLETED,
    (State.AWAY, Event.RETURN): State.IN_USE,
    (State.AWAY, Event.FINISH): State.FINISHED,
    (State.AWAY, Event.TIME_OUT): State.AWAY_EXPIRED,
    (State.AWAY, Event.COMPLETE): State.COMPLETED,
    (State.HELD, Event.ACCEPT): State.RESERVED,
    (State.HELD, Event.LAPSE): State.LAPSED,
}
LIVE: Final = frozenset(state for state, _ in TRANSITIONS)
TERMINAL: Final = frozenset(State) - LIVE
PRESENT: Final = frozenset({State.IN_USE, State.AWAY})

BOOKED: Final = frozenset(State) - {State.HELD, State.LAPSED}
"""Bookings, as lists show them; an offer from the waiting list is shown there."""

AFTER_OUTAGE: Final = timedelta(minutes=1)
"""So long everybody has, at least, when what kept them away is over."""

PLACE_CLAIMS: Final = ("s:", "r:", "u:")
"""What a reservation gives back when it ends; ``n:`` stays, so the day's limit stays counted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history. ``by``: reader, system or librarian; ``via``: api, kiosk id, job."""

    at: datetime
    event: str
    by: str
    via: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the outbox: what has to be told, and the facts of that moment.

    ``change`` is the id of the change that wrote it and names it for ever; None until it is stored,
    and in what was stored before changes had ids. ``seq`` is the revision, which another change may
    take after a rollback.
    """

    seq: int
    event: str
    at: datetime
    facts: Mapping[str, object]
    change: str | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """What names it among the reservation's notices."""
        return self.change or str(self.seq)


@dataclass(frozen=True, slots=True)
class Replay:
    """An idempotency key that succeeded on this reservation."""

    key: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Assisted:
    """What a gate did last on the reader's behalf (check_in, leave, return), until they confirm it.
    Whatever they do themselves confirms it too."""

    kind: str
    at: datetime
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The reader finds their seat taken: ``occupied`` by somebody, or by ``belongings``. While it
    is ``open`` no deadline runs; it closes when they have another seat, or the desk has helped.
    The ``desk`` has still to look at ``seat_id``, also when its reader sits elsewhere by now."""

    kind: str
    at: datetime
    seat_id: SeatId
    open: bool = True
    desk: bool = True


@dataclass(frozen=True, slots=True)
class Reservation:
    """One booking, as it is stored. Times are aware UTC; ``date`` is the day of use.

    ``change`` is the id of its last change, the store's guard of the next one; that of the first is
    the reservation's own. None in what was stored before changes had ids.
    ``since``: when it took its present seat and time (made, or changed). ``usable_from``: once
    checked in, from when the reader may sit there, which can be before the start.
    """

    id: ReservationId
    rev: int
    reader_id: ReaderId
    venue_id: VenueId
    area_id: AreaId
    seat_id: SeatId
    date: date
    start: datetime
    end: datetime
    state: State
    made_at: datetime
    since: datetime
    check_in_from: datetime
    check_in_until: datetime
    policy_version: int
    claims: tuple[str, ...]
    excused: bool = False
    usable_from: datetime | None = None
    checked_in_at: datetime | None = None
    left_at: datetime | None = None
    return_by: datetime | None = None
    returned_at: datetime | None = None
    ended_at: datetime | None = None
    extensions: int = 0
    remind_at: datetime | None = None
    carry_at: datetime | None = None
    last_scan: str | None = None
    assisted: Assisted | None = None
    report: Report | None = None
    wait_id: str | None = None
    held_until: datetime | None = None
    """The offer from the waiting list stands until then."""
    prove_by: datetime | None = None
    """Another reader says that nobody sits there: until then it has to be shown otherwise."""
    replays: tuple[Replay, ...] = ()
    history: tuple[Entry, ...] = ()
    outbox: tuple[Notice, ...] = ()
    change: str | None = field(default=None, compare=False)

    @property
    def span(self) -> TimeRange:
        return TimeRange(self.start, self.end)

    @property
    def receipt(self) -> str:
        """A short number to say at the desk; the id stays the key."""
        return f"R{self.date.isoformat().replace('-', '')}{self.id[-6:].upper()}"

    @property
    def unconfirmed(self) -> str | None:
        """What a gate did and the reader has not confirmed yet."""
        assisted = self.assisted
        return assisted.kind if assisted is not None and assisted.confirmed_at is None else None

    @property
    def reported(self) -> bool:
        """The seat is taken by somebody else, and nothing has come of it yet."""
        return self.report is not None and self.report.open

    def next_state(self, event: Event) -> State:
        """Raises: WrongState where the table has no such transition."""
        try:
            return TRANSITIONS[self.state, event]
        except KeyError:
            raise WrongState(state=self.state.value) from None

    def holds(self, *prefixes: str) -> tuple[str, ...]:
        """The claims that do not begin with one of the prefixes."""
        return tuple(claim for claim in self.claims if not claim.startswith(prefixes))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who causes a change, and by which way: it is written into the history."""

    by: str
    via: str


_FACTS: Final = (
    "seat_id",
    "start",
    "end",
    "check_in_from",
    "check_in_until",
    "checked_in_at",
    "usable_from",
    "left_at",
    "return_by",
    "ended_at",
    "excused",
    "unconfirmed",
    "prove_by",
    "held_until",
)
"""What a message about this moment may need; later changes must not rewrite it."""


def facts_of(r: Reservation) -> dict[str, object]:
    return {name: getattr(r, name) for name in _FACTS}


def _advance(
    old: Reservation, new: Reservation, event: Event, actor: Actor, now: datetime, tell: str | None
) -> Reservation:
    rev = old.rev + 1
    new = replace(
        new,
        rev=rev,
        history=(*old.history, Entry(now, event.value, actor.by, actor.via)),
        assisted=_confirmed(old.assisted, now) if actor.by != "system" else old.assisted,
        report=_report_after(old.report, event),
        prove_by=old.prove_by if event is Event.EXTEND else None,
    )
    if tell is None:
        return new
    return replace(new, outbox=(*old.outbox, Notice(rev, tell, now, facts_of(new))))


def _confirmed(assisted: Assisted | None, now: datetime) -> Assisted | None:
    if assisted is None or assisted.confirmed_at is not None:
        return assisted
    return replace(assisted, confirmed_at=now)


_KEEPS_REPORT: Final = frozenset({Event.LEAVE, Event.RETURN, Event.EXTEND})


def _report_after(report: Report | None, event: Event) -> Report | None:
    if report is None or not report.open or event in _KEEPS_REPORT:
        return report
    # With another seat the reader is helped; whoever sits on this one is still there.
    return replace(report, open=False, desk=event is Event.CHANGE)


def check_in_window(
    start: datetime, end: datetime, made_at: datetime, policy: Policy
) -> tuple[datetime, datetime, bool]:
    """(from, until, excused): excused when the booking ends before the reader had the full time.

    A booking that ends within the check-in time lapses as a no-show without a violation.
    """
    opens = start - timedelta(minutes=policy.check_in_before_minutes)
    full = max(start, made_at) + timedelta(minutes=policy.check_in_after_minutes)
    return opens, min(full, end), end < full


def book(
    *,
    id: ReservationId,
    reader_id: ReaderId,
    venue_id: VenueId,
    area_id: AreaId,
    seat_id: SeatId,
    span: TimeRange,
    policy: Policy,
    claims: tuple[str, ...],
    replay: Replay | None,
    actor: Actor,
    now: datetime,
) -> Reservation:
    """A new reservation at revision 1."""
    opens, until, excused = check_in_window(span.start, span.end, now, policy)
    facts = {
        **dict.fromkeys(_FACTS),
        "seat_id": seat_id,
        "start": span.start,
        "end": span.end,
        "check_in_from": opens,
        "check_in_until": until,
        "excused": excused,
    }
    return Reservation(
        id=id,
        rev=1,
        change=id,
        reader_id=reader_id,
        venue_id=venue_id,
        area_id=area_id,
        seat_id=seat_id,
        date=local_date(span.start),
        start=span.start,
        end=span.end,
        state=State.RESERVED,
        made_at=now,
        since=now,
        check_in_from=opens,
        check_in_until=until,
        policy_version=policy.version,
        claims=claims,
        excused=excused,
        remind_at=span.start if span.start > now else None,
        replays=(replay,) if replay else (),
        history=(Entry(now, "reserve", actor.by, actor.via),),
        outbox=(Notice(1, "reserved", now, facts),),
    )


def hold(
    *,
    id: ReservationId,
    reader_id: ReaderId,
    venue_id: VenueId,
    area_id: AreaId,
    seat_id: SeatId,
    span: TimeRange,
    policy: Policy,
    claims: tuple[str, ...],
    wait_id: str,
    until: datetime,
    actor: Actor,
    now: datetime,
    tell: str = "offered",
) -> Reservation:
    """A seat held for the first in line, or for a reader whose own one the library has taken away;
    they are told, by the event ``tell``."""
    held = book(
        id=id, reader_id=reader_id, venue_id=venue_id, area_id=area_id, seat_id=seat_id, span=span,
        policy=policy, claims=claims, replay=None, actor=actor, now=now,
    )  # fmt: skip
    held = replace(
        held,
        state=State.HELD,
        wait_id=wait_id,
        held_until=until,
        remind_at=None,
        history=(Entry(now, "hold", actor.by, actor.via),),
    )
    return replace(held, outbox=(Notice(1, tell, now, facts_of(held)),))


def accept(r: Reservation, count: str, policy: Policy, actor: Actor, now: datetime) -> Reservation:
    """The reader takes what was held; where its time has begun it begins at this minute. ``count``
    is its place among the day's bookings."""
    start = max(r.start, floor_minute(now))
    opens, until, excused = check_in_window(start, r.end, now, policy)
    new = replace(
        r,
        state=r.next_state(Event.ACCEPT),
        start=start,
        since=now,
        held_until=None,
        check_in_from=opens,
        check_in_until=until,
        excused=excused,
        policy_version=policy.version,
        claims=(*r.claims, count),
        remind_at=start if start > now else None,
    )
    return _advance(r, new, Event.ACCEPT, actor, now, "reserved")


def lapse(r: Reservation, actor: Actor, when: datetime) -> Reservation:
    """The offer was not taken, or not wanted. That costs nothing. The reader is told where it was
    the library that took it back."""
    new = replace(
        r,
        state=r.next_state(Event.LAPSE),
        ended_at=when,
        held_until=None,
        claims=r.holds(*PLACE_CLAIMS),
    )
    tell = "taken_back" if actor.by == "librarian" else None
    return _advance(r, new, Event.LAPSE, actor, when, tell)


def change(
    r: Reservation,
    *,
    area_id: AreaId,
    seat_id: SeatId,
    span: TimeRange,
    policy: Policy,
    claims: tuple[str, ...],
    actor: Actor,
    now: datetime,
) -> Reservation:
    """Another seat or another time, all in one update. The day's place (``n:``) is kept."""
    state = r.next_state(Event.CHANGE)
    opens, until, excused = check_in_window(span.start, span.end, now, policy)
    new = replace(
        r,
        state=state,
        area_id=area_id,
        seat_id=seat_id,
        start=span.start,
        end=span.end,
        since=now,
        check_in_from=opens,
        check_in_until=until,
        excused=excused,
        policy_version=policy.version,
        claims=claims,
        remind_at=span.start if span.start > now else None,
    )
    return _advance(r, new, Event.CHANGE, actor, now, "reserved")


def move(
    r: Reservation,
    *,
    area_id: AreaId,
    seat_id: SeatId,
    claims: tuple[str, ...],
    actor: Actor,
    now: datetime,
) -> Reservation:
    """To another seat in the middle of the stay: its own is taken by somebody. Time and everything
    else stay as they are."""
    new = replace(
        r,
        state=r.next_state(Event.CHANGE),
        area_id=area_id,
        seat_id=seat_id,
        since=now,
        claims=claims,
    )
    return _advance(r, new, Event.CHANGE, actor, now, None)


def report(r: Reservation, kind: str, actor: Actor, now: datetime) -> Reservation:
    """The seat is taken by somebody else. No change of state."""
    return replace(
        r,
        rev=r.rev + 1,
        report=Report(kind, now, r.seat_id),
        assisted=_confirmed(r.assisted, now),
        history=(*r.history, Entry(now, "report", actor.by, actor.via)),
    )


def resolve(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The desk has freed the seat: the time that it took is added to the reader's deadline."""
    assert r.report is not None
    new = replace(
        r,
        rev=r.rev + 1,
        report=replace(r.report, open=False, desk=False),
        history=(*r.history, Entry(now, "resolve", actor.by, actor.via)),
    )
    if not r.report.open:
        return new  # the reader has another seat by now
    if r.state is State.AWAY:
        assert r.return_by is not None and r.left_at is not None
        lost = now - max(r.report.at, r.left_at)
        return replace(new, return_by=min(r.return_by + lost, r.end))
    if r.state is State.RESERVED:
        until = min(r.check_in_until + (now - r.report.at), r.end)
        return replace(new, check_in_until=max(until, r.check_in_until))
    return new


def doubt(r: Reservation, claim: str, until: datetime, actor: Actor, now: datetime) -> Reservation:
    """Somebody says that nobody sits there. ``claim`` is the reader's one question of the day."""
    rev = r.rev + 1
    new = replace(
        r,
        rev=rev,
        prove_by=until,
        claims=(*r.claims, claim),
        history=(*r.history, Entry(now, "doubt", actor.by, actor.via)),
    )
    return replace(new, outbox=(*r.outbox, Notice(rev, "doubted", now, facts_of(new))))


def prove(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The reader has shown that they are there."""
    return replace(
        r,
        rev=r.rev + 1,
        prove_by=None,
        history=(*r.history, Entry(now, "prove", actor.by, actor.via)),
    )


def left_unproven(r: Reservation, return_by: datetime, policy: Policy, actor: Actor) -> Reservation:
    """Nobody has shown up: it counts as left when the time was over. That is no violation."""
    assert r.prove_by is not None
    return leave(replace(r, excused=True), return_by, policy, actor, r.prove_by)


def cancel(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The reader is told where it was the library that did it."""
    new = replace(
        r,
        state=r.next_state(Event.CANCEL),
        ended_at=now,
        remind_at=None,
        claims=r.holds(*PLACE_CLAIMS, "n:"),
    )
    tell = "called_off" if actor.by == "librarian" else None
    return _advance(r, new, Event.CANCEL, actor, now, tell)


def check_in(
    r: Reservation,
    presence: str,
    early_claims: tuple[str, ...],
    policy: Policy,
    actor: Actor,
    now: datetime,
) -> Reservation:
    """``presence`` is the reader's one place to be (``u:``); ``early_claims`` are the slots before
    the start where the reader may sit down at once. What excused the check-in excuses no leave."""
    new = replace(
        r,
        state=r.next_state(Event.CHECK_IN),
        checked_in_at=now,
        excused=False,
        usable_from=now if early_claims else r.start,
        claims=tuple(dict.fromkeys((*r.claims, presence, *early_claims))),
        remind_at=_ending_soon(r.end, policy, now),
    )
    return _advance(r, new, Event.CHECK_IN, actor, now, "checked_in")


def leave(
    r: Reservation, return_by: datetime, policy: Policy, actor: Actor, now: datetime
) -> Reservation:
    new = replace(
        r,
        state=r.next_state(Event.LEAVE),
        left_at=now,
        return_by=return_by,
        returned_at=None,
    )
    new = replace(new, remind_at=reminder_of(new, policy, now))
    return _advance(r, new, Event.LEAVE, actor, now, "left")


def come_back(r: Reservation, policy: Policy, actor: Actor, now: datetime) -> Reservation:
    new = replace(
        r,
        state=r.next_state(Event.RETURN),
        returned_at=now,
        return_by=None,
        excused=False,
        remind_at=_ending_soon(r.end, policy, now),
    )
    return _advance(r, new, Event.RETURN, actor, now, None)


def finish(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    return _end(r, Event.FINISH, actor, now, "ended")


def extend(
    r: Reservation,
    end: datetime,
    claims: tuple[str, ...],
    policy: Policy,
    actor: Actor,
    now: datetime,
) -> Reservation:
    new = replace(
        r,
        state=r.next_state(Event.EXTEND),
        end=end,
        extensions=r.extensions + 1,
        claims=claims,
        remind_at=_ending_soon(end, policy, now),
    )
    return _advance(r, new, Event.EXTEND, actor, now, None)


def miss(r: Reservation, actor: Actor) -> Reservation:
    """The effect carries the instant when it was due, however late the job ran."""
    return _end(r, Event.MISS, actor, r.check_in_until, "no_show")


def time_out(r: Reservation, actor: Actor) -> Reservation:
    """What a gate alone has said makes no violation."""
    assert r.return_by is not None
    excused = r.excused or r.unconfirmed == "leave"
    return _end(replace(r, excused=excused), Event.TIME_OUT, actor, r.return_by, "away_expired")


def complete(r: Reservation, actor: Actor) -> Reservation:
    """Who sits there to the end may be carried over into a booking that begins then."""
    ended = _end(r, Event.COMPLETE, actor, r.end, "ended")
    return replace(ended, carry_at=r.end) if r.state is State.IN_USE else ended


def _end(r: Reservation, event: Event, actor: Actor, when: datetime, tell: str) -> Reservation:
    new = replace(
        r,
        state=r.next_state(event),
        ended_at=when,
        remind_at=None,
        claims=r.holds(*PLACE_CLAIMS),
    )
    return _advance(r, new, event, actor, when, tell)


def confirm(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The reader says that it is as the gate has it. No change of state."""
    return replace(
        r,
        rev=r.rev + 1,
        assisted=_confirmed(r.assisted, now),
        history=(*r.history, Entry(now, "confirm", actor.by, actor.via)),
    )


def remind(r: Reservation, due: datetime) -> Reservation:
    """The reminder of the present state is written to the outbox once. No change of state."""
    tell = {
        State.RESERVED: "check_in_reminder",
        State.IN_USE: "ending_soon",
        State.AWAY: "leave_reminder",
    }[r.state]
    rev = r.rev + 1
    return replace(
        r, rev=rev, remind_at=None, outbox=(*r.outbox, Notice(rev, tell, due, facts_of(r)))
    )


def falls_into(r: Reservation, outage: TimeRange) -> bool:
    """Was its reader to do something in the outage, or right after it, and has not been given time
    for it yet?"""
    deadlines = {
        State.RESERVED: r.check_in_until,
        State.AWAY: r.return_by,
        State.HELD: r.held_until,
        State.IN_USE: r.prove_by,
    }
    deadline = deadlines.get(r.state)
    if deadline is None or not outage.start < deadline <= outage.end + AFTER_OUTAGE:
        return False
    return not any(e.event == "outage" and e.at == outage.end for e in r.history)


def forgive_outage(r: Reservation, outage: TimeRange) -> Reservation:
    """The deadline that fell into the outage moves by its length, and none ends within a minute
    after it. A reader who misses it nevertheless gets no violation."""

    def after(deadline: datetime) -> datetime:
        moved = deadline + outage.length if deadline <= outage.end else deadline
        return min(max(moved, outage.end + AFTER_OUTAGE), r.end)

    entry = Entry(outage.end, "outage", "system", "job")
    r = replace(r, rev=r.rev + 1, history=(*r.history, entry))
    match r.state:
        case State.RESERVED:
            return replace(r, check_in_until=after(r.check_in_until), excused=True)
        case State.AWAY if r.return_by is not None:
            return replace(r, return_by=after(r.return_by), excused=True)
        case State.HELD if r.held_until is not None:
            return replace(r, held_until=after(r.held_until))
        case State.IN_USE if r.prove_by is not None:
            return replace(r, prove_by=after(r.prove_by))
    raise WrongState(state=r.state.value)


def with_replay(r: Reservation, replay: Replay, claim: str) -> Reservation:
    """The same update also remembers the idempotency key that asked for it."""
    return replace(r, replays=(*r.replays, replay), claims=(*r.claims, claim))


def with_scan(r: Reservation, claim: str) -> Reservation:
    """The same update also uses up the kiosk's code for this reader."""
    return replace(r, last_scan=claim, claims=(*r.claims, claim))


def reminder_of(r: Reservation, policy: Policy, now: datetime) -> datetime | None:
    """When the reader has to be reminded in the present state, if that is still to come."""
    match r.state:
        case State.RESERVED:
            return r.remind_at
        case State.IN_USE:
            return _ending_soon(r.end, policy, now)
        case State.AWAY if r.return_by is not None:
            remind = r.return_by - timedelta(minutes=policy.leave_reminder_minutes)
            return remind if remind > now else None
    return None


def _ending_soon(end: datetime, policy: Policy, now: datetime) -> datetime | None:
    remind = end - timedelta(minutes=policy.ending_soon_minutes)
    return remind if remind > now else None


def leave_limit(policy: Policy, left_at: datetime) -> timedelta:
    """How long the reader may stay away: the meal limit when the short leave touches a meal."""
    short = timedelta(minutes=policy.leave_minutes)
    away = TimeRange(left_at, left_at + short)
    day = local_date(left_at)
    touches = any(
        away.overlaps(TimeRange(at(day, begin), at(day, stop))) for begin, stop in policy.meals
    )
    return timedelta(minutes=policy.meal_leave_minutes) if touches else short


def scan_claim(kiosk_id: KioskId, step: int, reader_id: ReaderId) -> str:
    return f"k:{kiosk_id}:{step}:{reader_id}"
