"""Rules of the waitlist: pure functions. Those named ``can_…`` return a bool and raise nothing."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import date, datetime, timedelta

from models.kernel.errors import RuleViolation
from models.kernel.zone import Zone
from models.library.entities import Seat
from models.readers.entities import Reader
from models.reservations import rules
from models.waitlist.entities import EndReason, WaitlistEnd, WaitlistEntry


def can_hold(reader: Reader | None, day: date, now: datetime) -> bool:
    """True if a seat of that day may be held for the reader: the reader is not suspended, and a
    visitor's visit includes the day. False if ``reader`` is None."""
    if reader is None:
        return False
    try:
        rules.check_reader_eligible(reader, day, now)
    except RuleViolation:
        return False
    return True


def can_be_offered(
    reader: Reader | None, day: date, used: Set[int], limit: int, now: datetime
) -> bool:
    """True if the reader could accept a seat of that day now. ``used``: the numbers that the
    reader's bookings of that day have in the daily limit."""
    if not can_hold(reader, day, now):
        return False
    try:
        rules.free_daily_number(used, limit)
    except RuleViolation:
        return False
    return True


def early_end(
    zone: Zone,
    entry: WaitlistEntry,
    seats: Iterable[Seat],
    reader: Reader | None,
    shortest: timedelta,
    now: datetime,
) -> WaitlistEnd | None:
    """The reason to end the entry early: none of its seats is in service, or its reader's
    suspension leaves less than ``shortest`` of the entry's time. None if the entry may stay."""
    if not any(entry.wants(zone, seat) for seat in seats):
        return WaitlistEnd(now, EndReason.NO_SEATS)
    until = reader.suspended_until if reader is not None else None
    if until is not None and now < until and entry.remaining(until, shortest) is None:
        return WaitlistEnd(now, EndReason.SUSPENDED, until)
    return None
