from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from models.booking.writer import ReservationWriter
from models.gates.entities import (
    Direction,
    Gate,
    GateEvent,
    GateId,
    PresenceEffect,
    complete_until,
    gates_in,
)
from models.gates.event_repository import GateEventRepository, Judged
from models.gates.replay import derive_presence
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState
from models.violations.service import ViolationService

_AT_ONCE: Final = 16
_ROUNDS: Final = 8
_DAY: Final = timedelta(days=1)
_NO_EFFECTS: Final[Mapping[str, PresenceEffect]] = {}

Effects = dict[str, tuple[PresenceEffect, ReservationId | None]]
"""The effect of each event, by its id, with the id of the reservation that it changed, if any."""


class GateReconciliation:
    def __init__(
        self,
        gate_events: GateEventRepository,
        reservations: ReservationRepository,
        writer: ReservationWriter,
        violations: ViolationService,
        reference: ReferenceData,
    ) -> None:
        self._gate_events, self._reservations = gate_events, reservations
        self._writer, self._violations, self._reference = writer, violations, reference

    async def reconcile_all(
        self, days: Iterable[tuple[ReaderId, date]], now: datetime, gates: Sequence[Gate]
    ) -> int:
        """Brings the readers' reservations on these days up to date with their gate events.
        ``gates``: all gates of the library. Returns the number of changed reservations."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(reader_id: ReaderId, day: date) -> int:
            async with room:
                return await self._reconcile(reader_id, day, now, gates)

        return sum(await asyncio.gather(*(one(reader_id, day) for reader_id, day in days)))

    async def _reconcile(
        self, reader_id: ReaderId, day: date, now: datetime, gates: Sequence[Gate]
    ) -> int:
        changed = 0
        for _ in range(_ROUNDS):
            # Reservations are read before events: an event added later meets a changed revision.
            near = await self._reservations.near_day(self._reference.zone, reader_id, day)
            first, last = days_of_stays(self._reference.zone, near, day)
            begin, end = (
                self._reference.zone.midnight(first),
                self._reference.zone.midnight(last + _DAY),
            )
            rows = [r for r in near if r.end > begin and min(r.start, r.check_in_from) < end]
            since = min((self._inside_since(r) for r in _candidates(rows, now)), default=begin)
            events = await self._gate_events.of_day(reader_id, min(begin, since), end)
            effects: Effects = {}
            written = await self._apply_presence(rows, events, effects, now, gates)
            if written is None:
                continue  # changed concurrently: try again
            changed += written
            of_days = [p for p in events if p.at >= begin]
            judged = await self._event_effects(rows, of_days, effects, gates)
            await self._gate_events.settle(judged)
            break
        return changed

    def _inside_since(self, r: Reservation) -> datetime:
        """The instant from which passages show whether the reader is inside: midnight, or the
        last closing before the reservation. At a closing, readers may leave without a passage."""
        day, policy = r.date, self._reference.policy
        if r.area_id in self._reference.catalog.areas:
            hours = self._reference.opening_hours(policy, day, r.area_id).containing(r.start)
            if hours is not None:
                day = self._reference.zone.day(hours.start)
                before = self._reference.opening_hours(policy, day, r.area_id).intervals
                ended = [other.end for other in before if other.end <= hours.start]
                return max([self._reference.zone.midnight(day), *ended])
        return self._reference.zone.midnight(day)

    def _proving_gates(self, venue_id: VenueId, gates: Sequence[Gate]) -> frozenset[GateId]:
        """The ids of the venue's gates; none if its gates do not prove presence."""
        venue = self._reference.catalog.venues[venue_id]
        return gates_in(venue_id, gates) if venue.gates_prove else frozenset()

    async def _apply_presence(
        self,
        rows: Sequence[Reservation],
        events: Sequence[GateEvent],
        effects: Effects,
        now: datetime,
        gates: Sequence[Gate],
    ) -> int | None:
        """Writes the reservations that the events change and adds the events' effects to
        ``effects``. Returns the number of changed reservations; None if another change was
        written meanwhile. Venues whose gates do not prove presence are skipped."""
        timely, reported_until = [p for p in events if not p.late], complete_until(gates, now)
        free_from = max((r.ended_at for r in rows if r.checked_in_at and r.ended_at), default=None)
        changed = 0
        for r in _candidates(rows, now):
            new, new_effects = r, _NO_EFFECTS
            if proving := self._proving_gates(r.venue_id, gates):
                policy = await self._writer.policy_at_booking(r)
                since = self._inside_since(r)
                passed = [p for p in timely if p.at >= since]
                new, new_effects = derive_presence(
                    self._reference.zone, r, policy, passed, proving, free_from, reported_until, now
                )
            for id, effect in new_effects.items():
                if effect is not PresenceEffect.NONE or id not in effects:
                    effects[id] = effect, r.id if effect is not PresenceEffect.NONE else None
            if new is not r:
                try:
                    await self._writer.replace(r, new)
                except (StaleRevision, ClaimLost):
                    return None  # or checked in elsewhere a moment ago: the next round sees it
                changed += 1
            if new.state in CHECKED_IN_STATES:
                break
        return changed

    async def _event_effects(
        self,
        rows: Sequence[Reservation],
        events: Sequence[GateEvent],
        effects: Effects,
        gates: Sequence[Gate],
    ) -> list[Judged]:
        """The effects to store: those of events whose stored effect is missing or different."""
        judged = []
        for p in events:
            if p.id in effects:
                effect, id = effects[p.id]
            elif p.processed:
                continue
            else:
                effect, id = await self._late_effect(rows, p, gates)
            if not p.processed or (effect, id) != (p.effect, p.reservation_id):
                judged.append(Judged(p, effect, id))
        return judged

    async def _late_effect(
        self, rows: Sequence[Reservation], p: GateEvent, gates: Sequence[Gate]
    ) -> tuple[PresenceEffect, ReservationId | None]:
        """The effect of an event that changes the presence of no reservation. The event may
        still void the violation of a missed reservation."""
        for r in rows:
            if p.gate_id not in self._proving_gates(r.venue_id, gates):
                continue
            came = p.direction is Direction.IN and r.check_in_from <= p.at <= r.check_in_until
            if r.state is ReservationState.NO_SHOW and came:
                await self._violations.void_by_gate(r, p.id, p.at)
                return PresenceEffect.LATE, r.id
            if r.checked_in_at and r.ended_at and r.checked_in_at <= p.at < r.ended_at:
                return PresenceEffect.LATE, r.id
        return (PresenceEffect.LATE if p.late else PresenceEffect.NONE), None


def days_of_stays(zone: Zone, rows: Sequence[Reservation], day: date) -> tuple[date, date]:
    """The first and last day that the reservations of ``day`` touch, including check-in windows."""
    begin, end = zone.midnight(day), zone.midnight(day + _DAY)
    days = {day}
    for r in rows:
        from_ = min(r.start, r.check_in_from)
        if from_ < end and begin < r.end:
            days |= {zone.day(from_), zone.last_day(TimeRange(from_, r.end))}
    return min(days), max(days)


def _candidates(rows: Sequence[Reservation], now: datetime) -> list[Reservation]:
    """Reservations that passages may change: checked-in ones; if none, those open for check-in."""
    present = [r for r in rows if r.state in CHECKED_IN_STATES]
    return present or [
        r for r in rows if r.state is ReservationState.RESERVED and r.check_in_from <= now
    ]
