from __future__ import annotations

import asyncio
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from models.kernel.ids import ReservationId
from models.library.entities import AreaId
from models.policy.entities import Policy, PolicyOverride
from models.policy.open_hours import OpenHours, open_hours
from models.policy.repository import PolicyRepository
from models.policy_preview.simulation import (
    PastBooking,
    PolicyLookup,
    PolicySimulation,
    SimulationResult,
)
from models.readers.accommodations import Accommodation
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.check_in_window import check_in_window
from models.reservations.entities import Reservation
from models.statistics.service import creation_window
from models.violations.repository import ViolationRepository

DAYS: Final = 7
_ASKING: Final = frozenset({"reserve", "change", "accept"})
_POLITE: Final = 100
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PolicyComparison:
    """The past days from `first` to `last`, judged by today's policy and by another one."""

    first: date
    last: date
    today: SimulationResult
    then: SimulationResult


class PolicyPreviewService:
    def __init__(
        self,
        reservations: ReservationRepository,
        violations: ViolationRepository,
        policies: PolicyRepository,
        reference: ReferenceData,
        *,
        wall_clock: bool,
    ) -> None:
        """``wall_clock``: True if business time is real time. Then reservations' ids, which
        begin with the time of their creation, bound the search for a day's bookings."""
        self._reservations, self._violations = reservations, violations
        self._policies, self._reference = policies, reference
        self._wall_clock = wall_clock

    async def compare_policies(
        self, policies: tuple[Policy, Policy], now: datetime
    ) -> PolicyComparison:
        """Judges the last ``DAYS`` completed days by each of the two policies."""
        today = self._reference.zone.day(now)
        days = [today - n * _DAY for n in range(DAYS, 0, -1)]
        simulations = [
            PolicySimulation(self._reference.zone, policy, self._lookup(policy))
            for policy in policies
        ]
        first = self._reference.zone.midnight(days[0])
        waived = await self._violations.reservations_waived_since(first)
        for day in days:
            bookings = await self._past_bookings(day, waived)
            for simulation in simulations:
                for begin in range(0, len(bookings), _POLITE):
                    simulation.add(day, bookings[begin : begin + _POLITE])
                    await asyncio.sleep(0)
                simulation.finish_day()
        results = []
        for policy, simulation in zip(policies, simulations, strict=True):
            windows = (policy.resolve(None, None, day).violations_window_days for day in days)
            since = first - timedelta(days=max(windows))
            counting = await self._violations.counting_by_reader(simulation.readers, since, days[0])
            results.append(simulation.outcome(counting))
        return PolicyComparison(days[0], days[-1], *results)

    def _lookup(self, policy: Policy) -> PolicyLookup:
        catalog = self._reference.catalog
        cache: dict[tuple[AreaId, date], tuple[Policy, OpenHours]] = {}

        def lookup(area_id: AreaId, day: date) -> tuple[Policy, OpenHours]:
            key = (area_id, day)
            if key not in cache:
                area = catalog.areas.get(area_id)
                venue = area.venue_id if area is not None else next(iter(catalog.venues))
                hours = open_hours(self._reference.zone, policy, day, venue, area_id)
                cache[key] = policy.resolve(catalog.venue_of(area_id), area_id, day), hours
            return cache[key]

        return lookup

    async def _past_bookings(
        self, day: date, waived: Container[ReservationId]
    ) -> Sequence[PastBooking]:
        bookings = []
        made = await creation_window(self._reference.zone, self._policies, day, self._wall_clock)
        async for r in self._reservations.all_on_day(day, made):
            accommodation = self._reference.active_accommodation(r.reader_id, day)
            policy = await self._reference.policy_version_for(
                r.policy_version, r.area_id, r.date, r.reader_id
            )
            bookings.append(past_booking(r, policy, accommodation, r.id in waived))
            if len(bookings) % _POLITE == 0:
                await asyncio.sleep(0)
        return bookings


def under_override(policy: Policy, override: PolicyOverride, today: date) -> Policy:
    """The policy as if the override, planned for later, had applied on the compared days."""
    last = today if override.last is not None else None
    then = replace(override, first=today - DAYS * _DAY, last=last)
    return replace(policy, rule_sets=(*policy.rule_sets, then))


def past_booking(
    r: Reservation, policy: Policy, allowance: Accommodation, forgiven: bool
) -> PastBooking:
    """The reservation in the form that ``PolicySimulation`` judges. ``policy``: the policy under
    which it was made, with the reader's accommodation. ``forgiven``: its violation was waived."""
    # A reader who changes seats after check-in keeps the booked time: no new request counts.
    sat = r.checked_in_at
    requests = (e.at for e in r.history if e.event in _ASKING and (sat is None or e.at < sat))
    asked_at = max(requests, default=r.created_at)
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
    absences: list[tuple[datetime, datetime | None]] = []
    for entry in r.history:
        if entry.event == "leave":
            absences.append((entry.at, None))
        elif (
            absences and absences[-1][1] is None and entry.event in ("return", "finish", "complete")
        ):
            absences[-1] = absences[-1][0], entry.at
    return tuple(absences)
