"""The readers of a simulated day, and their behaviour."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from math import inf
from typing import Any, Final, Protocol

from lab.history.records import Operation, PartyEnd
from lab.proof.simulated_library import AREA, Worker, context, library_zone, seat, wish
from lab.proof.simulated_loop import PLAYER
from lab.proof.simulation import Recorder, Run
from models.check_in.arrival import KioskCodeScan
from models.kernel.errors import Busy, DomainError
from models.kernel.time_range import floor_minute
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.errors import RequestRefused
from models.reservations.party import Party
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState

SEATS: Final = 5
LASTS: Final = timedelta(hours=15)
CLOCK_S: Final = 8.0
"""Seconds by which a worker's clock may be wrong. At more than ten the service would decide
nothing."""
ASKS_AGAIN_S: Final = 3.0
TRIES: Final = 20
_FRIENDS: Final = 3
"""The number of readers who are invited to each party."""
ANSWERED_WITHIN_S: Final = 60.0
"""Seconds within which a reader must have an answer once nothing fails any more."""
Ask = Callable[[Worker, RequestContext], Coroutine[Any, Any, Reservation]]
"""A visitor's request to a worker."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to sit together; ``word``: the one in its link."""

    party: Party
    word: str


class World(Protocol):
    """The parts of a simulated day that its readers use."""

    chance: random.Random
    run: Run
    recorder: Recorder
    unanswered: list[str]
    """The requests that had no answer in time, with their readers."""
    away: bool
    """True while the service is down."""
    visitors: Sequence[Visitor]
    """All readers, who invite one another."""

    @property
    def calm(self) -> bool:
        """True once nothing fails any more."""

    @property
    def hour(self) -> int:
        """The current hour; after midnight it goes on from 24."""

    @property
    def last_hour(self) -> int:
        """The last full hour before the closing, counted like ``hour``."""

    def now(self, worker: Worker) -> datetime:
        """The time on the worker's clock."""

    def worker(self) -> Worker:
        """A random worker, as a load balancer would choose."""

    def code(self) -> KioskCodeScan:
        """A kiosk code that no reader has used."""

    async def safely(self, worker: Worker, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of ``work``; None if the worker crashed meanwhile or had no database."""


class Visitor:
    """A reader's day. The reader does one thing after another, each under a key of its own, and
    repeats what has no answer."""

    def __init__(self, world: World, reader: Reader) -> None:
        self._world, self._reader = world, reader
        self._chance, self._recorder = world.chance, world.recorder
        self._name: str = reader.id
        self._taps = 0
        self.invitations = asyncio.Queue[Invitation]()

    async def live(self) -> None:
        PLAYER.set(self._name)
        loop = asyncio.get_running_loop()
        while loop.time() < LASTS.total_seconds():
            invitation = await self._invited()
            acts = (self._book, self._book, self._book_now, self._wait, self._sit_together)
            r = await (self._join(invitation) if invitation else self._chance.choice(acts)())
            if r is not None:
                await self._use(r.id)

    async def _tap(
        self,
        verb: str,
        act: Ask,
        target: str = "",
        requested: tuple[str, datetime, datetime] | None = None,
    ) -> Operation:
        """Sends a request, and repeats it under the same key until it is answered. Sometimes two
        are sent at once, as by an impatient client."""
        self._taps += 1
        key = f"{self._name}-{self._taps}" if verb != "accept" else ""
        operation: Operation | None = None
        loop, calm_since = asyncio.get_running_loop(), inf
        for number in count(1):
            while self._world.away:  # the reader goes on trying
                operation = operation or self._recorder.unserved(
                    self._reader.id, verb, key, target, requested
                )
                await asyncio.sleep(ASKS_AGAIN_S)
            calm_since = min(calm_since, loop.time()) if self._world.calm else inf
            workers = [self._world.worker()]
            if operation is None and key and self._chance.random() < 0.05:
                workers = list(self._world.run.workers.values())
            tries = [self._once(w, verb, key, act, target, requested, operation) for w in workers]
            for made in await asyncio.gather(*tries):
                operation = made if operation is None or operation.unknown else operation
            if operation is None or not operation.unknown or not key:
                break
            if loop.time() - calm_since > ANSWERED_WITHIN_S:
                self._world.unanswered.append(f"{verb} by {self._reader.id}")
                break
            if number > TRIES and not self._world.calm:
                break
            await asyncio.sleep(ASKS_AGAIN_S)
        return operation or Operation(self._reader.id, verb, key, target, self._recorder.instant)

    async def _once(
        self,
        worker: Worker,
        verb: str,
        key: str,
        act: Ask,
        target: str,
        requested: tuple[str, datetime, datetime] | None,
        again: Operation | None,
    ) -> Operation | None:
        ctx = context(
            self._reader, self._world.now(worker), key or None, repeated=again is not None
        )
        tap = self._recorder.tap(
            self._reader.id, verb, key, lambda: act(worker, ctx), target, requested, again
        )
        made: Operation | None = await self._world.safely(worker, tap)
        if made is None and again is None:  # the worker crashed, after the tap was recorded
            own = (o for o in self._recorder.history.operations if o.key == key)
            return next(own, None) if key else None
        return made or again

    async def _look(self, id: str) -> Reservation | None:
        worker = self._world.worker()
        reservation = await self._world.safely(worker, worker.stored.reservations.get(id))
        return reservation if isinstance(reservation, Reservation) else None

    async def _book(self) -> Reservation | None:
        """Books a seat for some later hours of the day."""
        start = self._world.hour + self._chance.randint(1, 3)
        end = start + self._chance.randint(1, 3)
        return await self._reserve(wish(start, end)) if end <= self._world.last_hour else None

    async def _book_now(self) -> Reservation | None:
        hour = self._world.hour
        end = hour + self._chance.randint(1, 3)
        return await self._reserve(wish(None, end, hour)) if end <= self._world.last_hour else None

    async def _reserve(self, when: TimeSelection) -> Reservation | None:
        place = seat(self._chance.randint(1, SEATS))
        # A booking from now on starts by the worker's clock, which may be behind.
        start = floor_minute(self._recorder.instant - timedelta(seconds=CLOCK_S))
        if when.start is not None:
            start = library_zone().instant(when.day, when.start)
        end = library_zone().next_instant(start, when.end)
        made = await self._tap(
            "reserve",
            lambda worker, ctx: worker.reservations.create(ctx, place, when),
            requested=(place, start, end),
        )
        return await self._look(made.promise.id) if made.promise is not None else None

    async def _invited(self) -> Invitation | None:
        """Waits until the reader wants something, then returns None; or until friends have invited
        them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._chance.expovariate(1 / 2400)):
                return await self.invitations.get()
        return None

    async def _sit_together(self) -> Reservation | None:
        """Books a seat now or for later, has others held for friends, and invites some readers.
        Sometimes gives back what nobody has accepted."""
        hour, chance = self._world.hour, self._chance
        start = chance.choice((None, hour + chance.randint(1, 3)))
        end = (hour if start is None else start) + chance.randint(1, 3)
        if end > self._world.last_hour:
            return None
        own, *others = chance.sample([seat(n) for n in range(1, SEATS + 1)], chance.randint(2, 3))
        when = wish(start, end, hour)
        made = await self._tap("reserve", lambda w, ctx: w.parties.begin(ctx, own, others, when))
        r = await self._look(made.promise.id) if made.promise is not None else None
        if r is None:
            return None
        worker = self._world.worker()
        party = await self._world.safely(worker, worker.parties.own(self._reader.id, r.id))
        if party is None:
            return r
        invitation = Invitation(party, worker.parties.invitation_of(party))
        for friend in chance.sample(self._world.visitors, _FRIENDS):
            friend.invitations.put_nowait(invitation)
        if chance.random() < 0.3:
            await asyncio.sleep(chance.uniform(30, 500))
            worker = self._world.worker()
            ctx = context(self._reader, self._world.now(worker))
            request = PartyEnd(self._recorder.instant)
            self._recorder.history.party_ends[party.id] = request
            with suppress(Busy):
                if await self._world.safely(worker, worker.parties.end(ctx, r.id)) is not None:
                    request.answered_at = self._recorder.instant
        return r

    async def _join(self, invitation: Invitation) -> Reservation | None:
        """Accepts a certain seat or any, if one is still held, at once or up to eleven minutes
        later."""
        await asyncio.sleep(max(0.0, self._chance.uniform(-660, 660)))
        party, word = invitation.party, invitation.word
        place = self._chance.choice((None, *(each.id for each in party.seats)))
        requested = (place, party.span.start, party.span.end) if place is not None else None
        made = await self._tap(
            "reserve", lambda w, ctx: w.parties.accept(ctx, word, place), party.id, requested
        )
        return await self._look(made.promise.id) if made.promise is not None else None

    async def _wait(self) -> Reservation | None:
        """Joins the waitlist for the next hours, and answers an offer."""
        hour = self._world.hour
        if hour + 3 > self._world.last_hour:
            return None
        worker = self._world.worker()
        ctx = context(self._reader, self._world.now(worker))
        joining = worker.waitlist.join(ctx, AREA, [], frozenset(), wish(hour + 1, hour + 3))
        with suppress(DomainError):
            await self._world.safely(worker, joining)
        for _ in range(8):
            await asyncio.sleep(300)
            worker = self._world.worker()
            entries = await self._world.safely(worker, worker.waitlist.open_of(self._reader.id))
            for entry in entries or ():
                if entry.offer is not None:
                    return await self._answer(entry.offer)
        return None

    async def _answer(self, id: str) -> Reservation | None:
        if self._chance.random() < 0.3:
            worker = self._world.worker()
            ctx = context(self._reader, self._world.now(worker))
            with suppress(DomainError):
                await self._world.safely(worker, worker.waitlist.decline(ctx, id))
            return None
        offer = await self._look(id)
        if offer is None:
            return None
        requested = offer.seat_id, offer.start, offer.end
        await self._tap("accept", lambda w, ctx: w.waitlist.accept(ctx, id), id, requested)
        return await self._look(id)

    async def _use(self, id: str) -> None:
        """Cancels, changes or misses the booking, or uses the seat, with leave, earlier end and
        renewal."""
        fate = self._chance.random()
        if fate < 0.2:
            await self._tap("cancel", lambda w, ctx: w.reservations.cancel(ctx, id), id)
            return
        if fate < 0.35:
            await self._change(id)
        r = await self._look(id)
        if r is None or self._chance.random() < 0.15:
            return
        await self._until(r.start + timedelta(minutes=self._chance.randint(-20, 20)))
        if not await self._check_in(id):
            return
        if self._chance.random() < 0.4:
            await self._tap("leave", lambda w, ctx: w.check_in.leave(ctx, id), id)
            await asyncio.sleep(self._chance.uniform(60, 2400))
            back = self._world.code()
            await self._tap(
                "return", lambda w, ctx: w.check_in.return_from_leave(ctx, id, back), id
            )
        if self._chance.random() < 0.3 and r.end - r.start > timedelta(hours=1):
            r = await self._shorten(r) or r
        await self._until(r.end - timedelta(minutes=self._chance.randint(1, 50)))
        if self._chance.random() < 0.3:
            later = (r.end + timedelta(hours=9)).time()
            await self._tap("extend", lambda w, ctx: w.renewal.renew(ctx, id, later), id)
        elif self._chance.random() < 0.6:
            await self._tap("finish", lambda w, ctx: w.check_in.finish(ctx, id), id)

    async def _check_in(self, id: str) -> bool:
        """Scans a code, and another one where the answer to a refused attempt was lost: readers are
        told to do it again."""
        while (there := await self._scan(id)).refusal == RequestRefused.code:
            pass
        return there.promise is not None

    async def _scan(self, id: str) -> Operation:
        scan = self._world.code()
        return await self._tap("check_in", lambda w, ctx: w.check_in.check_in(ctx, id, scan), id)

    async def _change(self, id: str) -> None:
        r = await self._look(id)
        if r is None or r.state is not ReservationState.RESERVED:
            return
        others = [seat(n) for n in range(1, SEATS + 1) if seat(n) != r.seat_id]
        place = self._chance.choice(others)
        there = (place, r.start, r.end)
        await self._tap(
            "change", lambda w, c: w.reservations.change(c, id, place, None, None), id, there
        )

    async def _shorten(self, r: Reservation) -> Reservation | None:
        end = r.end - timedelta(hours=1)
        clock, requested = (end + timedelta(hours=8)).time(), (r.seat_id, r.start, end)
        await self._tap(
            "shorten", lambda w, c: w.early_end.shorten(c, r.id, clock), r.id, requested
        )
        return await self._look(r.id)

    async def _until(self, instant: datetime) -> None:
        wait = (instant - self._recorder.instant).total_seconds()
        await asyncio.sleep(max(0.0, wait))
