"""Acts of readers, of the desk and of the job in rooms, and the bookings with which their scenarios
begin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from lab.history.records import Operation
from lab.proof.explorer import Act, Ids
from lab.proof.simulated_library import (
    ASKED,
    GROUP,
    KIOSK,
    QUIET,
    Worker,
    at,
    context,
    library_zone,
    wish,
)
from lab.proof.simulation import Recorder
from models.check_in.arrival import KioskCodeScan
from models.kernel.ids import Actor
from models.library.rooms import RequestAnswer, RoomId
from models.readers.entities import Reader
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking
from models.rooms.changes import RoomWish
from models.rooms.series import BlockSeries

DESK: Final = Actor("librarian", "desk")


def _taps(
    reader: str,
    verb: str,
    name: str,
    ask: Callable[[Worker], Awaitable[RoomBooking | RoomBlock]],
    target: str = "",
    requested: tuple[str, datetime, datetime] | None = None,
) -> Act:
    async def act(worker: Worker, recorder: Recorder, again: Operation | None) -> Operation:
        return await recorder.room_tap(
            reader, verb, name, lambda: ask(worker), target, requested, again
        )

    return act


def books_room(reader: Reader, name: str, room: RoomId, start: int, end: int, now: datetime) -> Act:
    """The reader books the room between two hours."""
    when = wish(start, end)
    return _taps(
        reader.id,
        "book",
        name,
        lambda worker: worker.rooms.book(context(reader, now), room, when, ""),
        requested=(room, at(start), library_zone().next_instant(at(start), when.end)),
    )


def confirms(reader: Reader, name: str, ids: Ids, now: datetime) -> Act:
    """The reader confirms by its invitation that they take part in the booking."""
    return _taps(
        reader.id,
        "confirm",
        name,
        lambda worker: worker.rooms.confirm(context(reader, now), ids["invitation"]),
        ids["booked"],
    )


def gives_room_back(reader: Reader, name: str, ids: Ids, now: datetime) -> Act:
    """The booker cancels the booking, or withdraws the request."""
    return _taps(
        reader.id,
        "cancel",
        name,
        lambda worker: worker.rooms.cancel(context(reader, now), ids["booked"]),
        ids["booked"],
    )


def changes_room(
    reader: Reader, name: str, ids: Ids, room: RoomId, start: int, end: int, now: datetime
) -> Act:
    """The booker chooses this room between two hours instead."""
    when = wish(start, end)
    to = RoomWish(room, when.day, when.start, when.end)
    return _taps(
        reader.id,
        "change",
        name,
        lambda worker: worker.room_changes.change(context(reader, now), ids["booked"], to),
        ids["booked"],
        (room, at(start), library_zone().next_instant(at(start), when.end)),
    )


def approves(name: str, ids: Ids, now: datetime) -> Act:
    """The desk approves the request."""
    return _taps(
        "desk",
        "approve",
        name,
        lambda w: w.rooms.answer(ids["booked"], RequestAnswer.APPROVE, "", DESK, now),
        ids["booked"],
    )


def blocks_room(name: str, room: RoomId, days: int, now: datetime) -> Act:
    """The desk blocks the room from ten to eleven on so many days, on all or on none."""
    series = series_of(name.encode().hex().ljust(24, "0"), room, 10, 11, days)
    requested = room, at(10), at(11) + timedelta(days=days - 1)
    return _taps("desk", "block", name, lambda w: blocks(w, series, now), requested=requested)


def series_of(id: str, room: RoomId, start: int, end: int, days: int) -> BlockSeries:
    """Blocks of the room between two hours."""
    first = at(start).date()
    return BlockSeries(
        *(id, room, "信息素养课", first, first + timedelta(days=days - 1)),
        *(at(start).time(), at(end).time()),
    )


async def blocks(worker: Worker, series: BlockSeries, now: datetime) -> RoomBlock:
    """Stores the blocks of all days, or none; returns the first."""
    made = await worker.blocks.make_all(series, DESK, now)
    assert made[0].block is not None
    return made[0].block


def enters(reader: Reader, name: str, ids: Ids, now: datetime) -> Act:
    """The reader checks the people of the booking in with a kiosk code."""
    scan = KioskCodeScan(KIOSK, int.from_bytes(name.encode()) % 9973, is_current=True)
    return _taps(
        reader.id,
        "check_in",
        name,
        lambda worker: worker.room_presence.check_in(context(reader, now), ids["booked"], scan),
        ids["booked"],
    )


async def settles_rooms(worker: Worker, now: datetime) -> None:
    """One round of the job of rooms. It records a heartbeat first."""
    await worker.extension.record_heartbeat(now)
    await worker.room_jobs.run(now)


async def quiet_room_booked(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has booked the quiet room from 10 to 11."""
    return await _booked(worker, readers[0], QUIET)


async def room_requested(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has requested a room from 10 to 11."""
    return await _booked(worker, readers[0], ASKED)


async def group_room_booked(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has booked the room for groups from 10 to 11. Another person must confirm
    until 9."""
    return await _booked(worker, readers[0], GROUP)


async def _booked(worker: Worker, reader: Reader, room: RoomId) -> Ids:
    b = await worker.rooms.book(context(reader, at(8)), room, wish(10, 11), "")
    return {"booked": b.id, "invitation": worker.rooms.invitation_to(b)}
