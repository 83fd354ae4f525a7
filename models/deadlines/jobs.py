"""What time does by itself. Each is guarded by its due condition, idempotent and bounded.

An effect carries the instant at which it was due, however late it ran.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from models.booking.desk import Desk
from models.check_in import allowed_actions, transitions
from models.gates.replay import left_before_end
from models.kernel.ids import Actor
from models.kernel.time_range import local_date
from models.outages.entities import observed_until
from models.outages.extension import alive_until, apply_all
from models.reservations import transitions as reservations_transitions
from models.reservations.claims import presence_claim
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, RevisionConflict
from models.reservations.repository import FrozenVenues
from models.reservations.transitions import leave_duration
from models.seat_reports import transitions as seat_reports_transitions

BATCH: Final = 500
"""Reservations that one run of a job looks at: it stays short, and the next run goes on."""
_ROUNDS: Final = 10
_SYSTEM: Final = Actor("system", "job")


async def no_show(desk: Desk, now: datetime) -> int:
    """Reserved and not checked in by ``check_in_until``, as far as the gates have told."""
    held = await _frozen_venues(desk, now)
    due = await _deadlines_certain_until(desk, held, now)
    found = await desk.reservations.due_for_no_show(due, BATCH, held, now)

    def missed(r: Reservation) -> Reservation:
        # Ended while nobody could check in: that is nobody's fault.
        excused = r.penalty_waived or held is True or r.venue_id in held or r.has_open_report
        return transitions.mark_no_show(replace(r, penalty_waived=excused), _SYSTEM)

    return await apply_all(desk, now, found, missed, {"check_in_until": {"$lte": due}})


async def expire_leaves(desk: Desk, now: datetime) -> int:
    """Away beyond ``return_by``, as far as the gates have told."""
    held = await _frozen_venues(desk, now)
    due = await _deadlines_certain_until(desk, held, now)
    found = await desk.reservations.due_for_time_out(due, BATCH, held, now)

    def timed_out(r: Reservation) -> Reservation:
        excused = r.penalty_waived or held is True or r.venue_id in held or r.has_open_report
        return transitions.expire_leave(replace(r, penalty_waived=excused), _SYSTEM)

    return await apply_all(desk, now, found, timed_out, {"return_by": {"$lte": due}})


async def _frozen_venues(desk: Desk, now: datetime) -> FrozenVenues:
    """Venues whose deadlines wait since nobody can check in there now: all of them, or some."""
    out = [o for o in await desk.outages.all() if o.end is None or o.is_significant(now)]
    if any(outage.venue_id is None for outage in out):
        return True
    return frozenset(outage.venue_id for outage in out if outage.venue_id is not None)


async def _deadlines_certain_until(desk: Desk, held: FrozenVenues, now: datetime) -> datetime:
    """Until when it is certain that readers could check in, and who did: the gates have told, and
    a screen was seen. The first two minutes of an outage are not known to be one."""
    until = min(await desk.gate_events_complete_until(now), await alive_until(desk, now))
    if held is True:
        return until
    screens = await desk.catalogue.kiosk_last_seen()
    for venue_id in desk.library.venues.keys() - held:
        seen = (t for id, t in screens.items() if desk.library.kiosks[id].venue_id == venue_id)
        until = min(until, observed_until(seen, now))
    return until


async def fail_presence_checks(desk: Desk, now: datetime) -> int:
    """Doubted and not shown to be there in time: it counts as left."""
    now = await alive_until(desk, now)
    found = await desk.reservations.due_for_proof(now, BATCH)
    held = await _frozen_venues(desk, now)
    # Who cannot scan cannot show it.
    free = [r for r in found if held is not True and r.venue_id not in held]
    policies = {r.id: await desk.policy_at_booking(r) for r in free}

    def gone(r: Reservation) -> Reservation:
        assert r.presence_due_at is not None
        policy = policies[r.id]
        return_by = min(r.presence_due_at + leave_duration(policy, r.presence_due_at), r.end)
        return seat_reports_transitions.fail_presence_check(r, return_by, policy, _SYSTEM)

    return await apply_all(desk, now, free, gone, {"presence_due_at": {"$lte": now}})


async def expire_offers(desk: Desk, now: datetime) -> int:
    """Offers that nobody took pass on."""
    return await desk.line.expire_offers(await alive_until(desk, now))


async def complete(desk: Desk, now: datetime) -> int:
    """In use or away when the end comes."""
    done = 0
    for _ in range(_ROUNDS):  # all of the hour's, before anybody is reminded of what follows
        found = await desk.reservations.due_for_completion(now, BATCH)
        done += await apply_all(
            desk, now, found, lambda r: transitions.complete(r, _SYSTEM), {"end": {"$lte": now}}
        )
        if len(found) < BATCH:
            break
    return done


async def send_reminders(desk: Desk, now: datetime) -> int:
    """Write the reminder of the present state to the outbox."""
    found = await desk.reservations.due_for_reminder(now, BATCH)

    def reminded(r: Reservation) -> Reservation:
        assert r.remind_at is not None
        return reservations_transitions.remind(r, r.remind_at)

    return await apply_all(desk, now, found, reminded, {"remind_at": {"$lte": now}})


async def carry_over(desk: Desk, now: datetime) -> int:
    """Who sat there to the end stays checked in where a booking of theirs goes on on that seat."""
    ended = await desk.reservations.due_for_carry_over(
        await desk.gate_events_complete_until(now), _ROUNDS * BATCH
    )
    done = 0
    for r in ended:
        follower = await desk.reservations.next_on_same_seat(r)
        if (
            follower is not None
            and "check_in" in _possible(desk, follower, r.end)
            # A gate may have told since that they left before the end.
            and not left_before_end(r, await desk.passages.of_day(r.reader_id, r.start, r.end))
        ):
            done += await _carry(desk, follower, r.end)
        await desk.reservations.carried_over(r.id)
    return done


def _possible(desk: Desk, r: Reservation, when: datetime) -> list[str]:
    return allowed_actions.allowed_actions(r, desk.policy_for(r.area_id, r.date), when)


async def _carry(desk: Desk, follower: Reservation, when: datetime) -> int:
    policy = await desk.policy_at_booking(follower)
    new = transitions.check_in(
        follower, presence_claim(follower.reader_id), (), policy, _SYSTEM, when
    )
    try:
        await desk.reservations.replace(follower, new)
    except (RevisionConflict, ClaimConflict):
        return 0  # changed meanwhile, or the reader has checked in elsewhere: their word counts
    desk.board.record_write(new)
    return 1


async def release_past_claims(desk: Desk, now: datetime) -> int:
    """Past days leave the index. Two days, as an idempotency key lives for 24 hours."""
    return await desk.reservations.drop_past_claims(local_date(now) - timedelta(days=1), BATCH)
