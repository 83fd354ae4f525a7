"""Changes of a booking of a room, beside what others do at the same moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from models.library.rooms import RequestAnswer
from models.readers.entities import Reader
from models.reservations.room_booking import RoomBooking, RoomState
from models.rooms.changes import RoomWish
from models.rooms.errors import ApprovalNeeded, WeeklyLimit
from tests.inside import Inside
from tests.race.stage import (
    EIGHT,
    SEAT,
    Stage,
    both_sides,
    clock,
    ctx,
    guarded,
    kinds,
    put_around,
    selection,
    unguard,
)
from tests.race.study_rooms import DESK, ROOM, book, confirm, holders, workers_with


async def change(worker: Inside, reader: Reader, b: RoomBooking) -> RoomBooking:
    """Changes the booking to two hours later than ten to eleven."""
    to = selection(12, 13)
    wish = RoomWish(day=to.day, start=to.start, end=to.end)
    return await worker.room_changes.change(ctx(reader), b.id, wish)


@both_sides
@guarded
async def test_a_change_and_a_booking_of_its_new_time_are_not_both_made(
    stage: Stage, guard: bool
) -> None:
    mine, other = [await stage.reader() for _ in range(2)]
    workers = await workers_with(stage, 2)
    booking = await book(workers[0], mine)
    if not guard:
        await stage.drop("reservations", "claims")
    results = await asyncio.gather(
        change(workers[0], mine, booking), book(workers[1], other, 12, 13), return_exceptions=True
    )
    assert kinds([*results]) == ({"ok": 1, "room_taken": 1} if guard else {"ok": 2})
    changed = isinstance(results[0], RoomBooking)
    assert await holders(stage, 12, 13) == (1 if guard else 2)
    assert await holders(stage, 10, 11) == (0 if changed else 1), "kept, or given up"


@both_sides
@guarded
async def test_who_confirms_while_a_booking_is_changed_comes_along(
    stage: Stage, guard: bool
) -> None:
    mine, friend = [await stage.reader() for _ in range(2)]
    slow, fast = await workers_with(stage, 2)
    booking = await book(fast, mine)
    if not guard:
        unguard(slow.stored.room_bookings)

    async def meanwhile() -> None:
        assert friend.id in (await confirm(fast, friend, booking)).people

    put_around(slow.stored.room_bookings, "find_one_and_update", before=meanwhile)
    assert (await change(slow, mine, booking)).span.start == clock(12)
    stored = await fast.rooms.get(booking.id)
    assert (friend.id in stored.people) == guard, "it was confirmed"
    seats = [
        fast.reservations.create(ctx(friend), SEAT, selection(start, start + 1))
        for start in (10, 12)
    ]
    results = await asyncio.gather(*seats, return_exceptions=True)
    assert kinds([*results]) == ({"ok": 1, "own_overlap": 1} if guard else {"ok": 2})


@both_sides
@guarded
async def test_nobody_comes_along_who_takes_another_place_meanwhile(
    stage: Stage, guard: bool
) -> None:
    mine, friend = [await stage.reader() for _ in range(2)]
    workers = await workers_with(stage, 2)
    booking = await book(workers[0], mine)
    await confirm(workers[1], friend, booking)
    if not guard:
        await stage.drop("reservations", "claims")
    results = await asyncio.gather(
        change(workers[0], mine, booking),
        workers[1].reservations.create(ctx(friend), SEAT, selection(12, 13)),
        return_exceptions=True,
    )
    failed = [*map(str, (r for r in results if isinstance(r, Exception)))]
    assert failed in ([["people_busy"], ["own_overlap"]] if guard else [[]])
    stays = isinstance(results[0], Exception)
    assert await holders(stage, 10, 11) == (1 if stays else 0)


@both_sides
@guarded
async def test_what_is_approved_meanwhile_is_not_changed(stage: Stage, guard: bool) -> None:
    mine = await stage.reader()
    slow, fast = await workers_with(stage, 2, unanswered=RequestAnswer.DECLINE)
    request = await book(fast, mine)
    if not guard:
        unguard(slow.stored.room_bookings)

    async def meanwhile() -> None:
        answer = RequestAnswer.APPROVE
        approved = await fast.rooms.answer(request.id, answer, "", DESK, EIGHT)
        assert approved.state is RoomState.RESERVED

    put_around(slow.stored.room_bookings, "find_one_and_update", before=meanwhile)
    if guard:
        with pytest.raises(ApprovalNeeded):
            await change(slow, mine, request)
    else:
        await change(slow, mine, request)
    stored = await fast.rooms.get(request.id)
    assert stored.state is (RoomState.RESERVED if guard else RoomState.REQUESTED)
    assert stored.span.start == clock(10 if guard else 12)


@guarded
async def test_two_changes_to_one_week_do_not_share_its_last_number(
    stage: Stage, guard: bool
) -> None:
    mine = await stage.reader()
    slow, fast = await workers_with(stage, 2, bookings_a_week=1, days_ahead=14)
    wish = selection(10, 12)
    days = [wish.day + timedelta(weeks=n) for n in range(3)]
    here, later = [
        await fast.rooms.book(ctx(mine), ROOM, replace(wish, day=day), "") for day in days[:2]
    ]
    if not guard:
        await stage.drop("reservations", "claims")

    async def meanwhile() -> None:
        to = RoomWish(day=days[2], end=clock(11).time())
        assert (await fast.room_changes.change(ctx(mine), later.id, to)).number == 1

    put_around(slow.stored.room_bookings, "find_one_and_update", before=meanwhile)
    to = RoomWish(day=days[2], start=clock(11).time())
    if guard:
        with pytest.raises(WeeklyLimit):
            await slow.room_changes.change(ctx(mine), here.id, to)
        assert (await fast.rooms.get(here.id)).span == here.span
    else:
        assert (await slow.room_changes.change(ctx(mine), here.id, to)).number == 1
