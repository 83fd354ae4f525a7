"""Blocks of rooms beside one another and beside bookings: one has the room, and of a series that is
all or none there is never a part."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from models.kernel.errors import DomainError
from models.kernel.ids import Actor
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.rooms import RoomId, RoomRules
from models.readers.entities import Reader
from models.reservation_store.room_block_repository import RoomBlockRepository
from models.reservations.claims import room_claims
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking
from models.rooms.errors import SeriesDoesNotFit
from models.rooms.series import BlockChange, BlockSeries, PlannedDate
from tests.builders import ZONE
from tests.inside import Inside
from tests.race.stage import (
    EIGHT,
    Stage,
    Step,
    both_sides,
    clock,
    ctx,
    guarded,
    kinds,
    put_around,
    selection,
    unguard,
)

DAYS = 3
ROOM = RoomId("r201")
DESK = Actor("librarian", "desk")


def series(id: str, days: int = DAYS) -> BlockSeries:
    """The room from ten to eleven on so many days."""
    start, end = ZONE.local(clock(10)), ZONE.local(clock(11))
    last = start.date() + timedelta(days=days - 1)
    times = start.time(), end.time()
    return BlockSeries(id * 24, ROOM, f"考试周 {id}", start.date(), last, *times)


async def workers_with(stage: Stage, number: int) -> list[Inside]:
    """Workers that know the room with the usual rules."""
    await stage.stored.rooms.put([replace(stage.inside.reference.room(ROOM), rules=RoomRules())])
    return [await stage.worker() for _ in range(number)]


async def book(worker: Inside, reader: Reader, day: date | None = None) -> RoomBooking:
    """The reader's booking of the room from ten to eleven, by default of the first day."""
    when = selection(10, 11)
    return await worker.rooms.book(ctx(reader), ROOM, replace(when, day=day or when.day), "")


async def holders(stage: Stage) -> int:
    """The number of documents that have the room at ten of the first day."""
    claim = room_claims(ZONE, ROOM, TimeRange(clock(10), clock(11)))[0]
    return await stage.db["reservations"].count_documents({"claims": claim})


async def block_all(worker: Inside, days: BlockSeries) -> list[PlannedDate]:
    return await worker.room_blocks.make_all(days, DESK, EIGHT)


async def stored(stage: Stage, id: str) -> list[RoomBlock]:
    return await stage.stored.room_blocks.of_series(id * 24)


class DayByDay(RoomBlockRepository):
    """Inserts and changes the blocks one after the other."""

    async def insert_all(self, zone: Zone, blocks: Sequence[RoomBlock]) -> None:
        for block in blocks:
            await super().insert_all(zone, [block])

    async def replace_all(self, zone: Zone, changes: Sequence[tuple[RoomBlock, RoomBlock]]) -> None:
        for change in changes:
            await super().replace_all(zone, [change])


def before_storing(worker: Inside, step: Step, by: str = "insert_all") -> None:
    """Takes the step after the worker has planned for the first time, before it stores."""
    repository = worker.stored.room_blocks
    whole, taken = getattr(repository, by), False

    async def store(zone: Zone, blocks: Sequence[Any]) -> None:
        nonlocal taken
        if not taken:
            taken = True
            await step()
        await whole(zone, blocks)

    setattr(repository, by, store)


async def earlier(worker: Inside, b: RoomBlock) -> list[PlannedDate]:
    """Moves the block and all that follow in its series from ten to nine."""
    start, end = (ZONE.local(clock(hour)).time() for hour in (9, 10))
    change = BlockChange(start=start, end=end, following=True)
    return await worker.room_blocks.change_all(b.id, change, DESK, EIGHT)


async def first_of(worker: Inside, id: str, days: int = DAYS) -> RoomBlock:
    """The first block of a new series."""
    block = (await block_all(worker, series(id, days)))[0].block
    assert block is not None
    return block


async def hours(stage: Stage, id: str) -> list[int]:
    """The hour, nine or ten, at which each block of the series starts."""
    nine = ZONE.local(clock(9)).time()
    return [9 if ZONE.local(b.span.start).time() == nine else 10 for b in await stored(stage, id)]


@both_sides
@guarded
async def test_of_two_series_of_the_same_days_one_has_the_room(stage: Stage, guard: bool) -> None:
    workers, all_plan = await workers_with(stage, 4), asyncio.Barrier(4)
    for worker in workers:
        before_storing(worker, all_plan.wait)
    if not guard:
        await stage.drop("reservations", "claims")
    results = await asyncio.gather(
        *(block_all(workers[n], series(id)) for n, id in enumerate("abcd")),
        return_exceptions=True,
    )
    expected = {"ok": 1, "series_does_not_fit": 3} if guard else {"ok": 4}
    assert kinds(results) == expected
    counts = sorted([len(await stored(stage, id)) for id in "abcd"])
    assert counts == ([0, 0, 0, DAYS] if guard else [DAYS] * 4)
    doubles = await stage.stored.reservations.find_double_bookings()
    assert {d.thing for d in doubles} == (set() if guard else {"room"})


@both_sides
@guarded
async def test_a_series_that_loses_a_day_to_a_reader_blocks_no_day(
    stage: Stage, guard: bool
) -> None:
    reader, (fast,) = await stage.reader(), await workers_with(stage, 1)
    own = {} if guard else {"room_blocks": DayByDay(stage.db, stage.stored.reservations)}
    slow = await stage.worker(**own)
    days = series("a")

    async def meanwhile() -> None:
        """The reader books the last of the days, which the plan has found free."""
        await book(fast, reader, days.last)

    before_storing(slow, meanwhile)
    with pytest.raises(SeriesDoesNotFit) as refused:
        await block_all(slow, days)
    assert refused.value.details["dates"] == [days.last.isoformat()]
    assert len(await stored(stage, "a")) == (0 if guard else DAYS - 1), "all or none"


@both_sides
@guarded
async def test_of_a_reader_and_a_series_one_has_the_room(stage: Stage, guard: bool) -> None:
    reader, workers = await stage.reader(), await workers_with(stage, 2)
    if not guard:
        await stage.drop("reservations", "claims")
    both = asyncio.Barrier(2)
    before_storing(workers[0], both.wait)

    async def books() -> object:
        await both.wait()
        return await book(workers[1], reader)

    results: Sequence[Any] = await asyncio.gather(
        block_all(workers[0], series("a")), books(), return_exceptions=True
    )
    failed = [r.code for r in results if isinstance(r, DomainError)]
    assert await holders(stage) == (1 if guard else 2)
    assert failed in ([["series_does_not_fit"], ["room_taken"]] if guard else [[]])


@both_sides
@guarded
async def test_a_block_that_is_ended_is_not_restored_over_a_booking(
    stage: Stage, guard: bool
) -> None:
    reader, workers = await stage.reader(), await workers_with(stage, 2)
    slow, fast = workers
    ((made,),) = [[p.block for p in await block_all(fast, series("a", 1))]]
    assert made is not None
    (gone,) = await fast.room_blocks.end(made, False, DESK, EIGHT)
    assert await holders(stage) == 0
    if not guard:
        await stage.drop("reservations", "claims")

    async def meanwhile() -> None:
        await book(fast, reader)

    put_around(slow.stored.room_blocks, "find_one_and_update", before=meanwhile)
    restoring = slow.room_blocks.restore(gone, DESK, EIGHT)
    if guard:
        with pytest.raises(DomainError, match="room_taken"):
            await restoring
        assert (await fast.room_blocks.get(gone.id)).ended_at is not None
    else:
        await restoring
    assert await holders(stage) == (1 if guard else 2)


@both_sides
@guarded
async def test_a_block_that_is_ended_while_it_is_restored_stays_as_the_last_has_it(
    stage: Stage, guard: bool
) -> None:
    """The desk restores a block that another has just restored and ended again."""
    slow, fast = await workers_with(stage, 2)
    (planned,) = await block_all(fast, series("a", 1))
    assert planned.block is not None
    (gone,) = await fast.room_blocks.end(planned.block, False, DESK, EIGHT)
    if not guard:
        unguard(slow.stored.room_blocks)

    async def meanwhile() -> None:
        (again,) = await fast.room_blocks.restore(gone, DESK, EIGHT)
        await fast.room_blocks.end(again, False, DESK, EIGHT + timedelta(minutes=1))

    put_around(slow.stored.room_blocks, "find_one_and_update", before=meanwhile)
    await slow.room_blocks.restore(gone, DESK, EIGHT)
    history = [e.event for e in (await fast.room_blocks.get(gone.id)).history]
    whole = ["block", "cancel", "restore", "cancel", "restore"]
    assert history == (whole if guard else ["block", "cancel", "restore"])


@both_sides
@guarded
async def test_a_change_that_loses_a_day_to_a_reader_changes_no_day(
    stage: Stage, guard: bool
) -> None:
    reader, (fast,) = await stage.reader(), await workers_with(stage, 1)
    own = {} if guard else {"room_blocks": DayByDay(stage.db, stage.stored.reservations)}
    slow = await stage.worker(**own)
    first = await first_of(fast, "a")

    async def meanwhile() -> None:
        """The reader books the new time of the last day, which the plan has found free."""
        last = series("a").last
        await fast.rooms.book(ctx(reader), ROOM, replace(selection(9, 10), day=last), "")

    before_storing(slow, meanwhile, by="replace_all")
    with pytest.raises(SeriesDoesNotFit) as refused:
        await earlier(slow, first)
    assert refused.value.details["dates"] == [series("a").last.isoformat()]
    assert await hours(stage, "a") == ([10] * DAYS if guard else [9] * (DAYS - 1) + [10])


@both_sides
@guarded
async def test_of_a_reader_and_a_changed_block_one_has_the_new_time(
    stage: Stage, guard: bool
) -> None:
    reader, (slow, fast) = await stage.reader(), await workers_with(stage, 2)
    first = await first_of(fast, "a", 1)
    if not guard:
        await stage.drop("reservations", "claims")

    async def meanwhile() -> None:
        await fast.rooms.book(ctx(reader), ROOM, selection(9, 10), "")

    before_storing(slow, meanwhile, by="replace_all")
    results: list[Any] = [*await asyncio.gather(earlier(slow, first), return_exceptions=True)]
    assert kinds(results) == ({"series_does_not_fit": 1} if guard else {"ok": 1})
    assert await hours(stage, "a") == ([10] if guard else [9])
    doubles = await stage.stored.reservations.find_double_bookings()
    assert {d.thing for d in doubles} == (set() if guard else {"room"})


@both_sides
@guarded
async def test_a_block_that_is_ended_while_it_is_changed_stays_ended(
    stage: Stage, guard: bool
) -> None:
    slow, fast = await workers_with(stage, 2)
    first = await first_of(fast, "a", 1)
    if not guard:
        unguard(slow.stored.reservations)

    async def meanwhile() -> None:
        await fast.room_blocks.end(first, False, DESK, EIGHT)

    before_storing(slow, meanwhile, by="replace_all")
    results: list[Any] = [*await asyncio.gather(earlier(slow, first), return_exceptions=True)]
    assert kinds(results) == ({"wrong_state": 1} if guard else {"ok": 1})
    (b,) = await stored(stage, "a")
    assert (b.ended_at is None) is not guard
    assert [e.event for e in b.history] == ["block", "cancel" if guard else "change"]
