"""Rooms, each booked as a whole: one booking has one, and nobody is in a room and elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from models.kernel.errors import DomainError, WrongState
from models.kernel.time_range import TimeRange
from models.library.room_repository import RoomRepository
from models.library.rooms import RequestAnswer, Room, RoomId
from models.messages.entities import Message
from models.reservation_store.room_outbox import RoomEventRecord
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.room_booking import RoomReminder, RoomState
from models.storage.mongo import new_id
from notify.publisher import MessagePublisher
from notify.room_reminders import RoomReminders
from notify.routing import ChannelRouting
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
from tests.race.study_rooms import DESK, ROOM, book, confirm, holders, workers_with


class LastOneWins(RoomRepository):
    """Replaces a room whatever its revision."""

    async def write(self, *rooms: Room) -> bool:
        await self.put(rooms)
        return True


@guarded
async def test_of_two_changes_of_one_revision_of_a_room_one_is_refused(
    stage: Stage, guard: bool
) -> None:
    old = stage.inside.reference.room(ROOM)
    rooms = (RoomRepository if guard else LastOneWins)(stage.db)
    changes = [replace(old, name=name, rev=old.rev + 1) for name in ("甲", "乙")]
    written = await asyncio.gather(*(rooms.write(change) for change in changes))
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


def look_together(workers: Sequence[Inside]) -> None:
    """Lets each worker go on only when all have looked which numbers of a week are used."""
    looked = asyncio.Barrier(len(workers))

    def together(bookings: RoomBookingRepository) -> None:
        look = bookings.taken

        async def taken(claims: Collection[str]) -> set[str]:
            used = await look(claims)
            await looked.wait()
            return used

        bookings.taken = taken  # type: ignore[method-assign]

    for worker in workers:
        together(worker.stored.room_bookings)


@guarded
async def test_a_reader_has_two_rooms_a_week(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    workers = await workers_with(stage, 3, bookings_a_week=2)
    look_together(workers)
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


class EmptyOutbox(RoomBookingRepository):
    """Empties the outboxes of the bookings whose events were dispatched."""

    async def remove_outbox_events(self, dispatched: Sequence[RoomEventRecord]) -> None:
        ids = [event.booking_id for event in dispatched]
        await self._all.update_many({"_id": {"$in": ids}}, {"$set": {"outbox": []}})


@guarded
async def test_an_event_that_is_added_while_another_is_dispatched_stays(
    stage: Stage, guard: bool
) -> None:
    (worker,), reader = await workers_with(stage, 1), await stage.reader()
    repository = RoomBookingRepository if guard else EmptyOutbox
    reservations = worker.stored.reservations
    rooms = repository(stage.db, reservations, stage.cipher)
    booking = await book(worker, reader)
    _, read = await reservations.with_outbox_events(9)
    await worker.rooms.cancel(ctx(reader), booking.id)
    await rooms.remove_outbox_events(read)
    _, left = await reservations.with_outbox_events(9)
    assert [event.event for event in read] == ["reserve"]
    assert [event.event for event in left] == (["cancel"] if guard else [])


@guarded
async def test_a_booking_that_is_cancelled_while_it_is_reminded_of_stays_cancelled(
    stage: Stage, guard: bool
) -> None:
    reader, opens = await stage.reader(), clock(9, 30)
    slow, fast = await workers_with(stage, 2)
    booking = await book(fast, reader)
    if not guard:
        unguard(slow.stored.room_bookings)

    async def meanwhile() -> None:
        await fast.rooms.cancel(ctx(reader, opens), booking.id)

    put_around(slow.stored.room_bookings, "find_one_and_update", before=meanwhile)
    assert await slow.room_jobs.run(opens) == (0 if guard else 1)
    assert await holders(stage, 10, 11) == (0 if guard else 1)
    state = (await fast.rooms.get(booking.id)).state
    assert state is (RoomState.CANCELLED if guard else RoomState.RESERVED)


class OtherIds(MessagePublisher):
    """Gives each message an id of its own."""

    async def publish(self, messages: Sequence[Message]) -> None:
        await super().publish([replace(message, id=new_id()) for message in messages])


@guarded
async def test_two_workers_remind_of_a_check_in_once(stage: Stage, guard: bool) -> None:
    reader, opens = await stage.reader(), clock(9, 30)
    workers = await workers_with(stage, 2)
    booking = await book(workers[0], reader)
    publisher = MessagePublisher if guard else OtherIds
    both = [
        RoomReminders(
            publisher(w.stored.messages, w.stored.deliveries, ChannelRouting(())), w.reference
        )
        for w in workers
    ]
    await asyncio.gather(*(r.send(booking, RoomReminder.CHECK_IN_OPENS, opens) for r in both))
    assert await stage.db["messages"].count_documents({"reader": reader.id}) == (1 if guard else 2)
