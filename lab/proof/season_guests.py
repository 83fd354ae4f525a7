"""What the applicants of a drawn season do on a simulated day, beside their other bookings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from lab.proof.memory_mongo import MemoryStore
from lab.proof.season_acts import SEASON, drawn_documents, missed_day, season_plan
from lab.proof.simulated_library import Worker, at, context, library_zone, seat
from lab.proof.simulated_loop import PLAYER
from lab.proof.visitors import Visitor, World
from models.kernel.errors import DomainError
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.state_machine import ReservationState

_SEATS: Final = (seat(1), seat(2))
_DAY: Final = timedelta(days=1)
_OPENS_TO_START: Final = 4
"""Hours from the opening to the start of a holder's day."""
_HOURS: Final = 3
Ask = Callable[[Worker, RequestContext], Coroutine[Any, Any, None]]
"""An applicant's request to a worker."""


def put_season(store: MemoryStore, applicants: Sequence[Reader], opens: int) -> None:
    """Puts a drawn season of two seats into the store, which began yesterday. Its first holder did
    not come then, and today's days are not written. ``opens``: the hour of the opening."""
    begins = opens + _OPENS_TO_START
    today = at(begins).date()
    hours = at(begins).time(), at(begins + _HOURS).time()
    plan = season_plan(_SEATS, (today - _DAY, today + 4 * _DAY), hours, at(begins + 1).time())
    season, applications = drawn_documents(plan, applicants, today - _DAY)
    store.insert_one("seasons", season)
    store.insert_many("season_applications", applications)
    store.insert_one("versions", {"_id": "seasons", "number": 1})
    store.insert_one("reservations", missed_day(plan, applicants[0], _SEATS[0], plan.first))


class SeasonGuest(Visitor):
    """An applicant of the season: a holder, or one who waits to become one. They ask one another to
    swap, accept, and give up. Holders come on their day, do not come, or give it back. They do not
    change its hours, of which the judge knows only what is stored."""

    def __init__(self, world: World, reader: Reader, opens: int) -> None:
        super().__init__(world, reader)
        self._name = f"{reader.id}-season"
        self._begins = at(opens + _OPENS_TO_START)

    async def live(self) -> None:
        PLAYER.set(self._name)
        chance = self._chance
        for _ in range(3):
            await asyncio.sleep(chance.expovariate(1 / 3600))
            await self._send(chance.choice((self._ask, self._accept)))
        if chance.random() < 0.3:
            await self._send(self._give_up)
        await self._until(self._begins - timedelta(minutes=chance.randint(20, 60)))
        worker = self._world.worker()
        since = library_zone().midnight(self._begins.date())
        days = worker.stored.reservations.stays_on(_SEATS, [self._reader.id], since)
        for r in (await self._world.safely(worker, days) or ())[:1]:
            if r.state is ReservationState.RESERVED and r.start == self._begins:
                await self._use_day(r.id, r.check_in_until)
        if chance.random() < 0.3:
            await self._send(self._give_up)

    async def _use_day(self, id: str, come_by: datetime) -> None:
        chance = self._chance
        fate = chance.random()
        if fate < 0.25:
            await self._tap("cancel", lambda w, ctx: w.reservations.cancel(ctx, id), id)
        if fate < 0.5:
            return
        await self._until(come_by - timedelta(minutes=chance.randint(-2, 80)))
        if await self._check_in(id):
            await asyncio.sleep(chance.uniform(600, 9000))
            await self._tap("finish", lambda w, ctx: w.check_in.finish(ctx, id), id)

    async def _send(self, ask: Ask) -> None:
        """Sends a request once, and does not look at the answer."""
        worker = self._world.worker()
        ctx = context(self._reader, self._world.now(worker))
        with suppress(DomainError):
            await self._world.safely(worker, ask(worker, ctx))

    async def _ask(self, worker: Worker, ctx: RequestContext) -> None:
        await worker.season_holders.ask_to_swap(ctx, SEASON, self._chance.choice(_SEATS))

    async def _accept(self, worker: Worker, ctx: RequestContext) -> None:
        await worker.season_holders.accept_swap(ctx, SEASON, self._chance.choice(_SEATS))

    async def _give_up(self, worker: Worker, ctx: RequestContext) -> None:
        await worker.season_holders.give_up(ctx, SEASON)
