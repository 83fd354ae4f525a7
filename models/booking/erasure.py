"""A reader who wants to be forgotten: what is live ends first, then nothing knows them any more."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from models.booking import attend, reserve
from models.booking.desk import Ask, Desk
from models.errors import Busy, NotFound, Suspended, WrongState
from models.reader import Reader
from models.reservation import Actor, State
from models.store.client import Database
from models.store.personal import forget, left_over, shut_out

_BY: Final = Actor("system", "erasure")
_LIVE_FROM: Final = timedelta(days=2)


async def erase(desk: Desk, db: Database, reader: Reader, now: datetime) -> dict[str, int]:
    """Forget the reader. Collection → how many documents were removed or made somebody's.

    What was cut off is done to its end by doing it again. Their seats are free for others at once.

    Raises: Suspended (the suspension would be forgotten too); Busy, where the reader was doing
        something at that very moment: again.
    """
    if reader.suspended_until is not None and now < reader.suspended_until:
        raise Suspended(reader.suspended_until)
    await shut_out(db, reader.id)
    await desk.reader_changed(reader.id)
    ask = Ask(reader, _BY, now)
    for wait in await desk.waits.open_of(reader.id):
        with suppress(NotFound):
            await desk.line.leave(ask, wait.id)
    for r in await desk.reservations.live_of(reader.id, now - _LIVE_FROM):
        with suppress(WrongState):
            await (reserve.cancel if r.state is State.RESERVED else attend.finish)(desk, ask, r.id)
    if await desk.reservations.live_of(reader.id, now - _LIVE_FROM):
        raise Busy()
    counts = await forget(db, reader.id)
    if await left_over(db, reader.id):
        raise Busy()
    return counts
