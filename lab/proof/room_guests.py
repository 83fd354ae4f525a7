"""The requests that readers of a simulated day make about rooms, beside their bookings of seats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import Final

from lab.history.records import Operation
from lab.proof.room_acts import DESK, blocks, series_of
from lab.proof.simulated_library import ASKED, ROOMS, Worker, at, context, wish
from lab.proof.simulated_loop import PLAYER
from lab.proof.visitors import ANSWERED_WITHIN_S, ASKS_AGAIN_S, LASTS, TRIES, World
from models.library.rooms import RequestAnswer
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking
from models.rooms.changes import RoomWish

_INVITED: Final = 2
"""The number of readers who are invited to each room."""
_BLOCKED: Final = 0.15
"""Share of the stays that are the library's own."""
Ask = Callable[[Worker, RequestContext], Awaitable[RoomBooking | RoomBlock]]
"""A request about a room to a worker."""


@dataclass(frozen=True, slots=True)
class RoomInvitation:
    """An invitation to take part in the booking of a room; ``word``: the one in its link."""

    booking: str
    word: str


class RoomGuest:
    """A reader who books rooms and takes part in the bookings of others. ``guests``: all of
    them."""

    def __init__(self, world: World, reader: Reader, guests: Sequence[RoomGuest]) -> None:
        self._world, self._reader, self._guests = world, reader, guests
        self._chance, self._recorder = world.chance, world.recorder
        self._taps = 0
        self.invitations = asyncio.Queue[RoomInvitation]()

    async def live(self) -> None:
        PLAYER.set(f"{self._reader.id}-rooms")
        loop = asyncio.get_running_loop()
        while loop.time() < LASTS.total_seconds():
            invitation = None
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chance.expovariate(1 / 7200)):
                    invitation = await self.invitations.get()
            await (self._join(invitation) if invitation else self._meet())

    async def _join(self, invitation: RoomInvitation) -> None:
        """Confirms at once or up to an hour later."""
        await asyncio.sleep(max(0.0, self._chance.uniform(-3600, 3600)))
        word = invitation.word
        await self._tap("confirm", lambda w, ctx: w.rooms.confirm(ctx, word), invitation.booking)

    async def _meet(self) -> None:
        """Books a room for some later hours and invites some readers; then cancels the booking,
        does not come, or uses the room, sometimes not until the end. Or the desk blocks the room
        then."""
        chance, hour = self._chance, self._world.hour
        start, room = hour + chance.randint(1, 3), chance.choice(ROOMS)
        end = start + chance.randint(1, 2)
        if end > self._world.last_hour:
            return
        place = room, at(start), at(end)
        if chance.random() < _BLOCKED:
            series = series_of(f"{chance.getrandbits(96):024x}", room, start, end, 1)
            await self._tap("block", lambda w, c: blocks(w, series, c.now), requested=place)
            return
        made = await self._tap(
            "book", lambda w, c: w.rooms.book(c, room, wish(start, end), ""), requested=place
        )
        if made.promise is None:
            return
        id, begins = made.promise.id, made.promise.start
        await self._invite(id)
        if room == ASKED and chance.random() < 0.8:
            yes = RequestAnswer.APPROVE
            await self._tap("approve", lambda w, c: w.rooms.answer(id, yes, "", DESK, c.now), id)
        if chance.random() < 0.3:
            begins = await self._change(id, begins)
        fate = chance.random()
        if fate < 0.2:
            await self._tap("cancel", lambda w, ctx: w.rooms.cancel(ctx, id), id)
        elif fate < 0.8:
            await self._use(id, begins)

    async def _change(self, id: str, begins: datetime) -> datetime:
        """Chooses another room or another hour; returns when the stay begins
        then."""
        room, start = self._chance.choice(ROOMS), self._world.hour + self._chance.randint(1, 4)
        end = start + 1
        if end > self._world.last_hour:
            return begins
        when = wish(start, end)
        to = RoomWish(room, when.day, when.start, when.end)
        operation = await self._tap(
            "change",
            lambda w, c: w.room_changes.change(c, id, to),
            id,
            (room, at(start), at(end)),
        )
        return operation.promise.start if operation.promise is not None else begins

    async def _invite(self, id: str) -> None:
        worker = self._world.worker()
        booking = await self._world.safely(worker, worker.rooms.get(id))
        if booking is not None:
            invitation = RoomInvitation(id, worker.rooms.invitation_to(booking))
            for guest in self._chance.sample(self._guests, _INVITED):
                guest.invitations.put_nowait(invitation)

    async def _use(self, id: str, begins: datetime) -> None:
        """Comes to the room, and gives it back some time later, if the stay is not over by
        then."""
        moment = begins + timedelta(minutes=self._chance.randint(-10, 25))
        await asyncio.sleep(max(0.0, (moment - self._recorder.instant).total_seconds()))
        scan = self._world.code()
        there = await self._tap("check_in", lambda w, c: w.room_presence.check_in(c, id, scan), id)
        if there.promise is not None:
            await asyncio.sleep(self._chance.uniform(60, 7200))
            await self._tap("finish", lambda w, ctx: w.rooms.finish(ctx, id), id)

    async def _tap(
        self,
        verb: str,
        ask: Ask,
        target: str = "",
        requested: tuple[str, datetime, datetime] | None = None,
    ) -> Operation:
        """Sends a request, and repeats it until it is answered."""
        self._taps += 1
        name, reader = f"{self._reader.id}-room-{self._taps}", self._reader.id
        operation = Operation(reader, verb, name, target, self._recorder.instant)
        operation.requested = requested
        self._recorder.history.room_operations.append(operation)
        loop, calm_since = asyncio.get_running_loop(), inf
        while operation.unknown:
            if self._world.away:  # the reader goes on trying
                await asyncio.sleep(ASKS_AGAIN_S)
                continue
            calm_since = min(calm_since, loop.time()) if self._world.calm else inf
            worker = self._world.worker()
            ctx = context(self._reader, self._world.now(worker))
            tap = self._recorder.room_tap(
                reader, verb, name, partial(ask, worker, ctx), again=operation
            )
            await self._world.safely(worker, tap)
            if not operation.unknown or (operation.attempts > TRIES and not self._world.calm):
                break
            if loop.time() - calm_since > ANSWERED_WITHIN_S:
                self._world.unanswered.append(f"{verb} by {reader}")
                break
            await asyncio.sleep(ASKS_AGAIN_S)
        return operation
