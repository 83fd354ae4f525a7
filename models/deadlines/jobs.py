"""The jobs that apply deadlines to reservations. Each job is idempotent and bounded, and writes
a change only if the stored deadline has passed, as a reader may have moved the deadline in the
meantime. A change carries the instant at which it was due, however late the job runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from models.booking.writer import ReservationWriter
from models.check_in import transitions
from models.check_in.allowed_actions import allowed_actions
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.gates.entities import Direction
from models.gates.knowledge import GateKnowledge
from models.gates.replay import left_before_end
from models.kernel.ids import Actor
from models.library.entities import VenueId
from models.outages.extension import DeadlineExtension, apply_all
from models.reference_data import ReferenceData
from models.reservation_store.due_queries import FrozenVenues
from models.reservation_store.repository import ReservationRepository
from models.reservations import transitions as reservation_transitions
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, StaleRevision

BATCH: Final = 500
"""At most this many reservations are handled in a run, to keep it short; the next run continues."""
_ROUNDS: Final = 10
_SYSTEM: Final = Actor("system", "job")


class DeadlineJobs:
    def __init__(
        self,
        reservations: ReservationRepository,
        reference: ReferenceData,
        writer: ReservationWriter,
        extension: DeadlineExtension,
        knowledge: PresenceKnowledge,
        gates: GateKnowledge,
    ) -> None:
        self._reservations, self._reference, self._writer = reservations, reference, writer
        self._extension, self._knowledge, self._gates = extension, knowledge, gates

    async def no_show(self, now: datetime) -> int:
        """Ends bookings whose readers have not checked in before the deadline; returns their
        number. A deadline is applied only when the gate records up to it are complete."""
        if not await self._reservations.due_for_no_show(now, 1, now=now):
            return 0  # saves the four queries about gates and outages
        frozen = await self._knowledge.frozen_venues(now)
        due = await self._knowledge.certain_until(frozen, now)
        overdue = await self._reservations.due_for_no_show(due, BATCH, frozen, now)
        unproven = await self._knowledge.venues_without_proof(now) if overdue else frozenset()

        def missed(r: Reservation) -> Reservation:
            waived = _is_excused(r, frozen, unproven)
            return transitions.mark_no_show(replace(r, penalty_waived=waived), _SYSTEM)

        return await apply_all(
            self._writer, now, overdue, missed, {"check_in_until": {"$lte": due}}
        )

    async def expire_leaves(self, now: datetime) -> int:
        """Ends stays whose readers have not returned from a leave by ``return_by``; returns
        their number. A deadline is applied only when the gate records up to it are complete."""
        if not await self._reservations.due_for_leave_expiry(now, 1, now=now):
            return 0
        frozen = await self._knowledge.frozen_venues(now)
        due = await self._knowledge.certain_until(frozen, now)
        overdue = await self._reservations.due_for_leave_expiry(due, BATCH, frozen, now)
        unproven = await self._knowledge.venues_without_proof(now) if overdue else frozenset()

        def expired(r: Reservation) -> Reservation:
            waived = _is_excused(r, frozen, unproven)
            return transitions.expire_leave(replace(r, penalty_waived=waived), _SYSTEM)

        return await apply_all(self._writer, now, overdue, expired, {"return_by": {"$lte": due}})

    async def complete(self, now: datetime) -> int:
        """Ends stays at their booked end, also those on leave; returns their number."""
        done = 0
        # All stays of the hour are completed before a reminder of a following booking is sent.
        for _ in range(_ROUNDS):
            overdue = await self._reservations.due_for_completion(now, BATCH)
            done += await apply_all(
                self._writer,
                now,
                overdue,
                lambda r: transitions.complete(r, _SYSTEM),
                {"end": {"$lte": now}},
            )
            if len(overdue) < BATCH:
                break
        return done

    async def send_reminders(self, now: datetime) -> int:
        reservations = await self._reservations.due_for_reminder(now, BATCH)

        def reminded(r: Reservation) -> Reservation:
            assert r.remind_at is not None
            return reservation_transitions.remind(r, r.remind_at)

        return await apply_all(
            self._writer, now, reservations, reminded, {"remind_at": {"$lte": now}}
        )

    async def carry_over(self, now: datetime) -> int:
        """If a stay ends and the same reader has the next booking of the seat, checks the reader
        in for that booking. Requires a proof of presence or a gate record in the stay, and no
        gate record that the reader left before its end. Returns the number of check-ins."""
        if not await self._reservations.due_for_carry_over(now, 1):
            return 0
        until = await self._gates.complete_until(now)
        done = 0
        for r in await self._reservations.due_for_carry_over(until, _ROUNDS * BATCH):
            following = await self._reservations.next_on_same_seat(r)
            if following is not None and self._may_check_in(following, r.end):
                events = await self._gates.events_of(r)
                was_present = r.presence is not None or any(
                    e.direction is Direction.IN for e in events
                )
                # A gate's record may show that they left before the end.
                if was_present and not left_before_end(r, events):
                    done += await self._check_in(following, r.end)
            await self._reservations.carried_over(r.id)
        return done

    def _may_check_in(self, r: Reservation, when: datetime) -> bool:
        return "check_in" in allowed_actions(
            self._reference.zone, r, self._reference.policy_for(r.area_id, r.date), when
        )

    async def _check_in(self, r: Reservation, when: datetime) -> int:
        policy = await self._writer.policy_at_booking(r)
        new = transitions.check_in(
            self._reference.zone, r, None, policy, _SYSTEM, when, early=False
        )
        try:
            await self._writer.replace(r, new)
        except (StaleRevision, ClaimLost):
            return 0  # changed meanwhile, or the reader is checked in elsewhere
        return 1

    async def release_past_claims(self, now: datetime) -> int:
        """Drops claims of ended reservations after two days. These claims include idempotency
        keys, which are valid for 24 hours. Returns the number of reservations."""
        past = self._reference.zone.day(now) - timedelta(days=1)
        return await self._reservations.drop_past_claims(self._reference.zone, past, BATCH)


def _is_excused(r: Reservation, frozen: FrozenVenues, unproven: frozenset[VenueId]) -> bool:
    """True if a missed deadline is no violation: check-in was impossible in the venue, the
    reader has reported the seat as occupied, or the penalty was waived before."""
    out = frozen is True or r.venue_id in frozen or r.venue_id in unproven
    return r.penalty_waived or out or r.has_open_report
