from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import AreaId, Catalog, SeatId
from models.occupancy.live import LiveOccupancy
from models.policy.entities import Policy
from models.policy.open_hours import OpenHours, open_hours
from models.policy.repository import PolicyRepository
from models.reader_groups.entities import NO_LIMITS, GroupLimits
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.party import NOBODY
from models.reservations.state_machine import ReservationState


@dataclass(frozen=True, slots=True)
class Availability:
    zone: Zone
    policy: Policy
    library: Catalog
    _resolved: dict[tuple[AreaId, date], tuple[Policy, OpenHours]] = field(default_factory=dict)

    def can_seat(self, seat_id: SeatId, start: datetime, end: datetime) -> bool:
        seat = self.library.seats.get(seat_id)
        days = {self.zone.day(start), self.zone.last_day(TimeRange(start, end))}
        if seat is None or any(seat.unavailable_reason(day) is not None for day in days):
            return False
        return self.is_open(seat.area_id, start, end)

    def is_open(self, area_id: AreaId, start: datetime, end: datetime) -> bool:
        return self._of(area_id, self.zone.day(start))[1].covers(start, end)

    def has_length(
        self, seat_id: SeatId, start: datetime, end: datetime, limits: GroupLimits = NO_LIMITS
    ) -> bool:
        """True if the time is neither shorter nor longer than a stay on the seat may be.
        ``limits``: those of the reader's groups."""
        seat = self.library.all_seats.get(seat_id)
        if seat is None:
            return True
        day, length = self.zone.day(start), end - start
        policy = self._of(seat.area_id, day)[0]
        if limits is not NO_LIMITS:
            venue_id = self.library.venue_of(seat.area_id)
            policy = limits.apply_to(policy, self.policy, venue_id, seat.area_id, day)
        return timedelta(minutes=policy.min_minutes) <= length <= policy.longest

    def _of(self, area_id: AreaId, day: date) -> tuple[Policy, OpenHours]:
        key = (area_id, day)
        if key not in self._resolved:
            venue = self.library.areas[area_id].venue_id
            hours = open_hours(self.zone, self.policy, day, venue, area_id)
            policy = self.policy.resolve(self.library.venue_of(area_id), area_id, day)
            self._resolved[key] = policy, hours
        return self._resolved[key]


class AffectedBookings:
    def __init__(
        self,
        reservations: ReservationRepository,
        policies: PolicyRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
        readers: ReaderRepository,
    ) -> None:
        self._reservations, self._policies, self._readers = reservations, policies, readers
        self._occupancy, self._reference = occupancy, reference

    def availability(self) -> Availability:
        return Availability(self._reference.zone, self._reference.policy, self._reference.catalog)

    async def find_unplaceable(self, now: datetime) -> list[OccupancyRow]:
        """Live reservations whose seat or time the present plans and hours do not allow,
        earliest first: the staff kept them, or a worker stored them before it knew of a change."""
        today = self.availability()
        unplaceable = [r for r in await self.upcoming(now) if not _placed(today, r)]
        return sorted(unplaceable, key=_order)

    async def find_affected(
        self, policy: Policy, catalog: Catalog, now: datetime
    ) -> list[OccupancyRow]:
        """Live reservations that the present policy and plans allow but ``policy`` and
        ``catalog`` do not, the earliest first. Bookings that become too long or too short are
        among them. (``find_unplaceable`` does not look at the length, since a booking that is
        kept keeps the limits it was made under.)"""
        before, after = self.availability(), Availability(self._reference.zone, policy, catalog)
        affected_rows, rows = [], await self.upcoming(now)
        limits = await self._group_limits(rows)
        for r in rows:
            if not _placed(after, r):
                affected = _placed(before, r)
            else:
                reserved, own = r.state is ReservationState.RESERVED, limits.get(r.id, NO_LIMITS)
                affected = reserved and _sized(before, r, own) and not _sized(after, r, own)
            if affected:
                affected_rows.append(r)
        return sorted(affected_rows, key=_order)

    async def _group_limits(
        self, rows: Sequence[OccupancyRow]
    ) -> Mapping[ReservationId, GroupLimits]:
        reference = self._reference
        if all(g.limits.max_minutes is None for g in reference.groups.by_id.values()):
            return {}
        readers = await self._readers.many({row.reader_id for row in rows})
        return {
            row.id: reference.limits_of(
                readers.get(row.reader_id), self._reference.zone.day(row.booked_start)
            )
            for row in rows
        }

    async def upcoming(self, now: datetime) -> list[OccupancyRow]:
        """All live reservations that end after ``now``, in no particular order. The search goes
        as far ahead as the longest booking window there has been. Seats that are held for friends
        are left out: none is held for long, and accepting one checks the rules again."""
        bookable = self._reference.policy.bookable_dates(self._reference.zone, now, None)
        farthest = await self._policies.farthest_horizon()
        ahead = (bookable[0] + timedelta(days=n) for n in range(farthest + 1))
        days = [d for d in ahead if d in bookable or await self._reservations.has_live(d)]
        occupancies = [await self._occupancy.get_day(day) for day in days]
        # A booking over midnight appears in both of its days.
        rows = {row.id: row for day in occupancies for row in day.rows.values()}
        return [row for row in rows.values() if row.end > now and row.reader_id != NOBODY]


def _placed(availability: Availability, row: OccupancyRow) -> bool:
    return availability.can_seat(row.seat_id, row.booked_start, row.end)


def _sized(availability: Availability, row: OccupancyRow, limits: GroupLimits) -> bool:
    return availability.has_length(row.seat_id, row.booked_start, row.end, limits)


def _order(row: OccupancyRow) -> tuple[datetime, SeatId]:
    return row.booked_start, row.seat_id
