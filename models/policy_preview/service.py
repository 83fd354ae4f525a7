"""What other rules would have done to the last days, from the bookings that there were."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from models.booking.desk import Desk
from models.kernel.ids import ReservationId
from models.kernel.time_range import local_date, local_instant
from models.library.entities import AreaId
from models.policy.entities import DayHours, Policy
from models.policy_preview.simulation import (
    PastBooking,
    PolicyLookup,
    PolicySimulation,
    SimulationResult,
)
from models.readers.accommodations import Accommodation
from models.reservations.entities import Reservation
from models.reservations.transitions import check_in_window
from models.statistics.jobs import creation_window

DAYS: Final = 7
_ASKING: Final = frozenset({"reserve", "change", "accept"})
_POLITE: Final = 100
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PolicyComparison:
    """The days from ``first`` to ``last`` under the rules of today, and under others."""

    first: date
    last: date
    today: SimulationResult
    then: SimulationResult


async def compare_policies(
    desk: Desk, policies: tuple[Policy, Policy], now: datetime, wall_clock: bool
) -> PolicyComparison:
    """The last days that are over, judged by the first rules and by the second.

    ``wall_clock``: the service's clock is the one on the wall.
    """
    today = local_date(now)
    days = [today - n * _DAY for n in range(DAYS, 0, -1)]
    counts = [PolicySimulation(policy, _rules_of(desk, policy)) for policy in policies]
    first = local_instant(days[0], time())
    forgiven = await desk.violations.reservations_waived_since(first)
    for day in days:
        courses = await _past_bookings(desk, day, wall_clock, forgiven)
        for count in counts:
            for begin in range(0, len(courses), _POLITE):
                count.add(day, courses[begin : begin + _POLITE])
                await asyncio.sleep(0)
            count.finish_day()
    outcomes = []
    for policy, count in zip(policies, counts, strict=True):
        since = first - timedelta(days=policy.violations_window_days)
        outcomes.append(
            count.outcome(await desk.violations.counting_by_reader(count.readers, since, first))
        )
    return PolicyComparison(days[0], days[-1], *outcomes)


def _rules_of(desk: Desk, policy: Policy) -> PolicyLookup:
    known: dict[tuple[AreaId, date], tuple[Policy, DayHours]] = {}

    def rules_of(area_id: AreaId, day: date) -> tuple[Policy, DayHours]:
        key = (area_id, day)
        if key not in known:
            area = desk.library.areas.get(area_id)
            venue = area.venue_id if area is not None else next(iter(desk.library.venues))
            known[key] = policy.resolve(area_id, day), policy.day_hours(day, venue, area_id)
        return known[key]

    return rules_of


async def _past_bookings(
    desk: Desk, day: date, wall_clock: bool, forgiven: Container[ReservationId]
) -> Sequence[PastBooking]:
    found = []
    async for r in desk.reservations.all_on_day(day, await creation_window(desk, day, wall_clock)):
        allowance = desk.active_accommodation(r.reader_id, day)
        policy = await desk.policy_at_booking(r)
        found.append(past_booking(r, policy, allowance, r.id in forgiven))
        if len(found) % _POLITE == 0:
            await asyncio.sleep(0)
    return found


def past_booking(
    r: Reservation, policy: Policy, allowance: Accommodation, forgiven: bool
) -> PastBooking:
    """``policy`` is the one that it was made under, with what its reader is granted."""
    # Who sits there and goes to another seat keeps the time that they have.
    sat = r.checked_in_at
    asked = (e.at for e in r.history if e.event in _ASKING and (sat is None or e.at < sat))
    asked_at = max(asked, default=r.created_at)
    _, until, excused = check_in_window(r.start, r.end, asked_at, policy)
    late = r.checked_in_at is not None and r.checked_in_at > until
    return PastBooking(
        reader_id=r.reader_id,
        area_id=r.area_id,
        state=r.state,
        asked_at=asked_at,
        start=r.start,
        end=r.end,
        extended=r.extensions > 0,
        deadlines_extended=r.report is not None or late or (r.penalty_waived and not excused),
        checked_in_at=r.checked_in_at,
        allowance=allowance,
        waived=forgiven,
        temporary_leaves=_absences(r),
    )


def _absences(r: Reservation) -> tuple[tuple[datetime, datetime | None], ...]:
    found: list[tuple[datetime, datetime | None]] = []
    for entry in r.history:
        if entry.event == "leave":
            found.append((entry.at, None))
        elif found and found[-1][1] is None and entry.event in ("return", "finish", "complete"):
            found[-1] = found[-1][0], entry.at
    return tuple(found)
