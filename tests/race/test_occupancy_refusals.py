"""A refusal from memory is correct, costs nothing, and never comes from an outdated occupancy."""

from __future__ import annotations

import asyncio
import time as real_time
from functools import partial

import pytest

from models.readers.context import IdempotencyKey
from models.reservations.entities import Reservation
from models.reservations.errors import DailyLimit, OwnOverlap, SeatTaken
from models.reservations.state_machine import LIVE, ReservationState
from tests.race.occupancy_workers import TODAY, Worker, counted_worker, two_workers
from tests.race.stage import SEATS, Stage, both_sides_whole, ctx, other_hours, selection
from tests.waiting import until


@both_sides_whole
async def test_a_refusal_from_memory_sends_no_database_command(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    holder, reader = await stage.reader(), await stage.reader()
    async with counted_worker(mongo_url, theatre, stage.cipher) as (one, commands):
        held = await stage.reserved(holder)  # by another worker

        async def heard() -> bool:
            return held.id in (await one.inside.occupancy.get_day(TODAY)).rows

        await until(heard, "the other's booking is heard of")
        for start, stop in ((10, 12), (9, 11)):
            await one.fresh()
            commands.names.clear()
            with pytest.raises(SeatTaken) as refused:
                await one.inside.reservations.create(ctx(reader), SEATS[0], selection(start, stop))
            assert commands.names == [] and refused.value.details["nearest"]
            # It is what the index says.
            with pytest.raises(SeatTaken):
                await stage.inside.reservations.create(
                    ctx(reader), SEATS[0], selection(start, stop)
                )


@both_sides_whole
@pytest.mark.parametrize("mine", [True, False])
async def test_bookings_readers_cancelled_at_another_worker_do_not_block_them(
    stage: Stage, mongo_url: str, theatre: str, mine: bool
) -> None:
    """They cancel at one worker and book again at another that does not know of it. The control is
    a seat that another reader gave up: for a moment the other worker refuses it."""
    reader, holder = await stage.reader(), await stage.reader()
    async with counted_worker(mongo_url, theatre, stage.cipher) as (one, _):
        held = await one.inside.reservations.create(
            ctx(reader if mine else holder), SEATS[0], selection(10, 11)
        )
        await one.stop()
        one.inside.occupancy._as_of = float("inf")  # this moment lasts
        await stage.inside.reservations.cancel(ctx(reader if mine else holder), held.id)
        occupancy = one.inside.occupancy.authoritative_day(TODAY)
        assert occupancy is not None and held.id in occupancy.rows, "it has not heard of it"
        if not mine:
            with pytest.raises(SeatTaken):
                await one.inside.reservations.create(ctx(reader), SEATS[0], selection(10, 11))
            return
        for seat in (SEATS[1], SEATS[0]):
            made = await one.inside.reservations.create(ctx(reader), seat, selection(10, 11))
            await stage.inside.reservations.cancel(ctx(reader), made.id)


@both_sides_whole
async def test_the_next_booking_of_a_day_costs_one_insert(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    """The free daily slot is known from memory, without a conflict."""
    reader = await stage.reader()
    async with counted_worker(mongo_url, theatre, stage.cipher) as (one, commands):
        for hour in other_hours()[:4]:
            await one.fresh()
            commands.names.clear()
            await one.inside.reservations.create(ctx(reader), SEATS[0], selection(hour, hour + 1))
            assert commands.names == ["insert"]


async def test_the_index_decides_on_a_readers_own_bookings(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    reader = await stage.reader()
    async with counted_worker(mongo_url, theatre, stage.cipher) as (one, _):
        for number, hour in enumerate((9, 14, 16, 18, 20)):
            for seat, start, stop in (
                ((SEATS[5], 14, 15), (SEATS[7], 13, 17)) if number == 2 else ()
            ):
                await one.fresh()
                with pytest.raises(OwnOverlap):
                    await one.inside.reservations.create(ctx(reader), seat, selection(start, stop))
            await stage.reserved(reader, SEATS[hour], hour, hour + 1)
        await one.fresh()
        with pytest.raises(DailyLimit):
            await one.inside.reservations.create(ctx(reader), SEATS[0], selection(10, 11))


@both_sides_whole
@pytest.mark.parametrize("guarded", [True, False])
async def test_a_stale_occupancy_leaves_the_refusal_to_the_index(
    stage: Stage, mongo_url: str, theatre: str, guarded: bool
) -> None:
    """The seat may have been given back without the worker knowing."""
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


async def test_memory_is_authoritative_for_a_quarter_of_a_second(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    async with counted_worker(mongo_url, theatre, stage.cipher) as (one, _):
        await one.fresh()
        await one.stop()
        occupancy = one.inside.occupancy
        for age_s, refuses in ((0.249, True), (0.251, False)):
            occupancy._clock = partial(sum, (occupancy._as_of, age_s))
            assert (occupancy.authoritative_day(TODAY) is not None) is refuses


async def test_every_refusal_from_memory_is_correct(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    """Another worker's readers take and give back a seat. Each refusal names a holder of the last
    quarter of a second, and the refusals end."""
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
                started = real_time.monotonic()
                try:
                    won = await one.inside.reservations.create(
                        ctx(reader), SEATS[0], selection(10, 11)
                    )
                    break
                except SeatTaken:
                    refused += 1
                    assert started <= given_back + 0.25
                await asyncio.sleep(0)
            await cancelling
            await one.inside.reservations.cancel(ctx(reader), won.id)

            async def free(won: Reservation = won) -> bool:
                return won.id not in (await other.inside.occupancy.get_day(TODAY)).rows

            await until(free, "the other worker hears that it is free")
    assert refused > 12, "most were refused by the occupancy, until it heard"


@both_sides_whole
async def test_a_repeated_booking_gets_its_first_success(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    reader = await stage.reader()
    context = ctx(reader, key=IdempotencyKey("once", "digest"))
    async with two_workers(mongo_url, theatre, stage.cipher) as workers:
        first = await workers[0].inside.reservations.create(context, SEATS[0], selection(10, 11))
        for one in workers:

            async def knows(one: Worker = one) -> bool:
                return first.id in (await one.inside.occupancy.get_day(TODAY)).rows

            await until(knows, "the booking is heard of")
            await one.fresh()
            again: Reservation = await one.inside.reservations.create(
                context, SEATS[0], selection(10, 11)
            )
            assert (again.id, again.state in LIVE) == (first.id, True)
            with pytest.raises(OwnOverlap):
                await one.inside.reservations.create(ctx(reader), SEATS[0], selection(10, 11))
