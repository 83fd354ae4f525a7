"""The rules for check-in, leave, return, renewal and finish: pure functions. Those named
``may_…`` return nothing and raise an error if the action is not allowed."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from models.check_in.errors import (
    EndNotEarlier,
    NothingToConfirm,
    TooOften,
    WrongSeat,
    WrongVenue,
)
from models.kernel.errors import WrongState
from models.kernel.time_range import (
    TimeRange,
)
from models.kernel.zone import Zone
from models.policy.entities import Policy, time_steps
from models.policy.open_hours import OpenHours
from models.reservations.entities import Reservation
from models.reservations.errors import Closed, OffGrid, TooEarly, TooLate, TooLong
from models.reservations.presence import PresenceProof
from models.reservations.rules import must_be_shown
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState

_DAY: Final = timedelta(days=1)


def may_check_in(r: Reservation, now: datetime) -> None:
    """Checks that the reader may check in now. While a report of an occupied seat is open, the
    deadline is ignored. ``check_in_until`` is set by the booking
    (``reservations/transitions.py``); an outage or a closed report extends it. Raises:
    WrongState, TooEarly, TooLate."""
    if r.state is not ReservationState.RESERVED or now >= r.end:
        raise WrongState(state=r.state.value)
    if now < r.check_in_from:
        raise TooEarly(r.check_in_from)
    if now > r.check_in_until and not r.has_open_report:
        raise TooLate(r.check_in_until)


def must_show_presence_at(proof: PresenceProof, r: Reservation) -> None:
    """Checks that the proof of presence is for the reservation's venue and, if it names a seat,
    for its seat. Raises: WrongSeat, WrongVenue."""
    if proof.seat_id not in (None, r.seat_id):
        raise WrongSeat(seat_id=proof.seat_id)
    if proof.venue_id != r.venue_id:
        raise WrongVenue()


def may_report(r: Reservation, now: datetime) -> None:
    """Checks that the reader may report the seat as occupied: the reader may check in now or is
    using the seat, and has no open report. Raises: WrongState, TooEarly, TooLate."""
    if r.state is ReservationState.RESERVED:
        may_check_in(r, now)
    elif r.state is not ReservationState.IN_USE or now >= r.end:
        raise WrongState(state=r.state.value)
    if r.has_open_report:
        raise WrongState(state="reported")


def asks_for_presence(r: Reservation) -> bool:
    """True if a checked-in reader has yet to prove presence: the seat was reported as empty, the
    staff are to look at it, or a carry-over checked the reader in."""
    return r.presence_due_at is not None or r.patrol_at is not None or r.presence is None


def waits_for_presence(r: Reservation) -> bool:
    """True if a proof of presence would change a live reservation: the reader is not checked in,
    is on leave or has yet to prove presence."""
    return r.state is not ReservationState.IN_USE or asks_for_presence(r)


def presence_check_deadline(r: Reservation, policy: Policy, now: datetime) -> datetime:
    """The deadline for a proof of presence after a report of an empty seat, at most the end of
    the stay. Raises: WrongState if the reader is not using the seat or such a deadline already
    runs."""
    if r.state is not ReservationState.IN_USE or now >= r.end or r.presence_due_at is not None:
        raise WrongState(state=r.state.value)
    return min(now + timedelta(minutes=policy.presence_check_minutes), r.end)


def decide_return_by(zone: Zone, r: Reservation, policy: Policy, now: datetime) -> datetime:
    """The instant until which the reader must return from a leave that begins now: at most the
    end of the stay. Raises: WrongState."""
    if r.state is not ReservationState.IN_USE or now >= r.end:
        raise WrongState(state=r.state.value)
    return min(now + leave_duration(zone, policy, now), r.end)


def leave_duration(zone: Zone, policy: Policy, left_at: datetime) -> timedelta:
    """The allowed length of a leave that begins at ``left_at``. It is the length of a meal if an
    ordinary leave would overlap with a meal time."""
    short = timedelta(minutes=policy.leave_minutes)
    away = TimeRange(left_at, left_at + short)
    first, last = zone.day(left_at), zone.last_day(away)
    touches = any(
        away.overlaps(TimeRange(began, zone.next_instant(began, stop)))
        for begin, stop in policy.meal_times
        # A meal time over midnight may have begun on the day before.
        for day in {first - timedelta(days=stop <= begin), first, last}
        for began in (zone.instant(day, begin),)
    )
    return timedelta(minutes=policy.meal_leave_minutes) if touches else short


def may_return(r: Reservation, now: datetime) -> None:
    """Checks that the reader may return from the leave. Raises: WrongState, TooLate."""
    if r.state is not ReservationState.AWAY or now >= r.end:
        raise WrongState(state=r.state.value)
    if r.return_by is not None and now > r.return_by:
        raise TooLate(r.return_by)


def may_confirm(r: Reservation) -> None:
    """Checks that a gate's action waits for the reader's confirmation. Raises:
    NothingToConfirm."""
    if r.state not in CHECKED_IN_STATES or r.pending_confirmation is None:
        raise NothingToConfirm()


def may_finish(r: Reservation, now: datetime) -> None:
    """Checks that the reader may give the seat back. Raises: WrongState."""
    if r.state not in CHECKED_IN_STATES or now >= r.end:
        raise WrongState(state=r.state.value)


def may_extend(r: Reservation, policy: Policy, now: datetime) -> None:
    """Checks that the stay may be renewed now, to whichever end. Raises: WrongState, TooOften,
    TooEarly."""
    if r.state is not ReservationState.IN_USE or now >= r.end:
        raise WrongState(state=r.state.value)
    opens = renewal_opens(r, policy)
    if opens is None:
        raise TooOften(limit=policy.max_extensions)
    if now < opens:
        raise TooEarly(opens)


def renewal_opens(r: Reservation, policy: Policy) -> datetime | None:
    """The instant from which the stay may be renewed; None if it was renewed as often as
    allowed."""
    if r.extensions >= policy.max_extensions:
        return None
    return r.end - timedelta(minutes=policy.extend_within_minutes)


def may_shorten(zone: Zone, r: Reservation, policy: Policy, now: datetime) -> None:
    """Checks that the stay can be shortened: a time step lies between now and its end. Raises:
    WrongState."""
    last = zone.last_step(r.end, policy.step_minutes)
    if r.state is not ReservationState.IN_USE or last is None or last <= max(now, r.start):
        raise WrongState(state=r.state.value)


def earlier_ends(
    zone: Zone, r: Reservation, policy: Policy, place: OpenHours, now: datetime
) -> list[datetime]:
    """The time steps to which the stay can be shortened: before its end, and after both now and
    its start. ``place``: the area's opening hours."""
    hours = _hours_of_stay(zone, r, place, now)
    if hours is None:
        return []
    return [step for step in time_steps(zone, policy, hours) if max(now, r.start) < step < r.end]


def earlier_end(
    zone: Zone, r: Reservation, end: time, policy: Policy, place: OpenHours, now: datetime
) -> datetime:
    """The new end of a stay that is shortened to the time of day ``end``: the first such instant
    from now on. ``place``: the area's opening hours. Raises: WrongState, EndNotEarlier, OffGrid."""
    may_shorten(zone, r, policy, now)
    new_end = zone.next_instant(max(now, r.start), end)
    must_be_shown(zone, new_end, end, policy)
    if new_end >= r.end:
        raise EndNotEarlier()
    if new_end not in earlier_ends(zone, r, policy, place, now):
        raise OffGrid(step_minutes=policy.step_minutes)
    return new_end


def _hours_of_stay(zone: Zone, r: Reservation, place: OpenHours, now: datetime) -> TimeRange | None:
    """The opening hours that contain the present time or, before the stay's start, that start.
    They are cut at the end of the following day, since a stay can touch two days at most. None
    if the area is closed at that time."""
    hours = place.containing(max(r.start, now))
    limit = zone.midnight(r.date + 2 * _DAY)
    if hours is None or hours.end <= limit:
        return hours
    return TimeRange(hours.start, limit) if hours.start < limit else None


def renewal_choices(
    zone: Zone, r: Reservation, policy: Policy, place: OpenHours, now: datetime
) -> list[datetime]:
    """The later ends to which the rules allow a stay to be renewed: not after the closing time,
    and at most the longest stay after now. ``place``: the area's opening hours."""
    hours = _hours_of_stay(zone, r, place, now)
    if hours is None:
        return []
    latest = min(now + policy.longest, hours.end)
    ends = [step for step in time_steps(zone, policy, hours) if r.end < step <= latest]
    if r.end < hours.end <= latest:
        ends.append(hours.end)
    return ends


def renewal_end(
    zone: Zone, r: Reservation, end: time, policy: Policy, place: OpenHours, now: datetime
) -> datetime:
    """The new end of a stay that is renewed to the time of day ``end``: the first such instant
    after the present end. ``place``: the area's opening hours. Raises: WrongState, TooOften,
    TooEarly, Closed, OffGrid, TooLong."""
    may_extend(r, policy, now)
    new_end, hours = zone.next_instant(r.end, end), _hours_of_stay(zone, r, place, now)
    must_be_shown(zone, new_end, end, policy)
    day_before = zone.instant(zone.day(new_end) - _DAY, end)
    if hours is not None and hours.end < new_end and hours.start <= day_before:
        # The reader meant a time within these hours that is before the present end, not one
        # tomorrow.
        raise OffGrid(step_minutes=policy.step_minutes)
    if hours is None or new_end > hours.end:
        raise Closed(reason=place.reason or None)
    if new_end != hours.end and new_end not in time_steps(zone, policy, hours):
        raise OffGrid(step_minutes=policy.step_minutes)
    if new_end > now + policy.longest:
        raise TooLong(max_minutes=policy.max_minutes)
    return new_end
