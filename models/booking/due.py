"""What time does by itself. Each is guarded by its due condition, idempotent and bounded.

An effect carries the instant at which it was due, however late it ran.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from models import reservation, rules
from models.assist import left_unseen
from models.booking.desk import Desk
from models.claims import presence_claim
from models.library import VenueId
from models.outage import seen_until
from models.reservation import Actor, Reservation, leave_limit
from models.store.reservations import ClaimLost, Held, StaleRevision
from models.timerange import TimeRange, local_date

BATCH: Final = 500
"""Reservations that one run of a job looks at: it stays short, and the next run goes on."""

_ROUNDS: Final = 10
OUTAGE: Final = timedelta(minutes=2)
"""A longer gap in the heartbeat means that the service was down."""

_SYSTEM: Final = Actor("system", "job")


async def no_show(desk: Desk, now: datetime) -> int:
    """Reserved and not checked in by ``check_in_until``, as far as the gates have told."""
    held = await _held(desk, now)
    due = await _settled_until(desk, held, now)
    found = await desk.reservations.due_for_no_show(due, BATCH, held, now)

    def missed(r: Reservation) -> Reservation:
        # Ended while nobody could check in: that is nobody's fault.
        excused = r.excused or held is True or r.venue_id in held or r.reported
        return reservation.miss(replace(r, excused=excused), _SYSTEM)

    return await _settle(desk, now, found, missed, {"check_in_until": {"$lte": due}})


async def time_out(desk: Desk, now: datetime) -> int:
    """Away beyond ``return_by``, as far as the gates have told."""
    held = await _held(desk, now)
    due = await _settled_until(desk, held, now)
    found = await desk.reservations.due_for_time_out(due, BATCH, held, now)

    def timed_out(r: Reservation) -> Reservation:
        excused = r.excused or held is True or r.venue_id in held or r.reported
        return reservation.time_out(replace(r, excused=excused), _SYSTEM)

    return await _settle(desk, now, found, timed_out, {"return_by": {"$lte": due}})


async def _held(desk: Desk, now: datetime) -> Held:
    """Venues whose deadlines wait since nobody can check in there now: all of them, or some."""
    out = [o for o in await desk.outages.all() if o.end is None or o.counts(now)]
    if any(outage.venue_id is None for outage in out):
        return True
    return frozenset(outage.venue_id for outage in out if outage.venue_id is not None)


async def _settled_until(desk: Desk, held: Held, now: datetime) -> datetime:
    """Until when it is certain that readers could check in, and who did: the gates have told, and
    a screen was seen. The first two minutes of an outage are not known to be one."""
    until = await desk.told_until(now)
    if held is True:
        return until
    screens = await desk.catalogue.screens()
    for venue_id in desk.library.venues.keys() - held:
        seen = (t for id, t in screens.items() if desk.library.kiosks[id].venue_id == venue_id)
        until = min(until, seen_until(seen, now))
    return until


async def unproven(desk: Desk, now: datetime) -> int:
    """Doubted and not shown to be there in time: it counts as left."""
    found = await desk.reservations.due_for_proof(now, BATCH)
    held = await _held(desk, now)
    # Who cannot scan cannot show it.
    free = [r for r in found if held is not True and r.venue_id not in held]
    policies = {r.id: await desk.policy_of(r) for r in free}

    def gone(r: Reservation) -> Reservation:
        assert r.prove_by is not None
        policy = policies[r.id]
        return_by = min(r.prove_by + leave_limit(policy, r.prove_by), r.end)
        return reservation.left_unproven(r, return_by, policy, _SYSTEM)

    return await _settle(desk, now, free, gone, {"prove_by": {"$lte": now}})


async def complete(desk: Desk, now: datetime) -> int:
    """In use or away when the end comes."""
    done = 0
    for _ in range(_ROUNDS):  # all of the hour's, before anybody is reminded of what follows
        found = await desk.reservations.due_for_completion(now, BATCH)
        done += await _settle(
            desk, now, found, lambda r: reservation.complete(r, _SYSTEM), {"end": {"$lte": now}}
        )
        if len(found) < BATCH:
            break
    return done


async def remind(desk: Desk, now: datetime) -> int:
    """Write the reminder of the present state to the outbox."""
    found = await desk.reservations.due_for_reminder(now, BATCH)

    def reminded(r: Reservation) -> Reservation:
        assert r.remind_at is not None
        return reservation.remind(r, r.remind_at)

    return await _settle(desk, now, found, reminded, {"remind_at": {"$lte": now}})


async def carry_over(desk: Desk, now: datetime) -> int:
    """Who sat there to the end stays checked in where a booking of theirs goes on on that seat."""
    ended = await desk.reservations.due_for_carry_over(await desk.told_until(now), _ROUNDS * BATCH)
    done = 0
    for r in ended:
        follower = await desk.reservations.follower(r)
        if (
            follower is not None
            and "check_in" in _possible(desk, follower, r.end)
            # A gate may have told since that they left before the end.
            and not left_unseen(r, await desk.passages.of_day(r.reader_id, r.start, r.end))
        ):
            done += await _carry(desk, follower, r.end)
        await desk.reservations.carried_over(r.id)
    return done


def _possible(desk: Desk, r: Reservation, when: datetime) -> list[str]:
    return rules.actions(r, desk.policy_for(r.area_id, r.date), when)


async def _carry(desk: Desk, follower: Reservation, when: datetime) -> int:
    policy = await desk.policy_of(follower)
    new = reservation.check_in(
        follower, presence_claim(follower.reader_id), (), policy, _SYSTEM, when
    )
    try:
        await desk.reservations.replace(follower, new)
    except (StaleRevision, ClaimLost):
        return 0  # changed meanwhile, or the reader has checked in elsewhere: their word counts
    desk.board.wrote(new)
    return 1


async def keep_time(desk: Desk, now: datetime) -> int:
    """Beat; after a gap, first move the deadlines that fell into it, so downtime punishes nobody.

    Runs before the other jobs. Crashing between the two steps repeats the first, which passes over
    what it has moved already.
    """
    last = await desk.heartbeat.last()
    moved = 0
    if last is not None and now - last > OUTAGE:
        # Noted first: cut off and repeated, it moves the same deadlines by the same time, once.
        moved = await forgive(desk, TimeRange(*await desk.heartbeat.outage(last, now)))
        await desk.heartbeat.beat(now)
        await desk.heartbeat.forgiven()
    elif last is None or now > last:
        await desk.heartbeat.beat(now)
    return moved


async def forgive(desk: Desk, outage: TimeRange, venue_id: VenueId | None = None) -> int:
    """Move each deadline that fell into the outage (of the venue, or anywhere) by its length,
    without violation."""
    found = [
        r
        for r in await desk.reservations.deadlines_within(outage)
        if venue_id in (None, r.venue_id)
    ]
    return await _settle(
        desk, outage.end, found, lambda r: reservation.forgive_outage(r, outage), {}
    )


async def prune_claims(desk: Desk, now: datetime) -> int:
    """Past days leave the index. Two days, as an idempotency key lives for 24 hours."""
    return await desk.reservations.drop_past_claims(local_date(now) - timedelta(days=1), BATCH)


async def _settle(
    desk: Desk,
    now: datetime,
    found: Sequence[Reservation],
    step: Callable[[Reservation], Reservation],
    due: Mapping[str, object],
) -> int:
    done = 0
    for r in found:
        new = step(r)
        try:
            await desk.line.write(r, new, now, due)
        except StaleRevision:
            continue  # the reader, or another worker, was faster
        done += 1
    return done
