"""The rules for booking, changing, cancelling and accepting offers: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import date, datetime, time, timedelta

from models.kernel.errors import WrongState
from models.kernel.records import record
from models.kernel.time_range import (
    TimeRange,
    floor_minute,
)
from models.kernel.zone import Zone
from models.library.entities import Seat
from models.policy.entities import Policy, time_steps
from models.policy.open_hours import OpenHours
from models.readers.entities import Reader
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import (
    Closed,
    DailyLimit,
    InThePast,
    NotAdmitted,
    NotOpenYet,
    OffGrid,
    OutsideHorizon,
    SeatDisabled,
    Suspended,
    TooLong,
    TooShort,
)
from models.reservations.state_machine import ReservationState


@record
class TimeSelection:
    """The time that a reader selects. ``start``: None stands for 现在 (now, cut to the minute).
    ``end``: a time of day; its first instant after the start is meant, even on the next day."""

    day: date
    start: time | None
    end: time


def check_reader_eligible(reader: Reader, day: date, now: datetime) -> None:
    """Checks the reader. Raises: Suspended; NotAdmitted for a day outside a visitor's stay."""
    if reader.suspended_until is not None and now < reader.suspended_until:
        raise Suspended(reader.suspended_until, reader.suspended_for)
    stay = reader.stay
    if stay is not None and not stay.first <= day <= stay.last:
        raise NotAdmitted(stay.first.isoformat(), stay.last.isoformat())


def seat_in_service(seat: Seat, day: date) -> None:
    reason = seat.unavailable_reason(day)
    if reason is not None:
        raise SeatDisabled(reason=reason)


def day_in_horizon(zone: Zone, day: date, days_ahead: int, now: datetime) -> None:
    """Checks that the day is within the booking window. Raises: InThePast; OutsideHorizon."""
    today = zone.day(now)
    if day < today:
        raise InThePast()
    last = today + timedelta(days=days_ahead)
    if day > last:
        raise OutsideHorizon(last_date=last.isoformat())


def check_date_bookable(zone: Zone, day: date, policy: Policy, now: datetime) -> None:
    """Checks that the day is within the booking window and its booking has opened. Raises:
    InThePast; OutsideHorizon; NotOpenYet."""
    day_in_horizon(zone, day, policy.booking_window_days, now)
    opens_at = policy.opens_at_instant(zone, day)
    if opens_at is not None and day > zone.day(now) and now < opens_at:
        raise NotOpenYet(opens_at=opens_at)


def resolve_time(
    zone: Zone, wish: TimeSelection, policy: Policy, place: OpenHours, now: datetime
) -> TimeRange:
    """The selected time. ``policy`` and ``place``: rules and opening hours of the area on that
    day. Raises: InThePast, OutsideHorizon, NotOpenYet, Closed, OffGrid, TooShort, TooLong."""
    check_date_bookable(zone, wish.day, policy, now)
    return choose_time(zone, wish, policy, place, now)


def choose_time(
    zone: Zone, wish: TimeSelection, policy: Policy, place: OpenHours, now: datetime
) -> TimeRange:
    """The selected time on a day that is bookable. Raises: as ``resolve_time``."""
    start = decide_start(zone, wish, policy, now)
    end = zone.next_instant(start, wish.end)
    must_be_shown(zone, end, wish.end, policy)
    hours = check_open(zone, start, end, place)
    steps = time_steps(zone, policy, hours)
    if wish.start is not None and start not in steps:
        raise OffGrid(step_minutes=policy.step_minutes)
    return decide_length(start, end, steps, hours, policy)


def check_open(zone: Zone, start: datetime, end: datetime, place: OpenHours) -> TimeRange:
    """The opening hours that contain all of ``start`` to ``end``. Raises: Closed if none do."""
    if not place.intervals:
        raise Closed(reason=place.reason)
    hours = place.upcoming(start) or place.intervals[-1]
    if start < hours.start or start >= hours.end or end > hours.end:
        raise Closed(
            reason=place.reason or None,
            open=f"{zone.local(hours.start):%H:%M}",
            close=f"{zone.local(hours.end):%H:%M}",
        )
    return hours


def decide_start(zone: Zone, wish: TimeSelection, policy: Policy, now: datetime) -> datetime:
    if wish.start is None:
        if wish.day != zone.day(now):
            raise OffGrid(step_minutes=policy.step_minutes)
        return floor_minute(now)
    start = zone.instant(wish.day, wish.start)
    must_be_shown(zone, start, wish.start, policy)
    if start < floor_minute(now):
        raise InThePast()
    return start


def must_be_shown(zone: Zone, instant: datetime, clock_time: time, policy: Policy) -> None:
    """Checks that the library's clocks show the chosen time at ``instant`` and do not jump over
    it. Raises: OffGrid."""
    if zone.local(instant).time() != clock_time:
        raise OffGrid(step_minutes=policy.step_minutes, left_out=f"{clock_time:%H:%M}")


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


def may_cancel(r: Reservation, now: datetime) -> None:
    """Checks that the booking can be cancelled. Raises: WrongState."""
    if r.state is not ReservationState.RESERVED or now > r.check_in_until:
        raise WrongState(state=r.state.value)


def may_change(r: Reservation, now: datetime, *, by_staff: bool = False) -> None:
    """Checks that a booking may be changed to another seat or time: before its start or, if the
    reader has an open report or the staff act, before its end. A holder of a season keeps the seat
    and the hours of the season. Raises: WrongState."""
    helped = (
        (r.has_open_report or by_staff)
        and r.state in (ReservationState.RESERVED, ReservationState.IN_USE)
        and now < r.end
    )
    changeable = r.state is ReservationState.RESERVED and now < r.start and r.season_id is None
    if not helped and not changeable:
        raise WrongState(state=r.state.value)


def may_accept(r: Reservation, now: datetime) -> None:
    """Checks that the offer can be accepted. Raises: WrongState."""
    if r.state is not ReservationState.OFFERED or r.held_until is None or now >= r.held_until:
        raise WrongState(state=r.state.value)


def kept_time(old: Reservation, new: Reservation) -> TimeRange | None:
    """The time for which ``new`` still holds ``old``'s seat; None if ``new`` does not hold it."""
    keeps = any(claim.startswith(ClaimKind.SEAT.prefix) for claim in new.claims)
    return new.span if keeps and new.seat_id == old.seat_id else None


def gives_seat_back(old: Reservation, new: Reservation) -> bool:
    remaining = kept_time(old, new)
    return remaining is None or remaining.start > old.start or remaining.end < old.end


def cancellable_today(day: Iterable[Reservation], now: datetime) -> list[Reservation]:
    """The reader's bookings that are cancelled after a no-show on the same day, so that their
    seats do not stay empty, too. ``day``: all of the reader's reservations of the day."""
    rows = list(day)
    if not any(r.state is ReservationState.NO_SHOW for r in rows):
        return []
    return [r for r in rows if r.state is ReservationState.RESERVED and now <= r.check_in_until]


def free_daily_number(used: Set[int], limit: int) -> int:
    """The lowest number, 1…limit, that none of the reader's bookings of the day has. Raises:
    DailyLimit."""
    for daily_number in range(1, limit + 1):
        if daily_number not in used:
            return daily_number
    raise DailyLimit(limit=limit)
