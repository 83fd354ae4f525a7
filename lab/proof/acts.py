"""Building blocks of scenarios: acts of readers, and jobs of workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from lab.history.records import Operation, PartyEnd
from lab.proof.explorer import Act, Ids, Player
from lab.proof.simulated_library import (
    CLOSES,
    KIOSK,
    Worker,
    at,
    context,
    library_zone,
    seat,
    wish,
)
from lab.proof.simulation import Recorder
from models.check_in.arrival import KioskCodeScan
from models.kernel.errors import WrongState
from models.library.entities import SeatId
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection

ONE: Final = seat(1)
TWO: Final = seat(2)
THREE: Final = seat(3)


def _requested(seat_id: str, when: TimeSelection, now: datetime) -> tuple[str, datetime, datetime]:
    start = library_zone().instant(when.day, when.start) if when.start is not None else now
    return seat_id, start, library_zone().next_instant(start, when.end)


def _taps(
    reader: Reader,
    verb: str,
    name: str,
    now: datetime,
    ask: Callable[[Worker, RequestContext], Awaitable[Reservation]],
    target: str = "",
    requested: tuple[str, datetime, datetime] | None = None,
    *,
    keyed: bool = True,
    repeated: bool = False,
) -> Act:
    """One request of the reader. ``name`` is its idempotency key; without ``keyed`` the service
    does not get the key. ``repeated``: the request says that it is a repetition, because another
    player has sent it before."""

    async def act(worker: Worker, recorder: Recorder, again: Operation | None) -> Operation:
        repeats = repeated or again is not None
        ctx = context(reader, now, name if keyed else None, repeated=repeats)
        tap = await recorder.tap(
            reader.id, verb, name, lambda: ask(worker, ctx), target, requested, again
        )
        tap.attempts += repeated
        return tap

    return act


Job = Callable[[Worker], Awaitable[object]]
"""Work of a worker whose answer no reader waits for."""


def job(name: str, worker: str, work: Job) -> Player:
    """The player that does the work at the worker."""

    async def act(worker: Worker, recorder: Recorder, again: Operation | None) -> None:
        await work(worker)

    return Player(name, worker, act, asks_again=False)


def books(
    reader: Reader,
    name: str,
    seat_id: str,
    start: int,
    end: int,
    now: datetime,
    *,
    repeated: bool = False,
) -> Act:
    """The reader books the seat between two hours. ``repeated``: as the repetition of an earlier
    request."""
    return _books(reader, name, seat_id, wish(start, end), now, repeated=repeated)


def _books(
    reader: Reader,
    name: str,
    seat_id: str,
    when: TimeSelection,
    now: datetime,
    *,
    repeated: bool = False,
) -> Act:
    return _taps(
        reader,
        "reserve",
        name,
        now,
        lambda worker, ctx: worker.reservations.create(ctx, seat_id, when),
        requested=_requested(seat_id, when, now),
        repeated=repeated,
    )


def books_until_closing(reader: Reader, name: str, seat_id: str, start: int, now: datetime) -> Act:
    """The reader books the seat from the hour until the library closes."""
    begin = at(start)
    when = TimeSelection(begin.date(), begin.time(), at(*CLOSES).time())
    return _books(reader, name, seat_id, when, now)


def books_now(reader: Reader, name: str, seat_id: str, end: int, now: datetime) -> Act:
    """The reader books the seat from now until the hour."""
    return _books(reader, name, seat_id, TimeSelection(now.date(), None, at(end).time()), now)


def remembers(seconds: float, act: Act) -> Act:
    """The worker loads the day's occupancy, hears of no change for this many seconds, and then
    does the ``act``."""

    async def later(worker: Worker, recorder: Recorder, again: Operation | None) -> Any:
        if again is None:
            worker.reads_all()
            await worker.occupancy.get_day(at(10).date())
            await asyncio.sleep(seconds)
        return await act(worker, recorder, again)

    return later


def changes(
    reader: Reader,
    name: str,
    id: str,
    seat_id: str,
    now: datetime,
    hours: tuple[int, int] = (10, 11),
    *,
    repeated: bool = False,
) -> Act:
    """The reader changes the booking to this seat and these hours. ``repeated``: as the
    repetition of an earlier request."""
    when = wish(*hours)
    return _taps(
        reader,
        "change",
        name,
        now,
        lambda worker, ctx: worker.reservations.change(ctx, id, seat_id, when.start, when.end),
        id,
        _requested(seat_id, when, now),
        repeated=repeated,
    )


def cancels(reader: Reader, name: str, id: str, now: datetime) -> Act:
    """The reader cancels the booking."""
    return _taps(reader, "cancel", name, now, lambda w, ctx: w.reservations.cancel(ctx, id), id)


def extends(reader: Reader, name: str, id: str, hour: int, now: datetime) -> Act:
    """The reader renews the stay until the hour."""
    until = at(hour).time()
    return _taps(reader, "extend", name, now, lambda w, ctx: w.renewal.renew(ctx, id, until), id)


def shortens(reader: Reader, name: str, id: str, hour: int, now: datetime) -> Act:
    """The reader ends the stay early, at the hour."""
    end, requested = at(hour).time(), (ONE, at(10), at(hour))
    return _taps(
        reader, "shorten", name, now, lambda w, c: w.early_end.shorten(c, id, end), id, requested
    )


def checks_in(reader: Reader, name: str, id: str, now: datetime) -> Act:
    """The reader checks in with a kiosk code. Each ``name`` has a code of its own."""
    scan = KioskCodeScan(KIOSK, int.from_bytes(name.encode()) % 9973, is_current=True)
    return _taps(
        reader, "check_in", name, now, lambda w, ctx: w.check_in.check_in(ctx, id, scan), id
    )


def returns(reader: Reader, name: str, id: str, now: datetime) -> Act:
    """The reader returns from leave with a kiosk code."""
    scan = KioskCodeScan(KIOSK, 2, is_current=True)
    return _taps(
        reader, "return", name, now, lambda w, c: w.check_in.return_from_leave(c, id, scan), id
    )


def comes_again(
    reader: Reader, name: str, id: str, came: datetime, now: datetime, *, at_once: bool = True
) -> Act:
    """The reader checked in at ``came`` and had no answer; at ``now`` they repeat the request.
    Without ``at_once`` they repeat it only after all other players are done."""
    scans = checks_in(reader, name, id, now)

    async def act(worker: Worker, recorder: Recorder, again: Operation | None) -> Any:
        if again is None:
            again = Operation(reader.id, "check_in", name, id, came)
            recorder.history.operations.append(again)
            if not at_once:
                return again
        return await scans(worker, recorder, again)

    return act


async def misses(worker: Worker, now: datetime) -> None:
    """One round of the no-show job. It records a heartbeat first."""
    await worker.extension.record_heartbeat(now)
    await worker.deadlines.no_show(now)


async def ends_leaves(worker: Worker, now: datetime) -> None:
    """One round of the job that expires leaves. It records a heartbeat first."""
    await worker.extension.record_heartbeat(now)
    await worker.deadlines.expire_leaves(now)


def accepts(reader: Reader, name: str, id: str, now: datetime) -> Act:
    """The reader accepts the offer. An acceptance has no key, so a second attempt may find it
    done."""
    return _taps(
        reader, "accept", name, now, lambda w, ctx: w.waitlist.accept(ctx, id), id, keyed=False
    )


def begins_party(
    reader: Reader, name: str, own: str, friends_seats: Sequence[str], now: datetime
) -> Act:
    """The reader books the seat ``own``, and has the others held for friends."""
    return _taps(
        reader,
        "reserve",
        name,
        now,
        lambda worker, ctx: worker.parties.begin(ctx, own, friends_seats, wish(10, 11)),
    )


def comes_to(reader: Reader, name: str, party: Ids, now: datetime, seat_id: SeatId | None) -> Act:
    """The reader accepts a seat of the party that ``party_begun`` has prepared; with None for
    ``seat_id`` any."""
    return _taps(
        reader,
        "reserve",
        name,
        now,
        lambda worker, ctx: worker.parties.accept(ctx, party["invitation"], seat_id),
        party["party"],
        _requested(seat_id, wish(10, 11), now) if seat_id is not None else None,
    )


def ends_party(reader: Reader, party: Ids, now: datetime) -> Act:
    """The reader gives back the seats of the own party that are still held."""

    async def end(worker: Worker, recorder: Recorder, again: Operation | None) -> None:
        request = recorder.history.party_ends[party["party"]] = PartyEnd(recorder.instant)
        await worker.parties.end(context(reader, now), party["booked"])
        request.answered_at = recorder.instant

    return end


def leaves_the_line(reader: Reader, now: datetime) -> Job:
    """The reader leaves the waitlist."""

    async def leave(worker: Worker) -> None:
        for entry in await worker.waitlist.open_of(reader.id):
            await worker.waitlist.leave(context(reader, now), entry.id)

    return leave


def declines(reader: Reader, id: str, now: datetime) -> Job:
    """The reader declines the offer, if it is still open."""

    async def decline(worker: Worker) -> None:
        with suppress(WrongState):
            await worker.waitlist.decline(context(reader, now), id)

    return decline


def gives_back(reader: Reader, id: str, now: datetime) -> Job:
    """The reader cancels the booking, and does not look at the answer."""

    async def cancel(worker: Worker) -> None:
        with suppress(WrongState):
            await worker.reservations.cancel(context(reader, now), id)

    return cancel


def in_turn(*jobs: Job) -> Job:
    """A job that does all of these in order."""

    async def all_of(worker: Worker) -> None:
        for one in jobs:
            await one(worker)

    return all_of


def stubborn(act: Act, then: Act | None = None) -> Act:
    """If the first answer leaves the outcome unknown, the reader asks again at the same worker:
    by ``then`` if the repetition comes at another moment."""

    async def twice(worker: Worker, recorder: Recorder, again: Operation | None) -> Any:
        first = await act(worker, recorder, again)
        if first is None or not first.unknown:
            return first
        return await (then or act)(worker, recorder, first)

    return twice


def one_by_one(*acts: Act) -> Act:
    """The reader does these acts in order. A repetition repeats only the last one."""

    async def all_of(worker: Worker, recorder: Recorder, again: Operation | None) -> Any:
        done = None
        for act in acts if again is None else acts[-1:]:
            done = await act(worker, recorder, again)
        return done

    return all_of
