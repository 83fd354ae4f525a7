"""What the explorer plays: three readers, two seats, two workers, and everything that can meet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

from models.check_in.service import KioskCodeScan
from models.kernel.time_range import local_instant, next_clock_instant
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from scripts.chaos_history import Operation
from scripts.proof.explorer import Act, Ids, Party, Scenario
from scripts.proof.memory_mongo import MemoryStore
from scripts.proof.simulated_library import AREA, KIOSK, Worker, at, context, seat, wish
from scripts.proof.simulation import Recorder

ONE: Final = seat(1)
TWO: Final = seat(2)


def _wanted(seat_id: str, when: TimeSelection, now: datetime) -> tuple[str, datetime, datetime]:
    start = local_instant(when.day, when.start) if when.start is not None else now
    return seat_id, start, next_clock_instant(start, when.end)


def _taps(
    reader: Reader,
    verb: str,
    name: str,
    now: datetime,
    ask: Callable[[Worker, RequestContext], Awaitable[Reservation]],
    target: str = "",
    wanted: tuple[str, datetime, datetime] | None = None,
    *,
    keyed: bool = True,
    repeated: bool = False,
) -> Act:
    """One request of the reader, under the key ``name``; where it is not ``keyed``, the service
    does not hear of the key. ``repeated``: another party has sent it before."""

    async def act(worker: Worker, recorder: Recorder, again: Operation | None) -> Operation:
        repeats = repeated or again is not None
        ctx = context(reader, now, name if keyed else None, repeated=repeats)
        tap = await recorder.tap(
            reader.id, verb, name, lambda: ask(worker, ctx), target, wanted, again
        )
        tap.attempts += repeated
        return tap

    return act


Job = Callable[[Worker], Awaitable[object]]
"""What a worker does, of which nobody waits for the answer."""


def _job(name: str, worker: str, job: Job) -> Party:
    """The party that does it."""

    async def act(worker: Worker, recorder: Recorder, again: Operation | None) -> None:
        await job(worker)

    return Party(name, worker, act, asks_again=False)


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
    """The reader books the seat for these hours; once more, where it is ``repeated``."""
    when = wish(start, end)
    return _taps(
        reader,
        "reserve",
        name,
        now,
        lambda worker, ctx: worker.reservations.create(ctx, seat_id, when),
        wanted=_wanted(seat_id, when, now),
        repeated=repeated,
    )


def changes(
    reader: Reader,
    name: str,
    id: str,
    seat_id: str,
    now: datetime,
    hours: tuple[int, int] = (10, 11),
) -> Act:
    """The reader wants another seat or time."""
    when = wish(*hours)
    return _taps(
        reader,
        "change",
        name,
        now,
        lambda worker, ctx: worker.reservations.change(ctx, id, seat_id, when.start, when.end),
        id,
        _wanted(seat_id, when, now),
    )


def cancels(reader: Reader, name: str, id: str, now: datetime) -> Act:
    """The reader gives the booking up."""
    return _taps(reader, "cancel", name, now, lambda w, ctx: w.reservations.cancel(ctx, id), id)


def extends(reader: Reader, name: str, id: str, hour: int, now: datetime) -> Act:
    """The reader wants to stay until that hour."""
    until = at(hour).time()
    return _taps(reader, "extend", name, now, lambda w, ctx: w.renewal.renew(ctx, id, until), id)


def shortens(reader: Reader, name: str, id: str, hour: int, now: datetime) -> Act:
    """The reader gives back what comes after that hour."""
    end, kept = at(hour).time(), (ONE, at(10), at(hour))
    return _taps(
        reader, "shorten", name, now, lambda w, c: w.early_end.shorten(c, id, end), id, kept
    )


def checks_in(reader: Reader, name: str, id: str, now: datetime) -> Act:
    """By a kiosk's code, each party with one of its own."""
    scan = KioskCodeScan(KIOSK, int.from_bytes(name.encode()) % 9973, is_current=True)
    return _taps(
        reader, "check_in", name, now, lambda w, ctx: w.check_in.check_in(ctx, id, scan), id
    )


def accepts(reader: Reader, name: str, id: str, now: datetime) -> Act:
    """The reader takes the seat that is offered. That has no key: a second try may find it done."""
    return _taps(
        reader, "accept", name, now, lambda w, ctx: w.waitlist.accept(ctx, id), id, keyed=False
    )


def leaves_the_line(reader: Reader, now: datetime) -> Job:
    """The reader waits no more."""

    async def leave(worker: Worker) -> None:
        for entry in await worker.waitlist.open_of(reader.id):
            await worker.waitlist.leave(context(reader, now), entry.id)

    return leave


def stubborn(act: Act) -> Act:
    """Asks a second time at the same worker where the first answer says nothing."""

    async def twice(worker: Worker, recorder: Recorder, again: Operation | None) -> Any:
        first = await act(worker, recorder, again)
        return await act(worker, recorder, first) if first is not None and first.unknown else first

    return twice


def one_by_one(*acts: Act) -> Act:
    """The reader does one thing after the other."""

    async def all_of(worker: Worker, recorder: Recorder, again: Operation | None) -> Any:
        done = None
        for act in acts if again is None else acts[-1:]:
            done = await act(worker, recorder, again)
        return done

    return all_of


# --- the scenarios --------------------------------------------------------------------------------


async def _nothing(worker: Worker, readers: Sequence[Reader]) -> Ids:
    return {}


async def _book(
    worker: Worker, reader: Reader, seat_id: str, now: datetime | None = None
) -> Reservation:
    return await worker.reservations.create(
        context(reader, now or at(8), f"{reader.id}-before"), seat_id, wish(10, 11)
    )


async def _booked(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has seat one from 10 to 11."""
    return {"booked": (await _book(worker, readers[0], ONE)).id}


async def _booked_and_wanted(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader has seat one, and the second waits for it."""
    ids = await _booked(worker, readers)
    await worker.waitlist.join(context(readers[1], at(8)), AREA, [ONE], frozenset(), wish(10, 11))
    return ids


async def _offered(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """Seat one is held for the second reader, who has waited for it; the third one waits, too."""
    ids = await _booked_and_wanted(worker, readers)
    await worker.waitlist.join(context(readers[2], at(8)), AREA, [ONE], frozenset(), wish(10, 11))
    await worker.reservations.cancel(context(readers[0], at(8)), ids["booked"])
    (entry,) = await worker.waitlist.open_of(readers[1].id)
    assert entry.offer is not None
    return {"offered": entry.offer}


async def _long_in_use_and_wanted(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader sits on seat one from 10 to 12, and the second waits for its second hour."""
    ctx = context(readers[0], at(8), f"{readers[0].id}-before")
    r = await worker.reservations.create(ctx, ONE, wish(10, 12))
    scan = KioskCodeScan(KIOSK, 1, is_current=True)
    await worker.check_in.check_in(context(readers[0], at(10)), r.id, scan)
    await worker.waitlist.join(context(readers[1], at(10)), AREA, [ONE], frozenset(), wish(11, 12))
    return {"booked": r.id}


async def _in_use(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader sits on seat one since 10."""
    ids = await _booked(worker, readers)
    scan = KioskCodeScan(KIOSK, 1, is_current=True)
    await worker.check_in.check_in(context(readers[0], at(10)), ids["booked"], scan)
    return ids


def _nobody_between(store: MemoryStore) -> str | None:
    """Whoever waits for seat one gets it when it is given back: nobody who passes by."""
    rows = [r for r in store.table("reservations").documents.values() if "tombstone" not in r]
    waiting = [w for w in store.table("waitlist").documents.values() if w["state"] == "waiting"]
    given_back = any(
        r["state"] == "cancelled" or (r["state"] == "in_use" and r["end"] == at(11)) for r in rows
    )
    for r in rows if waiting and given_back else ():
        own = any(r["reader"] == w["reader"] for w in waiting)
        if r["seat"] == ONE and r["state"] == "reserved" and not own:
            return f"passed over: {r['_id']} took the seat before {waiting[0]['_id']}"
    return None


def scenarios() -> Sequence[Scenario]:
    """All of them."""
    return (
        Scenario(
            "three want one seat, one of them at both workers",
            at(8),
            _nothing,
            lambda r, _: (
                Party("a", "w1", books(r[0], "a", ONE, 10, 11, at(8))),
                Party("b", "w2", books(r[1], "b", ONE, 10, 11, at(8))),
                Party("c", "w1", books(r[2], "c", ONE, 10, 11, at(8))),
                Party("a again", "w2", books(r[0], "a", ONE, 10, 11, at(8))),
            ),
        ),
        Scenario(
            "one reader wants two seats, another one of them",
            at(8),
            _nothing,
            lambda r, _: (
                Party("a", "w1", books(r[0], "a", ONE, 10, 12, at(8))),
                Party("b", "w2", books(r[0], "b", TWO, 11, 13, at(8))),
                Party("c", "w2", books(r[1], "c", TWO, 11, 12, at(8))),
            ),
        ),
        Scenario(
            "a repetition is refused, and the seat is given back",
            at(8),
            _booked,
            lambda r, ids: (
                Party("b", "w1", books(r[1], "b", ONE, 10, 11, at(8))),
                Party(
                    "a",
                    "w2",
                    one_by_one(
                        books(r[1], "b", ONE, 10, 11, at(8), repeated=True),
                        cancels(r[0], "a", ids["booked"], at(8)),
                    ),
                ),
            ),
        ),
        Scenario(
            "one changes to the seat that another wants, a third wants the old one",
            at(8),
            _booked,
            lambda r, ids: (
                Party("a", "w1", changes(r[0], "a", ids["booked"], TWO, at(8))),
                Party("b", "w2", books(r[1], "b", TWO, 10, 11, at(8))),
                Party("c", "w1", books(r[2], "c", ONE, 10, 11, at(8))),
            ),
        ),
        Scenario(
            "one changes and cancels, another wants the seat",
            at(8),
            _booked,
            lambda r, ids: (
                Party("a", "w1", changes(r[0], "a", ids["booked"], TWO, at(8))),
                Party("b", "w2", cancels(r[0], "b", ids["booked"], at(8))),
                Party("c", "w2", books(r[1], "c", ONE, 10, 11, at(8))),
            ),
        ),
        Scenario(
            "a seat is given back, one waits for it, another passes by",
            at(8),
            _booked_and_wanted,
            lambda r, ids: (
                Party("a", "w1", cancels(r[0], "a", ids["booked"], at(8))),
                Party("c", "w2", books(r[2], "c", ONE, 10, 11, at(8))),
            ),
            watch=_nobody_between,
            after=at(8),
        ),
        Scenario(
            "the rest of a stay is given back, one waits for it, another passes by",
            at(10, 10),
            _long_in_use_and_wanted,
            lambda r, ids: (
                Party("a", "w1", shortens(r[0], "a", ids["booked"], 11, at(10, 10))),
                Party("c", "w2", books(r[2], "c", ONE, 11, 12, at(10, 10))),
            ),
            watch=_nobody_between,
            after=at(10, 10),
        ),
        Scenario(
            "a seat is given back while the one who waits for it leaves",
            at(8),
            _booked_and_wanted,
            lambda r, ids: (
                Party("a", "w1", cancels(r[0], "a", ids["booked"], at(8))),
                _job("b", "w2", leaves_the_line(r[1], at(8))),
            ),
            after=at(8),
        ),
        Scenario(
            "an offer is accepted, lapses, and the next one waits",
            at(8, 10),
            _offered,
            lambda r, ids: (
                Party("b", "w1", accepts(r[1], "b", ids["offered"], at(8, 9)), asks_again=False),
                _job("lapse", "w2", lambda w: w.waitlist_jobs.expire_offers(at(8, 10))),
            ),
            after=at(8, 10),
        ),
        Scenario(
            "a check-in in the last moment, and the release",
            at(10, 30),
            _booked,
            lambda r, ids: (
                Party("a", "w1", checks_in(r[0], "a", ids["booked"], at(10, 29))),
                _job("miss", "w2", lambda w: w.deadlines.no_show(at(10, 30))),
                _job("miss again", "w1", lambda w: w.deadlines.no_show(at(10, 30))),
            ),
        ),
        Scenario(
            "somebody stays longer in the last moment",
            at(11),
            _in_use,
            lambda r, ids: (
                Party("a", "w1", extends(r[0], "a", ids["booked"], 12, at(10, 59))),
                _job("end", "w2", lambda w: w.deadlines.complete(at(11))),
                Party("b", "w2", books(r[1], "b", ONE, 11, 12, at(10, 59))),
            ),
        ),
        Scenario(
            "a primary without its majority answers one who asks twice",
            at(8),
            _booked,
            lambda r, ids: (
                Party("a", "w1", stubborn(cancels(r[0], "a", ids["booked"], at(8)))),
                Party("c", "w2", books(r[2], "c", ONE, 10, 11, at(8))),
            ),
            partition=True,
        ),
        Scenario(
            "a change is undone with its primary, and its number is used again",
            at(8),
            _booked,
            lambda r, ids: (
                Party(
                    "c",
                    "w1",
                    one_by_one(
                        changes(r[0], "a", ids["booked"], TWO, at(8)),
                        changes(r[0], "c", ids["booked"], TWO, at(8), (12, 13)),
                    ),
                ),
                Party("b", "w2", changes(r[0], "b", ids["booked"], ONE, at(8), (11, 12))),
            ),
            partition=True,
        ),
    )
