"""The draw at an opening: requests of one round are served in an order that a secret decides, to
which the service has committed before the opening.

A request waits for its turn and then books as usual: the claim index decides, and no request gets a
response before its turn. A worker waits no longer than ``PATIENCE`` for outcomes of other workers'
requests, since a worker may have crashed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from models.kernel.errors import Throttled, Unavailable
from models.kernel.request_id import without_request
from models.kernel.zone import Zone
from models.opening_draw.calculation import SALT_BYTES, place
from models.opening_draw.draw_repository import DrawRepository
from models.opening_draw.entities import Draw, Outcome, Ticket
from models.opening_draw.errors import AnotherTicketWaits
from models.opening_draw.repository import TicketRepository
from models.opening_draw.rules import (
    ROUND,
    ROUNDS_BETWEEN,
    ServingOrder,
    round_at,
    round_ends,
    too_early_by,
)
from models.readers.context import RequestContext

SETTLED_AFTER: Final = timedelta(milliseconds=150)
"""A round's order is read this long after its end. Tickets stored later move to a later round."""
PATIENCE: Final = timedelta(milliseconds=1000)
"""Workers wait this long after a round's end for others' outcomes: a worker may have crashed."""
SERVED_AT_ONCE: Final = 128
"""At most this many requests of the draw are served simultaneously in a worker. Requests that
load shedding admits come on top of them."""
_ASK_EVERY_S: Final = 0.04

Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Turn:
    drawn: bool
    """False if the draw is over, and the request is served in the order of its arrival."""
    outcome: Outcome = Outcome.REFUSED


class _Round:
    def __init__(self, draw: Draw, day: date, number: int, ends_at: datetime) -> None:
        self.draw, self.day, self.number, self.ends_at = draw, day, number, ends_at
        self.turns: dict[str, asyncio.Future[None]] = {}
        self.order: ServingOrder | None = None
        self.task: asyncio.Task[None] | None = None

    def call(self, ids: list[str]) -> None:
        for id in ids:
            turn = self.turns.get(id)
            if turn is not None and not turn.done():
                turn.set_result(None)

    @property
    def waiting(self) -> bool:
        return any(not turn.done() for turn in self.turns.values())


class OpeningDraw:
    """Lets requests wait for their turn. ``now`` returns the business time by MongoDB's clock."""

    def __init__(
        self,
        tickets: TicketRepository,
        draws: DrawRepository,
        now: Callable[[], datetime],
        sleep: Sleep,
        zone: Callable[[], Zone],
    ) -> None:
        self._tickets, self._draws = tickets, draws
        self._now, self._sleep, self._zone = now, sleep, zone
        self._draw_of: dict[datetime, Draw] = {}
        self._rounds: dict[tuple[date, int], _Round] = {}
        self._held: dict[str, Ticket] = {}
        self._serving = asyncio.Semaphore(SERVED_AT_ONCE)
        self._cleaned: date | None = None

    @property
    def waiting(self) -> int:
        """The number of this worker's tickets that wait or are being served."""
        return len(self._held)

    @asynccontextmanager
    async def turn(
        self, ctx: RequestContext, ticket: Ticket, opens_at: datetime
    ) -> AsyncIterator[Turn]:
        """Runs the block when it is the request's turn, or immediately if the draw is over. The
        ticket gets its round, salt and place here. Raises: AnotherTicketWaits, Throttled,
        Unavailable."""
        number = round_at(opens_at, self._now())
        if number is None:
            yield Turn(drawn=False)
            return
        with ctx.step_aside():
            draw = await self._committed(opens_at)
            salt = secrets.token_hex(SALT_BYTES)
            ticket = await self._draw(draw, _placed(draw, replace(ticket, salt=salt), number))
            self._held[ticket.id] = ticket
            try:
                await self._wait(draw, ticket)
            except BaseException:
                self._held.pop(ticket.id, None)
                raise
        turn = Turn(drawn=True)
        try:
            yield turn
        finally:
            self._serving.release()
            self._held.pop(ticket.id, None)
            await self._served(ticket, turn.outcome)

    async def _committed(self, opens_at: datetime) -> Draw:
        """The draw of the opening, which usually was committed to before it."""
        draw = self._draw_of.get(opens_at)
        if draw is None:
            draw = await self._draws.commit(opens_at, self._now())
            self._draw_of = {opens_at: draw}
        return draw

    async def _draw(self, draw: Draw, ticket: Ticket) -> Ticket:
        """Stores the ticket with its place; returns it with its round. If an earlier ticket
        of the reader was served already, the new one gets a later round. Raises:
        AnotherTicketWaits if a different request of the reader still waits; Throttled if the
        round is too far away."""
        while True:
            held = self._held.get(ticket.id)
            if held is not None:
                return _joined(held, ticket)
            if await self._tickets.draw(ticket, ticket.round - ROUNDS_BETWEEN):
                return await self._in_time(draw, ticket)
            stored = await self._tickets.get(ticket.id)
            if stored is None:
                continue
            last, served = stored
            if not served and self._now() < round_ends(last.round) + PATIENCE:
                return _joined(last, ticket)
            number = last.round + ROUNDS_BETWEEN
            wait = too_early_by(number, self._now())
            if wait is not None:
                raise Throttled(wait.total_seconds())
            ticket = _placed(draw, ticket, number)

    async def _in_time(self, draw: Draw, ticket: Ticket) -> Ticket:
        """The ticket, moved to a later round if it was stored after its round's order was read."""
        late = self._now() - round_ends(ticket.round)
        while late > SETTLED_AFTER:
            later = _placed(draw, ticket, ticket.round + 1 + late // ROUND)
            await self._tickets.draw_again(ticket, later)
            ticket = later
            late = self._now() - round_ends(ticket.round)
        return ticket

    async def _wait(self, draw: Draw, ticket: Ticket) -> None:
        """Waits for the ticket's turn, with fewer than ``SERVED_AT_ONCE`` requests in progress."""
        key = ticket.day, ticket.round
        round = self._rounds.get(key)
        if round is None:
            ends = round_ends(ticket.round)
            round = self._rounds[key] = _Round(draw, ticket.day, ticket.round, ends)
            round.task = asyncio.create_task(self._run(round), context=without_request())
        turn = round.turns.get(ticket.id)
        if turn is None:
            turn = round.turns[ticket.id] = asyncio.get_running_loop().create_future()
        await asyncio.shield(turn)  # several requests may share one ticket
        await self._serving.acquire()

    async def _served(self, ticket: Ticket, outcome: Outcome) -> None:
        round = self._rounds.get((ticket.day, ticket.round))
        if round is not None and round.order is not None:
            round.call(round.order.served(ticket.id, outcome))
        with suppress(Unavailable):  # the booking itself has its outcome
            await self._tickets.record(ticket, outcome)

    async def _run(self, round: _Round) -> None:
        try:
            if self._cleaned != round.day:
                self._cleaned = round.day
                with suppress(Unavailable):
                    await self._tickets.remove_before(round.day)
            until = round.ends_at + SETTLED_AFTER
            await self._sleep((until - self._now()).total_seconds())
            with suppress(Unavailable):  # without MongoDB there is neither an order nor a booking
                await self._call_in_order(round)
        finally:
            del self._rounds[round.day, round.number]
            round.call(round.order.rest() if round.order is not None else [])
            round.call(list(round.turns))

    async def _call_in_order(self, round: _Round) -> None:
        tickets = await self._tickets.in_order(round.day, round.number)
        applications = [ticket.application for ticket in tickets]
        await self._draws.record(round.draw, round.day, round.number, applications)
        round.order = order = ServingOrder(self._zone(), tickets)
        round.call(order.first())
        while round.waiting and self._now() < round.ends_at + PATIENCE:
            await self._sleep(_ASK_EVERY_S)
            if not round.waiting:
                break
            outcomes = await self._tickets.outcomes(order.unserved(), round.number)
            for id, outcome in outcomes.items():
                round.call(order.served(id, outcome))


def _placed(draw: Draw, ticket: Ticket, round: int) -> Ticket:
    """The ticket in that round, with its place there."""
    of_round = place(draw.secret, ticket.day.isoformat(), round, ticket.application)
    return replace(ticket, round=round, place=of_round)


def _joined(other: Ticket, ticket: Ticket) -> Ticket:
    """The ticket ``other`` that the reader has already, if it is from the same request as
    ``ticket``. Raises: AnotherTicketWaits if it is not."""
    if other.request != ticket.request:
        raise AnotherTicketWaits()
    return other
