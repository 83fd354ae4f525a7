"""Erasure of a reader: live reservations end first, then all personal data is deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from models.booking.service import ReservationService
from models.check_in.service import CheckInService
from models.kernel.errors import Busy, NotFound, WrongState
from models.kernel.ids import Actor, ReaderId
from models.parties.service import PartyService
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.readers.personal_data_repository import erase_documents, remaining, revoke_access
from models.reservations.errors import Suspended
from models.reservations.state_machine import ReservationState
from models.rooms.service import RoomService
from models.season_holders.service import SeasonHolders
from models.storage.mongo import Database
from models.waitlist.service import WaitlistService

_BY: Final = Actor("system", "erasure")


class ErasureService:
    def __init__(
        self,
        db: Database,
        waitlist: WaitlistService,
        parties: PartyService,
        rooms: RoomService,
        seasons: SeasonHolders,
        reservations: ReservationService,
        check_in: CheckInService,
        on_reader_changed: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        self._db, self._waitlist = db, waitlist
        self._parties, self._rooms, self._seasons = parties, rooms, seasons
        self._reservations, self._check_in = reservations, check_in
        self._on_reader_changed = on_reader_changed

    async def erase(self, reader: Reader, now: datetime) -> dict[str, int]:
        """Erases the reader, whose seats are then free; returns the number of documents removed
        or anonymised, by collection. An interrupted erasure can be repeated. Raises: Suspended
        (the suspension would be lost); Busy if the reader was active just now."""
        if reader.suspended_until is not None and now < reader.suspended_until:
            raise Suspended(reader.suspended_until, reader.suspended_for)
        await revoke_access(self._db, reader.id)
        await self._on_reader_changed(reader.id)
        ctx = RequestContext(reader, _BY, now)
        for entry in await self._waitlist.open_of(reader.id):
            with suppress(NotFound):
                await self._waitlist.leave(ctx, entry.id)
        await self._parties.end_all(ctx)
        await self._rooms.end_all(ctx)
        await self._seasons.end_all(reader.id, _BY, now)
        for r in await self._reservations.live_of(reader.id, now):
            reserved = r.state is ReservationState.RESERVED
            end = self._reservations.cancel if reserved else self._check_in.finish
            with suppress(WrongState):
                await end(ctx, r.id)
        rooms = await self._rooms.of(reader.id, now)
        if any(b.live for b in rooms) or await self._reservations.live_of(reader.id, now):
            raise Busy()
        counts = await erase_documents(self._db, reader.id)
        if await remaining(self._db, reader.id):
            # A process that read about the reader earlier may have written since, at most once.
            for name, count in (await erase_documents(self._db, reader.id)).items():
                counts[name] += count
        if await remaining(self._db, reader.id):
            raise Busy()
        return counts
