"""The draw at an opening: one order for all workers, one ticket for a reader, and no guarantee of a
seat."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from secrets import token_hex
from typing import Any

import pytest

from models.kernel.errors import Throttled
from models.kernel.ids import ReaderId
from models.library.entities import SeatId
from models.opening_draw.calculation import SECRET_BYTES, commitment
from models.opening_draw.draw_repository import DrawRepository
from models.opening_draw.entities import Draw, Ticket
from models.opening_draw.repository import TicketRepository, _document
from models.opening_draw.rules import ROUND, ROUNDS, round_at
from models.opening_draw.service import PATIENCE, SETTLED_AFTER, OpeningDraw
from models.readers.context import IdempotencyKey, RequestContext
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.storage.mongo import new_id
from tests.builders import ZONE
from tests.inside import Inside, features
from tests.race.stage import (
    EIGHT,
    MONDAY,
    OTHER_SEAT,
    SEAT,
    Stage,
    both_sides_whole,
    clock,
    ctx,
    guarded,
    kinds,
    put_around,
    selection,
)

TOMORROW = MONDAY.date() + timedelta(days=1)
OPENS = EIGHT
FIRST = round_at(OPENS, OPENS) or 0


class Time:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.shown = OPENS
        self._moved = asyncio.Event()
        self._alarms: list[datetime] = []

    def now(self) -> datetime:
        return self.shown

    async def sleep(self, seconds: float) -> None:
        until = self.shown + timedelta(seconds=seconds)
        self._alarms.append(until)
        try:
            while self.shown < until:
                await self._moved.wait()
        finally:
            self._alarms.remove(until)

    @property
    def awaited(self) -> bool:
        """Whether rounds go on and each of them sleeps. Otherwise something is at the database."""
        rounds: int = sum(
            getattr(task.get_coro(), "__qualname__", "") == OpeningDraw._run.__qualname__
            for task in asyncio.all_tasks()
        )
        asleep = sum(until > self.shown for until in self._alarms)
        return 0 < rounds == asleep

    def move(self, by: timedelta) -> None:
        self.shown += by
        self._moved.set()
        self._moved = asyncio.Event()


class OwnOrder(TicketRepository):
    """The control: each worker serves in order of arrival instead of the drawn order."""

    async def in_order(self, day: date, round: int) -> list[Ticket]:
        return sorted(await super().in_order(day, round), key=lambda ticket: ticket.reader_id)


class ManyTickets(TicketRepository):
    """The control: a reader may have several tickets."""

    async def draw(self, ticket: Ticket, last_round: int) -> bool:
        await self._all.insert_one({**_document(ticket), "_id": new_id(), "place": "5"})
        return True


class OwnSecret(DrawRepository):
    """The control: a worker looks for the secret first, and stores its own where it saw none."""

    looked = asyncio.Barrier(8)

    async def commit(self, opens_at: datetime, now: datetime) -> Draw:
        if (draw := await self.get(opens_at)) is not None:
            return draw
        await self.looked.wait()
        made = Draw(opens_at, commitment(secret := token_hex(SECRET_BYTES)), now, secret, {})
        fields = {"commitment": made.commitment, "committed_at": now, "secret": "", "lists": []}
        await self._all.replace_one({"_id": opens_at}, fields, upsert=True)
        return made


@pytest.fixture
async def time_() -> Time:
    return Time()


async def workers(
    stage: Stage, time_: Time, count: int, tickets: type[TicketRepository] = TicketRepository
) -> list[Inside]:
    """Workers whose policy opens tomorrow at this moment by a draw."""
    usual = stage.inside.reference.policy
    policy = replace(usual, version=usual.version + 1, booking_opens_at=time(8), opening_draw=True)
    await stage.stored.policies.add_missing(policy, EIGHT)
    workers_made = []
    for _ in range(count):
        stored = type(stage.stored)(stage.db, stage.cipher)
        stored.opening_tickets = tickets(stage.db)
        worker = features(stage.db, stage.cipher, stored, time_.now, time_.sleep)
        await worker.reference.refresh()
        workers_made.append(worker)
    return workers_made


async def drawn(stage: Stage, count: int, round: int = FIRST) -> list[dict[str, Any]]:
    """The tickets of a round, once there are this many."""
    while True:
        rows = await stage.db["opening_tickets"].find({"round": round}).to_list(None)
        if len(rows) >= count:
            return list(rows)


async def ended(
    time_: Time, requests: Sequence[asyncio.Task[Reservation]]
) -> list[Reservation | BaseException]:
    """Ends the round. Then time passes only while all rounds sleep: a database that stands still
    lets no request stop waiting for its turn."""
    time_.move(ROUND + SETTLED_AFTER)
    while not all(request.done() for request in requests):
        await asyncio.wait(requests, timeout=0.02)
        if time_.awaited:
            time_.move(timedelta(milliseconds=5))
    return await asyncio.gather(*requests, return_exceptions=True)


def wish() -> TimeSelection:
    """Tomorrow from ten to twelve, or over midnight."""
    return replace(selection(10, 12), day=TOMORROW)


def start(worker: Inside, who: RequestContext, seat: str = SEAT) -> asyncio.Task[Reservation]:
    return asyncio.create_task(worker.reservations.create(who, seat, wish()))


@both_sides_whole
@guarded
async def test_all_workers_give_the_seat_to_the_first_ticket_of_the_draw(
    stage: Stage, time_: Time, guard: bool
) -> None:
    both = await workers(stage, time_, 2, TicketRepository if guard else OwnOrder)
    readers = [await stage.reader() for _ in range(20)]
    requests = [start(both[n % 2], ctx(reader)) for n, reader in enumerate(readers)]
    await drawn(stage, 20)
    assert await stage.stored.reservations.count() == 0, "nobody is served before the round ends"
    last = readers[-1].id  # who came last is first in the draw
    await stage.db["opening_tickets"].update_one({"reader": last}, {"$set": {"place": -1.0}})
    results = await ended(time_, requests)
    assert kinds(results) == {"ok": 1, "seat_taken": 19}
    (won,) = [one for one in results if isinstance(one, Reservation)]
    assert (won.reader_id == last) is guard
    # In the control the workers' orders differ, so one may wait for a ticket of the other.
    assert not guard or time_.now() < OPENS + ROUND + PATIENCE, "no ticket was waited for in vain"


@guarded
async def test_all_workers_commit_to_one_secret(stage: Stage, guard: bool) -> None:
    repository = DrawRepository if guard else OwnSecret
    workers_ = [repository(stage.db, stage.cipher) for _ in range(8)]
    draws = await asyncio.gather(*(worker.commit(OPENS, EIGHT) for worker in workers_))
    assert (len({draw.secret for draw in draws}) == 1) is guard
    assert not guard or await workers_[0].get(OPENS) == draws[0]


@both_sides_whole
@guarded
async def test_a_reader_has_one_ticket_in_all_workers(
    stage: Stage, time_: Time, guard: bool
) -> None:
    """Requests for many seats on many connections are drawn once."""
    all_of_them = await workers(stage, time_, 3, TicketRepository if guard else ManyTickets)
    reader = await stage.reader()
    seats = [SEAT, OTHER_SEAT, "2f-hall-003"]
    requests = [start(w, ctx(reader), seat) for w, seat in zip(all_of_them, seats, strict=True)]
    await drawn(stage, 1 if guard else 3)
    while guard and sum(request.done() for request in requests) < 2:
        await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
    results = await ended(time_, requests)
    expected = {"ok": 1, "draw_pending": 2} if guard else {"ok": 1, "own_overlap": 2}
    assert kinds(results) == expected
    assert len(await drawn(stage, 1)) == (1 if guard else 3)


@both_sides_whole
async def test_a_repeated_request_keeps_its_first_ticket(stage: Stage, time_: Time) -> None:
    """The repeated request at another worker waits in the same place and gets the same answer."""
    both = await workers(stage, time_, 2)
    reader = await stage.reader()
    who = RequestContext(reader, ctx(reader).actor, OPENS, IdempotencyKey("k", "d"))
    looked = asyncio.Event()

    async def looks() -> None:
        looked.set()

    put_around(both[1].stored.opening_tickets, "find_one", behind=looks)
    requests = [start(both[0], who)]
    await drawn(stage, 1)
    requests.append(start(both[1], who))
    await looked.wait()
    results = await ended(time_, requests)
    assert len(await drawn(stage, 1)) == 1
    assert await stage.stored.reservations.count() == 1
    # The first one may still be on its way when the second one is served: "in progress", at worst.
    assert kinds(results)["ok"] >= 1 and set(kinds(results)) <= {"ok", "in_progress"}


@both_sides_whole
async def test_a_ticket_of_a_crashed_worker_delays_the_draw_and_wins_nothing(
    stage: Stage, time_: Time
) -> None:
    """The others are served without it."""
    (worker,) = await workers(stage, time_, 1)
    lost, reader = await stage.reader(), await stage.reader()
    begin = clock(10) + timedelta(days=1)
    request = start(worker, ctx(reader))
    (row,) = await drawn(stage, 1)
    assert row["start"] == begin and SeatId(row["seat"]) == SEAT
    gone = {**row, "_id": f"{TOMORROW.isoformat()}:{lost.id}", "reader": ReaderId(lost.id)}
    await stage.db["opening_tickets"].insert_one({**gone, "place": -1.0, "request": "gone"})
    (result,) = await ended(time_, [request])
    assert isinstance(result, Reservation)
    assert OPENS + ROUND + PATIENCE <= time_.now() < OPENS + ROUND + 2 * PATIENCE
    assert await stage.stored.reservations.on_day(ZONE, lost.id, TOMORROW) == []
    # Its reader asks again, and is drawn in a later round.
    time_.move(OPENS + 2 * ROUND - time_.now())
    again = start(worker, ctx(lost), OTHER_SEAT)
    assert len(await drawn(stage, 1, round=FIRST + 2)) == 1
    assert kinds(await ended(time_, [again])) == {"ok": 1}


@both_sides_whole
async def test_a_reader_refused_in_the_draw_gets_a_ticket_of_a_later_round(
    stage: Stage, time_: Time
) -> None:
    (worker,) = await workers(stage, time_, 1)
    readers = [await stage.reader(), await stage.reader()]
    requests = [start(worker, ctx(reader)) for reader in readers]
    await drawn(stage, 2)
    results = await ended(time_, requests)
    loser = readers[0 if isinstance(results[1], Reservation) else 1]
    time_.move(OPENS + ROUND + SETTLED_AFTER - time_.now())
    with pytest.raises(Throttled):
        await start(worker, ctx(loser), OTHER_SEAT)
    time_.move(ROUND)
    request = start(worker, ctx(loser), OTHER_SEAT)
    await drawn(stage, 1, round=FIRST + 2)
    assert kinds(await ended(time_, [request])) == {"ok": 1}
    time_.move(ROUNDS * ROUND)
    late = await stage.reader()
    made = await worker.reservations.create(ctx(late), "2f-hall-005", wish())
    assert made.reader_id == late.id, "the draw is over, and nobody waits"


@both_sides_whole
async def test_a_day_that_opens_at_two_times_is_drawn_twice(stage: Stage, time_: Time) -> None:
    """Venues can open a day at times of their own. A reader who drew for a seat of one venue draws
    anew for the other, and the tickets of the two openings are served apart."""
    (worker,) = await workers(stage, time_, 1)
    reader, other = await stage.reader(), await stage.reader()
    requests = [start(worker, ctx(reader)), start(worker, ctx(other))]
    await drawn(stage, 2)
    lost = kinds(await ended(time_, requests))
    assert lost == {"ok": 1, "seat_taken": 1}
    usual = worker.reference.policy
    later = replace(usual, version=usual.version + 1, booking_opens_at=time(9))
    await stage.stored.policies.add_missing(later, EIGHT)
    await worker.reference.refresh()
    time_.move(OPENS + timedelta(hours=1) - time_.now())
    loser = (
        reader if not await stage.stored.reservations.on_day(ZONE, reader.id, TOMORROW) else other
    )
    request = start(worker, replace(ctx(loser), now=time_.now()), OTHER_SEAT)
    opening = round_at(time_.now(), time_.now())
    assert opening is not None and len(await drawn(stage, 1, opening)) == 1
    assert kinds(await ended(time_, [request])) == {"ok": 1}
