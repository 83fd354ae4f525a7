"""A reader who wants to be forgotten: what is live ends first, then nothing knows them any more."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from models.booking.desk import Desk
from models.check_in import service as check_in_service
from models.kernel.errors import NotFound, Overloaded
from models.kernel.ids import Actor
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.readers.personal_data_repository import erase_documents, remaining, revoke_access
from models.reservations import service as reservations_service
from models.reservations.errors import InvalidState, Suspended
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Database

_BY: Final = Actor("system", "erasure")
_LIVE_FROM: Final = timedelta(days=2)


async def erase(desk: Desk, db: Database, reader: Reader, now: datetime) -> dict[str, int]:
    """Forget the reader. Collection → how many documents were removed or made somebody's.

    What was cut off is done to its end by doing it again. Their seats are free for others at once.

    Raises: Suspended (the suspension would be forgotten too); Overloaded, where the reader was doing
        something at that very moment: again.
    """
    if reader.suspended_until is not None and now < reader.suspended_until:
        raise Suspended(reader.suspended_until)
    await revoke_access(db, reader.id)
    await desk.reader_changed(reader.id)
    ask = RequestContext(reader, _BY, now)
    for wait in await desk.waits.open_of(reader.id):
        with suppress(NotFound):
            await desk.line.leave(ask, wait.id)
    for r in await desk.reservations.live_of(reader.id, now - _LIVE_FROM):
        with suppress(InvalidState):
            await (
                reservations_service.cancel
                if r.state is ReservationState.RESERVED
                else check_in_service.finish
            )(desk, ask, r.id)
    if await desk.reservations.live_of(reader.id, now - _LIVE_FROM):
        raise Overloaded()
    counts = await erase_documents(db, reader.id)
    if await remaining(db, reader.id):
        raise Overloaded()
    return counts
