"""A refusal from memory alone is right, costs nothing, and is never given by an old one."""

from __future__ import annotations

import asyncio
import time as real_time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pymongo
import pytest
from pymongo.monitoring import CommandListener

from models.kernel.errors import DomainError
from models.readers.context import IdempotencyKey
from models.reservations.entities import Reservation
from models.reservations.errors import DailyLimit, OverlapsOwnBooking, SeatTaken
from models.reservations.live_occupancy import REFUSE_WITHIN_S
from models.reservations.state_machine import LIVE, ReservationState
from models.storage.encryption import FieldCipher
from models.storage.mongo import CODEC
from tests.inside import features
from tests.race.stage import SEATS, Stage, ctx, selection
from tests.race.test_occupancy import TODAY, Worker, two_workers, until


class Commands(CommandListener):
    """What one client sends about bookings; its change stream and heartbeats do not count."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: Any) -> None:
        if event.command_name not in ("getMore", "hello", "endSessions", "killCursors"):
            self.names.append(event.command_name)

    def succeeded(self, event: Any) -> None: ...

    def failed(self, event: Any) -> None: ...


@asynccontextmanager
async def counted_worker(
    url: str, name: str, cipher: FieldCipher
) -> AsyncIterator[tuple[Worker, Commands]]:
    commands = Commands()
    client: Any = pymongo.AsyncMongoClient(url, event_listeners=[commands])
    db: Any = client.get_database(
        name, codec_options=CODEC, write_concern=pymongo.WriteConcern(w="majority")
    )
    made = Worker(features(db, cipher))
    await made.inside.reference.refresh()
    made.follow()
    try:
        await made.fresh()
        yield made, commands
    finally:
        await made.stop()
        await client.close()


async def test_a_refusal_from_memory_costs_nothing(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    holder, reader = await stage.reader(), await stage.reader()
    async with counted_worker(mongo_url, theatre, stage.cipher) as (one, commands):
        held = await stage.reserved(holder)  # by another worker
        own = await stage.reserved(reader, SEATS[5], 14, 15)

        async def heard() -> bool:
            rows = (await one.inside.occupancy.get_day(TODAY)).rows
            return held.id in rows and own.id in rows

        await until(heard, "the others' bookings are heard of")
        refusals: list[tuple[type[DomainError], str, int, int]] = [
            (SeatTaken, SEATS[0], 10, 12),
            (SeatTaken, SEATS[0], 9, 11),
            (OverlapsOwnBooking, SEATS[5], 14, 15),
            (OverlapsOwnBooking, SEATS[7], 13, 17),
        ]
        for error, seat, start, stop in refusals:
            await one.fresh()
            commands.names.clear()
            with pytest.raises(error) as refused:
                await one.inside.reservations.create(ctx(reader), seat, selection(start, stop))
            assert commands.names == [], error
            if isinstance(refused.value, SeatTaken):
                assert refused.value.details["nearest"]
            # It is what the index says.
            with pytest.raises(error):
                await stage.inside.reservations.create(ctx(reader), seat, selection(start, stop))
        await stage.reserved(reader, SEATS[6], 9, 10)
        for hour in (16, 18, 20):
            await stage.reserved(reader, SEATS[hour], hour, hour + 1)

        async def five() -> bool:
            return (
                len((await one.inside.occupancy.get_day(TODAY)).by_reader.get(reader.id, ())) == 5
            )

        await until(five, "the reader's five bookings are heard of")
        await one.fresh()
        commands.names.clear()
        with pytest.raises(DailyLimit):
            await one.inside.reservations.create(ctx(reader), SEATS[0], selection(10, 11))
        assert commands.names == []


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_silent_occupancy_asks_the_index(
    stage: Stage, mongo_url: str, theatre: str, guarded: bool
) -> None:
    """What it believes to be taken may long be free: nobody has told it."""
    holder, reader = await stage.reader(), await stage.reader()
    async with counted_worker(mongo_url, theatre, stage.cipher) as (one, commands):
        held = await one.inside.reservations.create(ctx(holder), SEATS[0], selection(10, 11))
        await one.stop()
        await stage.inside.reservations.cancel(ctx(holder), held.id)

        async def silent() -> bool:
            return one.inside.occupancy.authoritative_day(TODAY) is None

        await until(silent, "the stream is silent for too long", within_s=3)
        occupancy = one.inside.occupancy.current(TODAY)
        assert occupancy is not None and held.id in occupancy.rows, "it has not heard of it"
        if not guarded:
            one.inside.occupancy._as_of = float("inf")  # believed for ever
            with pytest.raises(SeatTaken):
                await one.inside.reservations.create(ctx(reader), SEATS[0], selection(10, 11))
            return
        commands.names.clear()
        made = await one.inside.reservations.create(ctx(reader), SEATS[0], selection(10, 11))
        assert made.state is ReservationState.RESERVED and commands.names == ["insert"]


async def test_every_refusal_is_right(stage: Stage, mongo_url: str, theatre: str) -> None:
    """A seat is taken and given back by another worker's readers. Who is refused is refused for a
    holder of the last quarter of a second, never for one of before; and it ends."""
    holder, reader = await stage.reader(), await stage.reader()
    refused = 0
    async with two_workers(mongo_url, theatre, stage.cipher) as (one, other):
        for _ in range(12):
            held = await other.inside.reservations.create(ctx(holder), SEATS[0], selection(10, 11))
            await one.fresh()
            cancelling = asyncio.create_task(other.inside.reservations.cancel(ctx(holder), held.id))
            given_back = float("inf")
            while True:
                if cancelling.done():
                    given_back = min(given_back, real_time.monotonic())
                asked = real_time.monotonic()
                try:
                    won = await one.inside.reservations.create(
                        ctx(reader), SEATS[0], selection(10, 11)
                    )
                    break
                except SeatTaken:
                    refused += 1
                    assert asked <= given_back + REFUSE_WITHIN_S
                await asyncio.sleep(0)
            await cancelling
            await one.inside.reservations.cancel(ctx(reader), won.id)

            async def free(won: Reservation = won) -> bool:
                return won.id not in (await other.inside.occupancy.get_day(TODAY)).rows

            await until(free, "the other worker hears that it is free")
    assert refused > 12, "most were refused by the occupancy, until it heard"


async def test_a_repeat_is_given_its_first_success(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    reader = await stage.reader()
    asked = ctx(reader, key=IdempotencyKey("once", "digest"))
    async with two_workers(mongo_url, theatre, stage.cipher) as workers:
        first = await workers[0].inside.reservations.create(asked, SEATS[0], selection(10, 11))
        for one in workers:

            async def knows(one: Worker = one) -> bool:
                return first.id in (await one.inside.occupancy.get_day(TODAY)).rows

            await until(knows, "the booking is heard of")
            await one.fresh()
            again: Reservation = await one.inside.reservations.create(
                asked, SEATS[0], selection(10, 11)
            )
            assert (again.id, again.state in LIVE) == (first.id, True)
            with pytest.raises(OverlapsOwnBooking):
                await one.inside.reservations.create(ctx(reader), SEATS[0], selection(10, 11))
