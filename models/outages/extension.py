"""Deadlines that fell into an outage are extended: downtime punishes nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from models.booking.desk import Desk
from models.kernel.errors import Overloaded
from models.kernel.time_range import TimeRange
from models.library.entities import VenueId
from models.outages.heartbeat_repository import GAP
from models.reservations import transitions
from models.reservations.entities import Reservation
from models.reservations.errors import RevisionConflict

_ROUNDS: Final = 10
BEAT_EVERY: Final = timedelta(seconds=0.8)


async def record_heartbeat(desk: Desk, now: datetime) -> int:
    """Beat, and move the deadlines that fell into a gap: downtime punishes nobody.

    Cut off, it begins again with the gap that it has not finished, and passes over what it has
    moved already. ``now`` is by MongoDB's clock: one host's beat is the measure of another's.

    Raises: ServiceUnavailable.
    """
    moved = 0
    for gap in await desk.heartbeat.beat(now):
        moved += await extend_deadlines(desk, gap)
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
            if r is None or not transitions.falls_into(r, gap):
                break
            await apply_all(
                desk, gap.end, [r], partial(transitions.extend_deadline, outage=gap), {}
            )


async def extend_deadlines(desk: Desk, outage: TimeRange, venue_id: VenueId | None = None) -> int:
    """Move each deadline that fell into the outage (of the venue, or anywhere) or came right after
    it, without violation.

    A reservation that changes meanwhile is looked at again: what readers tried in the outage is
    fenced off when it ends, which is now.

    Raises: ServiceUnavailable, also where some have changed each time: they are to be moved yet.
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
        moved += await apply_all(
            desk, outage.end, found, partial(transitions.extend_deadline, outage=outage), {}
        )
    raise Overloaded()


async def apply_all(
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
            await desk.line.save(r, new, now, due)
        except RevisionConflict:
            continue  # the reader, or another worker, was faster
        done += 1
    return done
