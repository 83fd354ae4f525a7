from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from models.gates.entities import complete_until
from models.gates.event_repository import GateEventRepository
from models.gates.reconciliation import GateReconciliation
from models.gates.repository import GateRepository
from models.kernel.ids import ReaderId, ReservationId
from models.occupancy.live import LiveOccupancy
from models.reference_data import ReferenceData
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState

BATCH: Final = 500
_CUT_OFF: Final = timedelta(seconds=30)
"""An event without a stored effect after this time was left by a worker that died."""


class GatePresenceJob:
    """Applies passages that had no effect when they were reported: earlier passages, once the
    check-in of a booking opens or the reader's stay at another seat ends; and passages that were
    left by workers that died."""

    def __init__(
        self,
        gates: GateRepository,
        gate_events: GateEventRepository,
        reconciliation: GateReconciliation,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
    ) -> None:
        self._gates, self._gate_events = gates, gate_events
        self._reconciliation, self._occupancy = reconciliation, occupancy
        self._reference = reference
        self._open_since: dict[tuple[ReservationId, int], datetime] = {}
        """When this worker first saw that a reservation can be checked in, by id and revision."""
        self._examined: set[tuple[ReservationId, int]] = set()

    async def run(self, now: datetime) -> int:
        """Applies passages that have an effect now; returns the number of changed reservations."""
        gates = await self._gates.all()
        if not any(gate.last_seen_at is not None for gate in gates):
            return 0
        reported_until = complete_until(gates, now)
        left = await self._gate_events.left_open(now - _CUT_OFF, BATCH)
        day_of_reader = await self._newly_open_check_ins(now, reported_until)
        # In opening hours over midnight, readers who came the evening before are inside.
        since = self._reference.zone.midnight(
            self._reference.joined_days(self._reference.zone.day(now))[0]
        )
        came = await self._gate_events.passed_since(list(day_of_reader), since)
        days = {(reader_id, day_of_reader[reader_id]) for reader_id in came}
        days |= {
            (p.reader_id, self._reference.zone.day(p.at)) for p in left if p.reader_id is not None
        }
        return await self._reconciliation.reconcile_all(days, now, gates)

    def _before(self, row: OccupancyRow, now: datetime) -> timedelta:
        """The time before its start from which the reservation can be checked in."""
        reference, day = self._reference, self._reference.zone.day(now)
        seat = reference.catalog.all_seats.get(row.seat_id)  # another worker may have added it
        policy = reference.policy_for(seat.area_id, day) if seat else reference.policy_on(day, None)
        return timedelta(minutes=policy.check_in_before_minutes)

    async def _newly_open_check_ins(
        self, now: datetime, reported_until: datetime
    ) -> dict[ReaderId, date]:
        """Readers with a booking that can be checked in now, with the day of the booking. Leaves
        out readers who are checked in elsewhere, and bookings already examined when all passages
        up to the opening of their check-in were known."""
        occupancy = await self._occupancy.get_day(self._reference.zone.day(now))
        open_now = {
            (row.id, row.rev): row
            for row in occupancy.rows.values()
            if row.state is ReservationState.RESERVED
            and row.booked_start - self._before(row, now) <= now
        }
        self._open_since = {key: self._open_since.get(key, now) for key in open_now}
        self._examined &= open_now.keys()
        readers = dict[ReaderId, date]()
        for key, row in open_now.items():
            own = occupancy.by_reader.get(row.reader_id, ())
            if key in self._examined or any(other.state in CHECKED_IN_STATES for other in own):
                continue
            readers[row.reader_id] = self._reference.zone.day(row.booked_start)
            if reported_until >= self._open_since[key]:
                self._examined.add(key)
        return readers
