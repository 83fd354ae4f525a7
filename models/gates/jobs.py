"""Gate events that came before a check-in window opened."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from models.gates.entities import complete_until
from models.gates.event_repository import GateEventRepository
from models.gates.reconciliation import GateReconciliation
from models.gates.repository import GateRepository
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import local_date, local_instant
from models.occupancy.live import LiveOccupancy
from models.reference_data import ReferenceData
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState

BATCH: Final = 500
_CUT_OFF: Final = timedelta(seconds=30)
"""An event that is open for longer was left so by a worker that died."""


class GatePresenceJob:
    """What gate events mean without another one: a window opens for a reader who is inside already,
    or their stay elsewhere ends. Also what a worker that died left undone."""

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
        self._seen: dict[tuple[ReservationId, int], datetime] = {}
        """Reservations (and their revisions) whose window is open, since when they were seen so."""
        self._asked: set[tuple[ReservationId, int]] = set()

    async def run(self, now: datetime) -> int:
        """How many reservations changed."""
        gates = await self._gates.all()
        if not any(gate.last_seen_at is not None for gate in gates):
            return 0
        told = complete_until(gates, now)
        left = await self._gate_events.left_open(now - _CUT_OFF, BATCH)
        found = await self._newly_open_check_ins(now, told)
        # In a night, who came before midnight is inside.
        since = local_instant(self._reference.joined_days(local_date(now))[0], time(0))
        came = await self._gate_events.seen(list(found), since)
        days = {(reader_id, found[reader_id]) for reader_id in came}
        days |= {(p.reader_id, local_date(p.at)) for p in left if p.reader_id is not None}
        return await self._reconciliation.reconcile_all(days, now, gates)

    async def _newly_open_check_ins(self, now: datetime, told: datetime) -> dict[ReaderId, date]:
        """Readers with a window that has opened and that was not looked at with all that the gates
        had to tell, and the day of its reservation."""
        occupancy = await self._occupancy.get_day(local_date(now))
        policy = self._reference.policy_on(local_date(now))
        before = timedelta(minutes=policy.check_in_before_minutes)
        open_now = {
            (row.id, row.rev): row
            for row in occupancy.rows.values()
            if row.state is ReservationState.RESERVED and row.booked_start - before <= now
        }
        self._seen = {key: self._seen.get(key, now) for key in open_now}
        self._asked &= open_now.keys()
        readers = dict[ReaderId, date]()
        for key, row in open_now.items():
            own = occupancy.by_reader.get(row.reader_id, ())
            if key in self._asked or any(other.state in CHECKED_IN_STATES for other in own):
                continue
            readers[row.reader_id] = local_date(row.booked_start)
            if told >= self._seen[key]:
                self._asked.add(key)
        return readers
