"""Deadlines that fell into an outage are extended: downtime punishes nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from models.booking.writer import ReservationWriter
from models.kernel.errors import Busy
from models.kernel.time_range import TimeRange
from models.library.entities import VenueId
from models.outages import transitions as outage_transitions
from models.outages.heartbeat_repository import GAP, HeartbeatRepository
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.errors import StaleRevision

BEAT_EVERY: Final = timedelta(seconds=0.8)
_JUST_NOW: Final = timedelta(seconds=0.1)
"""A worker that has beaten so lately neither beats nor asks again in the same round."""
_ROUNDS: Final = 10


class DeadlineExtension:
    """Notes when the service was alive, and extends the deadlines of the times when it was not."""

    def __init__(
        self,
        reservations: ReservationRepository,
        writer: ReservationWriter,
        heartbeat: HeartbeatRepository,
    ) -> None:
        self._reservations, self._writer, self._heartbeat = reservations, writer, heartbeat
        self._beating = asyncio.Lock()
        """Two jobs that come round in the same moment beat once."""

    async def record_heartbeat(self, now: datetime) -> int:
        """Beat, and extend the deadlines that fell into a gap. How many.

        Cut off, it begins again with the gap that it has not finished, and passes over what it has
        moved already. ``now`` is by MongoDB's clock: one host's beat is the measure of another's.

        Raises: Unavailable.
        """
        moved = 0
        async with self._beating:
            beaten = self._heartbeat.beaten_within(_JUST_NOW, now)
            gaps = await self._heartbeat.beat(now) if beaten is None else []
        for gap in gaps:
            moved += await self.extend_deadlines(gap)
            await self._heartbeat.looked_after(gap)
        return moved

    async def beat(self, now: datetime) -> int:
        """Every worker's sign of life, where no other one has just given it."""
        async with self._beating:
            if self._heartbeat.beaten_within(BEAT_EVERY, now) is None:
                last, _ = await self._heartbeat.state()
                if last is None or now - last >= BEAT_EVERY:
                    await self._heartbeat.beat(now)
        return 0

    async def alive_until(self, now: datetime) -> datetime:
        """Until when readers could do what they had to, with every gap before it looked after: what
        was due until then can be settled."""
        beaten = self._heartbeat.beaten_within(_JUST_NOW, now)
        if beaten is not None:
            return beaten
        last, gaps = await self._heartbeat.state()
        return min([now, *([last] if last is not None else []), *(gap.start for gap in gaps)])

    async def catch_up(self, id: str, now: datetime) -> None:
        """Extend the deadline of one reservation for a gap that has just ended: its reader is here,
        and the job comes later. A gap that nobody has noted yet is not noted here either."""
        last, gaps = await self._heartbeat.state()
        if last is not None and now - last > GAP:
            gaps = [*gaps, TimeRange(last, now)]
        for gap in gaps:
            for _ in range(_ROUNDS):  # an attempt of the reader's own may be fenced off meanwhile
                r = await self._reservations.get(id)
                if r is None or not outage_transitions.falls_into(r, gap):
                    break
                await apply_all(self._writer, gap.end, [r], _extended_by(gap), {})

    async def extend_deadlines(self, outage: TimeRange, venue_id: VenueId | None = None) -> int:
        """Extend each deadline that fell into the outage (of the venue, or anywhere) or came right
        after it, without violation. How many.

        A reservation that changes meanwhile is looked at again: what readers tried in the outage is
        fenced off when it ends, which is now.

        Raises: Unavailable; Busy where some have changed each time: they are still to
        be moved.
        """
        moved = 0
        for _ in range(_ROUNDS):
            found = [
                r
                for r in await self._reservations.deadlines_within(outage)
                if venue_id in (None, r.venue_id)
            ]
            if not found:
                return moved
            moved += await apply_all(self._writer, outage.end, found, _extended_by(outage), {})
        raise Busy()


def _extended_by(outage: TimeRange) -> Callable[[Reservation], Reservation]:
    return partial(outage_transitions.extend_deadline, outage=outage)


async def apply_all(
    writer: ReservationWriter,
    now: datetime,
    found: Sequence[Reservation],
    step: Callable[[Reservation], Reservation],
    due: Mapping[str, object],
) -> int:
    """Write ``step`` of each reservation; of those that somebody has just changed, none. How many
    were written."""
    done = 0
    for r in found:
        try:
            await writer.save(r, step(r), now, due)
        except StaleRevision:
            continue  # the reader, or another worker, was faster
        done += 1
    return done
