"""What a reader may do: each rule is one question with one answer or one typed refusal.

All of them are pure: facts, policy and ``now`` go in. The scarce things themselves (the seat, the
reader's half hours, the day's count) are not asked here: the claim index decides them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from models.errors import (
    Closed,
    FilterOff,
    InThePast,
    NotAdmitted,
    NothingToConfirm,
    NotOpenYet,
    OffGrid,
    OutsideHorizon,
    SeatDisabled,
    Suspended,
    TooEarly,
    TooLate,
    TooLong,
    TooOften,
    TooShort,
    WrongState,
)
from models.library import Seat
from models.policy import OpenDay, Policy, grid
from models.reader import Reader
from models.reservation import PRESENT, TRANSITIONS, Event, Reservation, State, leave_limit
from models.timerange import TimeRange, at, floor_minute, local, local_date


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader asks for; ``start`` None means 现在 (now, to the minute)."""

    day: date
    start: time | None
    end: time


def may_book(reader: Reader, day: date, now: datetime) -> None:
    """Neither suspended now nor, as a visitor, away on that day."""
    if reader.suspended_until is not None and now < reader.suspended_until:
        raise Suspended(reader.suspended_until)
    stay = reader.stay
    if stay is not None and not stay.first <= day <= stay.last:
        raise NotAdmitted(stay.first.isoformat(), stay.last.isoformat())


def seat_in_service(seat: Seat, day: date) -> None:
    reason = seat.out_of_service(day)
    if reason is not None:
        raise SeatDisabled(reason=reason)


def day_in_horizon(day: date, policy: Policy, now: datetime) -> None:
    """Today, or one of the days that can be booked ahead."""
    today = local_date(now)
    if day < today:
        raise InThePast()
    last = today + timedelta(days=policy.horizon_days)
    if day > last:
        raise OutsideHorizon(last_date=last.isoformat())


def day_bookable(day: date, policy: Policy, now: datetime) -> None:
    """The day lies within the horizon and has opened."""
    day_in_horizon(day, policy, now)
    opens_at = policy.opens_at_instant(day)
    if opens_at is not None and day > local_date(now) and now < opens_at:
        raise NotOpenYet(opens_at)


def decide_span(wish: Wish, policy: Policy, place: OpenDay, now: datetime) -> TimeRange:
    """The time that the wish stands for, or the first rule that it breaks.

    ``policy`` is the area's, ``place`` the area's hours on the wished day.

    Raises: InThePast, OutsideHorizon, NotOpenYet, Closed, OffGrid, TooShort, TooLong.
    """
    day_bookable(wish.day, policy, now)
    start = decide_start(wish, policy, now)
    end = at(wish.day, wish.end)
    hours = open_from_to(start, end, place)
    steps = grid(policy, hours)
    if wish.start is not None and start not in steps:
        raise OffGrid(step_minutes=policy.step_minutes)
    return decide_length(start, end, steps, hours, policy)


def open_from_to(start: datetime, end: datetime, place: OpenDay) -> TimeRange:
    """The opening hours in which that time lies. Raises: Closed."""
    hours = place.hours
    if hours is None:
        raise Closed(reason=place.reason)
    if start < hours.start or start >= hours.end or end > hours.end:
        raise Closed(
            reason=place.reason or None,
            open=f"{local(hours.start):%H:%M}",
            close=f"{local(hours.end):%H:%M}",
        )
    return hours


def decide_start(wish: Wish, policy: Policy, now: datetime) -> datetime:
    if wish.start is None:
        if wish.day != local_date(now):
            raise OffGrid(step_minutes=policy.step_minutes)
        return floor_minute(now)
    start = at(wish.day, wish.start)
    if start < floor_minute(now):
        raise InThePast()
    return start


def decide_length(
    start: datetime,
    end: datetime,
    steps: Iterable[datetime],
    hours: TimeRange,
    policy: Policy,
) -> TimeRange:
    if end - start < timedelta(minutes=policy.min_minutes):
        raise TooShort(min_minutes=policy.min_minutes)
    if end != hours.end and end not in steps:
        raise OffGrid(step_minutes=policy.step_minutes)
    if end - start > policy.longest:
        raise TooLong(max_minutes=policy.max_minutes)
    return TimeRange(start, end)


def start_choices(
    day: date, policy: Policy, place: OpenDay, now: datetime
) -> list[tuple[str, datetime]]:
    """(value, instant) of the starts that the rules allow: 现在 first, then the full steps ahead.

    A start is offered only where at least one end fits.
    """
    if place.hours is None:
        return []
    starts: list[tuple[str, datetime]] = []
    current = floor_minute(now)
    if local_date(now) == day and place.hours.contains(current):
        starts.append(("now", current))
    starts += [
        (f"{local(step):%H:%M}", step) for step in grid(policy, place.hours) if step > current
    ]
    return [(value, start) for value, start in starts if end_choices(start, policy, place.hours)]


def end_choices(start: datetime, policy: Policy, hours: TimeRange) -> list[datetime]:
    """The full steps after ``start`` and the closing time, between shortest and longest stay."""
    shortest = start + timedelta(minutes=policy.min_minutes)
    latest = min(start + policy.longest, hours.end)
    ends = [step for step in grid(policy, hours) if shortest <= step <= latest]
    if shortest <= hours.end <= latest:
        ends.append(hours.end)
    return ends


# --- presence -----------------------------------------------------------------------------------


def may_check_in(r: Reservation, now: datetime) -> None:
    if r.state is not State.RESERVED or now >= r.end:
        raise WrongState(state=r.state.value)
    if now < r.check_in_from:
        raise TooEarly(r.check_in_from)
    if now > r.check_in_until and not r.reported:
        raise TooLate(r.check_in_until)


def may_cancel(r: Reservation, now: datetime) -> None:
    if r.state is not State.RESERVED or (now > r.check_in_until and not r.reported):
        raise WrongState(state=r.state.value)


def may_change(r: Reservation, now: datetime) -> None:
    """Until the start; a reader whose seat is taken by somebody gets another one later, too."""
    helped = r.reported and r.state in (State.RESERVED, State.IN_USE) and now < r.end
    if not helped and (r.state is not State.RESERVED or now >= r.start):
        raise WrongState(state=r.state.value)


def may_report(r: Reservation, now: datetime) -> None:
    """Who may sit down now, or sits there, and has not said so yet."""
    if r.state is State.RESERVED:
        may_check_in(r, now)
    elif r.state is not State.IN_USE or now >= r.end:
        raise WrongState(state=r.state.value)
    if r.reported:
        raise WrongState(state="reported")


def decide_proof(r: Reservation, policy: Policy, now: datetime) -> datetime:
    """Until when the reader has to show that they are there, if nobody sits there."""
    if r.state is not State.IN_USE or now >= r.end or r.prove_by is not None:
        raise WrongState(state=r.state.value)
    return min(now + timedelta(minutes=policy.prove_minutes), r.end)


def decide_return_by(r: Reservation, policy: Policy, now: datetime) -> datetime:
    """Until when a leave that begins now may last."""
    if r.state is not State.IN_USE or now >= r.end:
        raise WrongState(state=r.state.value)
    return min(now + leave_limit(policy, now), r.end)


def may_return(r: Reservation, now: datetime) -> None:
    if r.state is not State.AWAY or now >= r.end:
        raise WrongState(state=r.state.value)
    if r.return_by is not None and now > r.return_by:
        raise TooLate(r.return_by)


def may_accept(r: Reservation, now: datetime) -> None:
    if r.state is not State.HELD or r.held_until is None or now >= r.held_until:
        raise WrongState(state=r.state.value)


def may_confirm(r: Reservation) -> None:
    if r.state not in PRESENT or r.unconfirmed is None:
        raise NothingToConfirm()


def may_finish(r: Reservation, now: datetime) -> None:
    if r.state not in PRESENT or now >= r.end:
        raise WrongState(state=r.state.value)


def may_extend(r: Reservation, policy: Policy, now: datetime) -> None:
    if r.state is not State.IN_USE or now >= r.end:
        raise WrongState(state=r.state.value)
    if r.extensions >= policy.max_extensions:
        raise TooOften(limit=policy.max_extensions)
    opens = r.end - timedelta(minutes=policy.extend_within_minutes)
    if now < opens:
        raise TooEarly(opens)


def extension_choices(
    r: Reservation, policy: Policy, place: OpenDay, now: datetime
) -> list[datetime]:
    """The later ends up to now + the longest stay, not past closing."""
    if place.hours is None:
        return []
    latest = min(now + policy.longest, place.hours.end)
    ends = [step for step in grid(policy, place.hours) if r.end < step <= latest]
    if r.end < place.hours.end <= latest:
        ends.append(place.hours.end)
    return ends


def decide_extension(
    r: Reservation, end: time, policy: Policy, place: OpenDay, now: datetime
) -> datetime:
    """The new end. Raises: WrongState, TooOften, TooEarly, Closed, OffGrid, TooLong."""
    may_extend(r, policy, now)
    wanted = at(r.date, end)
    if place.hours is None or wanted > place.hours.end:
        raise Closed(reason=place.reason or None)
    if wanted <= r.end or (wanted != place.hours.end and wanted not in grid(policy, place.hours)):
        raise OffGrid(step_minutes=policy.step_minutes)
    if wanted > now + policy.longest:
        raise TooLong(max_minutes=policy.max_minutes)
    return wanted


_ASK: Final[Mapping[Event, Callable[[Reservation, Policy, datetime], object]]] = {
    Event.CHECK_IN: lambda r, _, now: may_check_in(r, now),
    Event.CANCEL: lambda r, _, now: may_cancel(r, now),
    Event.LEAVE: decide_return_by,
    Event.RETURN: lambda r, _, now: may_return(r, now),
    Event.EXTEND: may_extend,
    Event.FINISH: lambda r, _, now: may_finish(r, now),
    Event.CHANGE: lambda r, _, now: may_change(r, now),
}
"""The rule that a reader's action is asked of."""


def actions(r: Reservation, policy: Policy, now: datetime) -> list[str]:
    """What the reader may do now, as far as the reservation itself decides it."""
    found = [
        event.value
        for event, ask in _ASK.items()
        if (r.state, event) in TRANSITIONS and _allows(ask, r, policy, now)
    ]
    if r.state in PRESENT and r.unconfirmed is not None:
        found.append("confirm")
    if _allows(lambda r, _, now: may_accept(r, now), r, policy, now):
        found += ["accept", "decline"]
    if _allows(lambda r, _, now: may_report(r, now), r, policy, now):
        found.append("report")
    return found


def _allows(
    ask: Callable[[Reservation, Policy, datetime], object],
    r: Reservation,
    policy: Policy,
    now: datetime,
) -> bool:
    try:
        ask(r, policy, now)
    except (WrongState, TooEarly, TooLate, TooOften):
        return False
    return True


# --- violations ---------------------------------------------------------------------------------


def is_violation(event: str, excused: bool, policy: Policy) -> bool:
    """Does the ended reservation count against its reader?"""
    if excused:
        return False
    return event == "no_show" or (event == "away_expired" and policy.away_timeout_is_violation)


def may_filter(wanted: Iterable[str], policy: Policy) -> None:
    """Whether seats may be looked for by these marks. Raises: FilterOff."""
    for mark in wanted:
        if not policy.may_filter_by(mark):
            raise FilterOff(filter=mark)


def still_to_come(day: Iterable[Reservation], now: datetime) -> list[Reservation]:
    """After a missed booking: the day's others that can still be cancelled, so that nobody waits
    for a reader who is not coming. ``day`` are the reader's reservations of the day."""
    rows = list(day)
    if not any(r.state is State.NO_SHOW for r in rows):
        return []
    return [r for r in rows if r.state is State.RESERVED and now <= r.check_in_until]
