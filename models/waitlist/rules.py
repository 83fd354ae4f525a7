from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import date, datetime, timedelta

from models.kernel.errors import RuleViolation
from models.library.entities import Seat
from models.readers.entities import Reader
from models.reservations import rules
from models.waitlist.entities import EndReason, WaitlistEnd, WaitlistEntry


def may_hold(reader: Reader | None, day: date, now: datetime) -> bool:
    """Whether a seat of that day may be held for the reader; False for an unknown reader."""
    if reader is None:
        return False
    try:
        rules.check_reader_eligible(reader, day, now)
    except RuleViolation:
        return False
    return True


def may_be_offered(
    reader: Reader | None, day: date, used: Set[int], limit: int, now: datetime
) -> bool:
    """Whether the reader could accept a seat of that day now. ``used``: the daily slots in use."""
    if not may_hold(reader, day, now):
        return False
    try:
        rules.free_daily_slot(used, limit)
    except RuleViolation:
        return False
    return True


def early_end(
    entry: WaitlistEntry,
    seats: Iterable[Seat],
    reader: Reader | None,
    shortest: timedelta,
    now: datetime,
) -> WaitlistEnd | None:
    """Why the entry cannot be met any more, or None: no seat that it waits for is in service, or
    its reader is suspended until less than ``shortest`` of its time is left."""
    if not any(entry.wants(seat) for seat in seats):
        return WaitlistEnd(now, EndReason.NO_SEATS)
    until = reader.suspended_until if reader is not None else None
    if until is not None and now < until and entry.remaining(until, shortest) is None:
        return WaitlistEnd(now, EndReason.SUSPENDED, until)
    return None
