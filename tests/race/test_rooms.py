"""Rooms, each booked as a whole: one booking has one, and nobody is in a room and elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.kernel.errors import DomainError, WrongState
from models.kernel.ids import Actor
from models.kernel.time_range import TimeRange
from models.library.room_repository import RoomRepository
from models.library.rooms import RequestAnswer, Room, RoomId, RoomRules
from models.readers.entities import Reader
from models.reservations.claims import room_claims
from models.reservations.room_booking import RoomBooking, RoomState
from tests.builders import ZONE
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

ROOM = "r201"
"""A room for two to four people."""
DESK = Actor("librarian", "desk")


async def workers_with(stage: Stage, number: int, **rules: Any) -> list[Inside]:
    """Workers that know the room with these rules."""
    room = replace(stage.inside.reference.room(ROOM), rules=RoomRules(**rules))
    await stage.stored.rooms.put([room])
    return [await stage.worker() for _ in range(number)]


async def book(worker: Inside, reader: Reader, start: int = 10, end: int = 11) -> RoomBooking:
    """The reader's booking of the room, made at 08:00."""
    return await worker.rooms.book(ctx(reader), ROOM, selection(start, end), "")


async def confirm(worker: Inside, reader: Reader, b: RoomBooking) -> RoomBooking:
    return await worker.rooms.confirm(ctx(reader), worker.rooms.invitation_to(b))


async def holders(stage: Stage, start: int, end: int) -> int:
    """The number of documents that have the room in the first half hour of that time."""
    claim = room_claims(ZONE, RoomId(ROOM), TimeRange(clock(start), clock(end)))[0]
    return await stage.db["reservations"].count_documents({"claims": claim})


class LastOneWins(RoomRepository):
    """Replaces a room whatever its revision."""

    async def replace(self, room: Room) -> bool:
        await self.put([room])
        return True


@guarded
async def test_of_two_changes_of_one_revision_of_a_room_one_is_refused(
    stage: Stage, guard: bool
) -> None:
    old = stage.inside.reference.room(ROOM)
    rooms = (RoomRepository if guard else LastOneWins)(stage.db)
    changes = [replace(old, name=name, rev=old.rev + 1) for name in ("甲", "乙")]
    written = await asyncio.gather(*(rooms.replace(change) for change in changes))
    assert sorted(written) == ([False, True] if guard else [True, True])
    stored = (await rooms.all())[old.id]
    if guard:
        assert stored == changes[written.index(True)]
    else:
        assert stored.rev == old.rev + 2, "one was overwritten"


@both_sides
@guarded
async def test_of_sixteen_readers_one_has_the_room(stage: Stage, guard: bool) -> None:
    readers = [await stage.reader() for _ in range(16)]
    workers = await workers_with(stage, 2)
    if not guard:
        await stage.drop("reservations", "claims")
    results = await asyncio.gather(
        *(book(workers[n % 2], reader) for n, reader in enumerate(readers)),
        return_exceptions=True,
    )
    assert kinds(results) == ({"ok": 1, "room_taken": 15} if guard else {"ok": 16})
    assert await holders(stage, 10, 11) == (1 if guard else 16)
    rooms = stage.inside.reference.rooms_in_use()
    days = await workers[0].rooms.day(ZONE.day(clock(10)), rooms)
    taken = {day.room.id: [*day.taken] for day in days}
    assert taken.pop(RoomId(ROOM)) == [TimeRange(clock(10), clock(11))]
    assert not any(taken.values())


@both_sides
async def test_a_booking_that_is_sent_twice_is_one(stage: Stage) -> None:
    reader, workers = await stage.reader(), await workers_with(stage, 2)
    first, second = await asyncio.gather(*(book(worker, reader) for worker in workers))
    assert first.id == second.id


@both_sides
@guarded
async def test_a_stay_does_not_begin_while_the_room_is_kept_empty_after_another(
    stage: Stage, guard: bool
) -> None:
    readers = [await stage.reader() for _ in range(3)]
    workers = await workers_with(stage, 2, buffer_minutes=60)
    if not guard:
        await stage.drop("reservations", "claims")
    results = await asyncio.gather(
        *(book(workers[n], readers[n], 9 + n, 10 + n) for n in range(2)), return_exceptions=True
    )
    assert kinds(results) == ({"ok": 1, "room_taken": 1} if guard else {"ok": 2})
    # After the buffer of each of them the room is free.
    assert (await book(workers[0], readers[2], 12, 13)).state is RoomState.RESERVED


@both_sides
@guarded
async def test_a_request_that_is_withdrawn_while_it_is_approved_holds_no_room(
    stage: Stage, guard: bool
) -> None:
    reader = await stage.reader()
    slow, fast = await workers_with(stage, 2, unanswered=RequestAnswer.DECLINE)
    request = await book(fast, reader)
    assert request.state is RoomState.REQUESTED and await holders(stage, 10, 11) == 1
    if not guard:
        unguard(slow.stored.room_bookings)

    async def meanwhile() -> None:
        await fast.rooms.cancel(ctx(reader), request.id)

    put_around(slow.stored.room_bookings, "find_one_and_update", before=meanwhile)
    approval = slow.rooms.answer(request.id, RequestAnswer.APPROVE, "", DESK, EIGHT)
    if guard:
        with pytest.raises(WrongState):
            await approval
        assert await holders(stage, 10, 11) == 0
        assert (await fast.rooms.get(request.id)).state is RoomState.CANCELLED
    else:
        assert (await approval).state is RoomState.RESERVED
        assert await holders(stage, 10, 11) == 1, "held for nobody"


@both_sides
@guarded
async def test_nobody_takes_part_in_a_room_and_sits_elsewhere(stage: Stage, guard: bool) -> None:
    """Their booking of a seat and their part in the room are sent at once."""
    reader = await stage.reader()
    workers = await workers_with(stage, 2)
    booking = await book(workers[0], await stage.reader())
    if not guard:
        await stage.drop("reservations", "claims")
    results = await asyncio.gather(
        confirm(workers[0], reader, booking),
        workers[1].reservations.create(ctx(reader), SEAT, selection(10, 11)),
        return_exceptions=True,
    )
    failed = [r.code for r in results if isinstance(r, DomainError)]
    assert failed == (["own_overlap"] if guard else [])
    people = (await workers[0].rooms.get(booking.id)).people
    assert (reader.id in people) != isinstance(results[0], DomainError)


@both_sides
@guarded
async def test_who_confirms_while_a_booking_is_released_takes_no_part(
    stage: Stage, guard: bool
) -> None:
    friend = await stage.reader()
    slow, fast = await workers_with(stage, 2, confirm_minutes=60)
    booking = await book(fast, await stage.reader())
    assert booking.confirm_by == clock(9)
    if not guard:
        unguard(slow.stored.room_bookings)

    async def meanwhile() -> None:
        assert await fast.room_jobs.run(clock(9)) == 1

    put_around(slow.stored.room_bookings, "find_one_and_update", before=meanwhile)
    if guard:
        with pytest.raises(WrongState):
            await confirm(slow, friend, booking)
        assert (await fast.rooms.get(booking.id)).state is RoomState.RELEASED
        assert await holders(stage, 10, 11) == 0
        await slow.reservations.create(ctx(friend), SEAT, selection(10, 11))
    else:
        await confirm(slow, friend, booking)
        assert await holders(stage, 10, 11) == 1, "held again after its end"


@both_sides
@guarded
async def test_a_booking_that_the_last_person_confirms_is_not_released(
    stage: Stage, guard: bool
) -> None:
    friend = await stage.reader()
    slow, fast = await workers_with(stage, 2, confirm_minutes=60)
    booking = await book(fast, await stage.reader())
    if not guard:
        unguard(slow.stored.room_bookings)

    async def meanwhile() -> None:
        await confirm(fast, friend, booking)

    put_around(slow.stored.room_bookings, "find_one_and_update", before=meanwhile)
    assert await slow.room_jobs.run(clock(9)) == (0 if guard else 1)
    stored = await fast.rooms.get(booking.id)
    assert stored.state is (RoomState.RESERVED if guard else RoomState.RELEASED)
    assert await holders(stage, 10, 11) == (1 if guard else 0)
    news = 0 if guard else 1
    assert await fast.room_jobs.run(clock(9) + timedelta(minutes=1)) == news


@guarded
async def test_a_reader_has_two_rooms_a_week(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    workers = await workers_with(stage, 3, bookings_a_week=2)
    if not guard:
        await stage.drop("reservations", "claims")
    results = await asyncio.gather(
        *(book(worker, reader, 10 + n, 11 + n) for n, worker in enumerate(workers)),
        return_exceptions=True,
    )
    assert kinds(results) == ({"ok": 2, "weekly_limit": 1} if guard else {"ok": 3})


@guarded
async def test_nothing_is_kept_of_a_booker_who_is_erased_while_their_no_show_is_recorded(
    stage: Stage, guard: bool
) -> None:
    reader, late = await stage.reader(), clock(10, 30)
    slow, fast = await workers_with(stage, 2)
    booking = await book(fast, reader)
    assert await fast.room_jobs.run(late) == 1
    assert (await fast.rooms.get(booking.id)).news_due
    if not guard:
        unguard(slow.stored.room_bookings)

    async def meanwhile() -> None:
        await fast.erasure.erase(reader, late)

    put_around(slow.stored.violations, "insert_many", before=meanwhile)
    await slow.room_jobs.run(late)
    left = await stage.db["violations"].count_documents({"reader": reader.id})
    assert left == (0 if guard else 1)
