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
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.entities import Reservation
from models.reservations.errors import StaleRevision
from models.reservations.room_booking import RoomBooking

BEAT_EVERY: Final = timedelta(seconds=1.8)
_JUST_NOW: Final = timedelta(seconds=0.1)
"""A worker records no further heartbeat within this time after its last heartbeat."""
_ROUNDS: Final = 10


class DeadlineExtension:
    """Records heartbeats of the running service. A gap between two heartbeats is an outage;
    deadlines that fell into it are extended."""

    def __init__(
        self,
        reservations: ReservationRepository,
        rooms: RoomBookingRepository,
        writer: ReservationWriter,
        heartbeat: HeartbeatRepository,
    ) -> None:
        self._reservations, self._writer, self._heartbeat = reservations, writer, heartbeat
        self._rooms = rooms
        self._beating = asyncio.Lock()
        self._had_lease_at: datetime | None = None

    async def record_heartbeat(self, now: datetime) -> int:
        """Records a heartbeat and extends the deadlines that fell into gaps between heartbeats;
        returns the number of extended deadlines. After an interruption the next run continues,
        without extending a deadline twice. ``now`` is the time by MongoDB's clock, since
        heartbeats of all hosts are compared. Raises: Unavailable."""
        moved = 0
        self._had_lease_at = now
        async with self._beating:
            beaten = self._heartbeat.beaten_within(_JUST_NOW, now)
            gaps = await self._heartbeat.beat(now) if beaten is None else []
        for gap in gaps:
            moved += await self.extend_deadlines(gap)
            await self._heartbeat.remove_gap(gap)
        return moved

    async def beat(self, now: datetime) -> int:
        """Records a heartbeat, unless a worker just did. Returns 0: no second run is needed now."""
        async with self._beating:
            if await self._is_silent(now):
                await self._heartbeat.beat(now)
        return 0

    async def _is_silent(self, now: datetime) -> bool:
        """True if no worker has recorded a heartbeat within ``BEAT_EVERY``. The worker that has
        the lease need not ask: it is the one that records them."""
        if self._heartbeat.beaten_within(BEAT_EVERY, now) is not None:
            return False
        if self._had_lease_at is not None and now - self._had_lease_at < GAP:
            return True
        last, _ = await self._heartbeat.state()
        return last is None or now - last >= BEAT_EVERY

    async def alive_until(self, now: datetime) -> datetime:
        """The instant until which deadlines may be applied. It is the last heartbeat, or the
        start of a gap whose deadlines are not extended yet."""
        beaten = self._heartbeat.beaten_within(_JUST_NOW, now)
        if beaten is not None:
            return beaten
        last, gaps = await self._heartbeat.state()
        return min([now, *([last] if last is not None else []), *(gap.start for gap in gaps)])

    async def catch_up(self, id: str, now: datetime) -> None:
        """Extends one reservation's deadline for heartbeat gaps that just ended, including one
        between the last heartbeat and ``now``. The stored gaps stay for ``record_heartbeat``."""
        for gap in await self._gaps(now):
            # A late attempt of the reader may change the reservation meanwhile.
            for _ in range(_ROUNDS):
                r = await self._reservations.get(id)
                if r is None or not outage_transitions.falls_into(r, gap):
                    break
                await apply_all(self._writer, gap.end, [r], _extended_by(gap), {})

    async def catch_up_room(self, id: str, now: datetime) -> None:
        """Extends the deadlines of one booking of a room, as ``catch_up`` does a
        reservation's."""
        for gap in await self._gaps(now):
            for _ in range(_ROUNDS):
                b = await self._rooms.get(id)
                if b is None or not outage_transitions.room_falls_into(b, gap):
                    break
                await self._extend_room(b, gap)

    async def _gaps(self, now: datetime) -> list[TimeRange]:
        """The stored gaps, and the one between the last heartbeat and ``now``."""
        last, gaps = await self._heartbeat.state()
        if last is not None and now - last > GAP:
            return [*gaps, TimeRange(last, now)]
        return list(gaps)

    async def extend_deadlines(self, outage: TimeRange, venue_id: VenueId | None = None) -> int:
        """Extends the deadlines that lie in the outage or within a minute after it, of the venue or
        (None) of all venues; returns their number. To miss an extended deadline is no violation.
        Reservations that were changed in the meantime are read again, since readers act again when
        an outage ends.

        Raises: Unavailable; Busy if some reservations were changed each time and are not extended
        yet.
        """
        moved = await self._extend_rooms(outage, venue_id)
        for _ in range(_ROUNDS):
            reservations = [
                r
                for r in await self._reservations.deadlines_within(outage)
                if venue_id in (None, r.venue_id)
            ]
            if not reservations:
                return moved
            moved += await apply_all(
                self._writer, outage.end, reservations, _extended_by(outage), {}
            )
        raise Busy()

    async def _extend_rooms(self, outage: TimeRange, venue_id: VenueId | None) -> int:
        """Extends the deadlines of bookings of rooms; returns their number. Raises: as
        ``extend_deadlines``."""
        moved = 0
        for _ in range(_ROUNDS):
            bookings = [
                b
                for b in await self._rooms.deadlines_within(outage)
                if venue_id in (None, b.venue_id)
            ]
            if not bookings:
                return moved
            for b in bookings:
                moved += await self._extend_room(b, outage)
        raise Busy()

    async def _extend_room(self, b: RoomBooking, outage: TimeRange) -> bool:
        """Extends the booking's deadlines; False if somebody else was faster."""
        try:
            new = outage_transitions.extend_room(b, outage)
            await self._rooms.replace(self._writer.zone, b, new)
        except StaleRevision:
            return False
        return True


def _extended_by(outage: TimeRange) -> Callable[[Reservation], Reservation]:
    return partial(outage_transitions.extend_deadline, outage=outage)


async def apply_all(
    writer: ReservationWriter,
    now: datetime,
    reservations: Sequence[Reservation],
    step: Callable[[Reservation], Reservation],
    due: Mapping[str, object],
) -> int:
    """Writes ``step(r)`` over each reservation ``r`` that is still unchanged and meets the
    condition ``due``; returns the number of written ones."""
    done = 0
    for r in reservations:
        try:
            await writer.save(r, step(r), now, due)
        except StaleRevision:
            continue  # the reader or another worker was faster
        done += 1
    return done
