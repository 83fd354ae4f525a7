"""What time does by itself. Each is guarded by its due condition, idempotent and bounded.

An effect carries the instant at which it was due, however late it ran.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from models import reservation, rules
from models.assist import left_unseen
from models.booking.desk import Desk
from models.claims import presence_claim
from models.errors import Busy
from models.library import VenueId
from models.outage import seen_until
from models.reservation import Actor, Reservation, leave_limit
from models.store.leases import GAP
from models.store.reservations import ClaimLost, Held, StaleRevision
from models.timerange import TimeRange, local_date

BATCH: Final = 500
"""Reservations that one run of a job looks at: it stays short, and the next run goes on."""

_ROUNDS: Final = 10
BEAT_EVERY: Final = timedelta(seconds=0.8)

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
    until = min(await desk.told_until(now), await alive_until(desk, now))
    if held is True:
        return until
    screens = await desk.catalogue.screens()
    for venue_id in desk.library.venues.keys() - held:
        seen = (t for id, t in screens.items() if desk.library.kiosks[id].venue_id == venue_id)
        until = min(until, seen_until(seen, now))
    return until


async def unproven(desk: Desk, now: datetime) -> int:
    """Doubted and not shown to be there in time: it counts as left."""
    now = await alive_until(desk, now)
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


async def lapse(desk: Desk, now: datetime) -> int:
    """Offers that nobody took pass on."""
    return await desk.line.lapse(await alive_until(desk, now))


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
    """Beat, and move the deadlines that fell into a gap: downtime punishes nobody.

    Cut off, it begins again with the gap that it has not finished, and passes over what it has
    moved already. ``now`` is by MongoDB's clock: one host's beat is the measure of another's.

    Raises: Upstream.
    """
    moved = 0
    for gap in await desk.heartbeat.beat(now):
        moved += await forgive(desk, gap)
        await desk.heartbeat.looked_after(gap)
    return moved


async def beat(desk: Desk, now: datetime) -> int:
    """Every worker's sign of life, where no other one has just given it."""
    last, _ = await desk.heartbeat.state()
    if last is None or now - last >= BEAT_EVERY:
        await desk.heartbeat.beat(now)
    return 0


async def alive_until(desk: Desk, now: datetime) -> datetime:
    """Until when readers could do what they had to, and every gap before is looked after: what was
    due until then can be settled."""
    last, gaps = await desk.heartbeat.state()
    return min([now, *([last] if last is not None else []), *(gap.start for gap in gaps)])


async def catch_up(desk: Desk, id: str, now: datetime) -> None:
    """Move the deadline of one reservation for a gap that has just ended: its reader is here, and
    the job comes later. A gap that nobody has noted yet is not noted here either."""
    last, gaps = await desk.heartbeat.state()
    if last is not None and now - last > GAP:
        gaps = [*gaps, TimeRange(last, now)]
    for gap in gaps:
        for _ in range(_ROUNDS):  # an attempt of the reader's own may be fenced off meanwhile
            r = await desk.reservations.get(id)
            if r is None or not reservation.falls_into(r, gap):
                break
            await _settle(desk, gap.end, [r], partial(reservation.forgive_outage, outage=gap), {})


async def forgive(desk: Desk, outage: TimeRange, venue_id: VenueId | None = None) -> int:
    """Move each deadline that fell into the outage (of the venue, or anywhere) or came right after
    it, without violation.

    A reservation that changes meanwhile is looked at again: what readers tried in the outage is
    fenced off when it ends, which is now.

    Raises: Upstream, also where some have changed each time: they are to be moved yet.
    """
    moved = 0
    for _ in range(_ROUNDS):
        found = [
            r
            for r in await desk.reservations.deadlines_within(outage)
            if venue_id in (None, r.venue_id)
        ]
        if not found:
            return moved
        moved += await _settle(
            desk, outage.end, found, partial(reservation.forgive_outage, outage=outage), {}
        )
    raise Busy()


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
