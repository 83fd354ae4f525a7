"""Holders of a season: their days beside bookings, a change of holder and a killed job; a loss
beside a check-in; a swap beside another one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import pytest

from models.booking.writer import ReservationWriter
from models.kernel.errors import WrongState
from models.kernel.ids import ReaderId
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.errors import NotOpenYet
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.season_holders.days import SeasonDays, day_id
from models.season_holders.service import SeasonHolders
from models.season_holders.use import SeasonUse
from models.seasons.entities import Application, Season, SeasonKind, Thing, Which
from models.seasons.staff import StaffSeasons
from models.storage.transactions import InTransaction
from tests.builders import ZONE
from tests.inside import Inside
from tests.race.season_staff import CLOSES, KNOWN, OPENS, staff
from tests.race.stage import (
    EIGHT,
    SEATS,
    ById,
    Stage,
    ctx,
    guarded,
    kinds,
    put_around,
    scan,
    unguard,
)
from tests.seasons import VALUE, administrator, plan

FIRST: Final = date(2026, 9, 14)
BEFORE: Final = datetime(2026, 9, 12, 9, tzinfo=ZONE.slot_clock)
"""When the season's first day is written: two days before, since one can book one day ahead."""
_DAY: Final = timedelta(days=1)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE.slot_clock)


async def drawn(stage: Stage, applicants: Sequence[Reader], seats: int = 2) -> Season:
    """A drawn season of so many seats for which these readers have applied."""
    heads = [await stage.reader() for _ in range(2)]
    team: StaffSeasons = staff(stage.inside)
    things = tuple(Thing(seat) for seat in SEATS[:seats])
    announced = plan(OPENS, things=things, kind=SeasonKind.SEATS)
    season = await team.announce(administrator(heads[0], EIGHT), announced, "key")
    for reader in applicants:
        await stage.inside.seasons.apply(ctx(reader, OPENS), season.id, ["any"])
    await team.start_freeze(administrator(heads[0], CLOSES), season.id)
    await team.confirm_freeze(administrator(heads[1], CLOSES), season.id)
    await team.start_draw(administrator(heads[0], KNOWN), season.id, Which.FIRST, VALUE)
    await team.confirm_draw(administrator(heads[1], KNOWN), season.id, Which.FIRST, VALUE)
    await stage.inside.reference.refresh()
    return await now(stage, season)


async def now(stage: Stage, season: Season) -> Season:
    found = await stage.stored.seasons.get(season.id)
    assert found is not None
    return found


async def held(stage: Stage, season: Season, readers: Sequence[Reader]) -> list[Application]:
    """The readers' applications, first those that hold something."""
    own = [await stage.inside.seasons.own(season.id, reader.id) for reader in readers]
    return sorted(own, key=lambda one: one.thing is None)


def days(worker: Inside, writer: ReservationWriter | None = None) -> SeasonDays:
    stored = worker.stored
    return SeasonDays(
        stored.seasons,
        stored.season_holders,
        stored.reservations,
        writer or worker.writer,
        worker.reference,
    )


def holders(worker: Inside, kind: type[SeasonHolders] = SeasonHolders) -> SeasonHolders:
    stored = worker.stored
    return kind(stored.seasons, stored.season_holders, stored.reservations, worker.writer)


def use(worker: Inside, kind: type[SeasonHolders] = SeasonHolders) -> SeasonUse:
    stored = worker.stored
    return SeasonUse(
        stored.season_holders,
        holders(worker, kind),
        stored.reservations,
        stored.violations,
        worker.reference,
    )


async def rows(stage: Stage, day: date = FIRST) -> list[Any]:
    found = stage.db["reservations"].find({"day": day.isoformat(), "area": {"$exists": True}})
    return await found.sort("seat").to_list(None)


@guarded
async def test_a_seat_of_a_season_has_one_reader_though_a_worker_does_not_know_of_it(
    stage: Stage, guard: bool
) -> None:
    """The rule is a worker's memory; what decides is the index over the claims."""
    reader, other = [await stage.reader() for _ in range(2)]
    unknowing = await stage.worker()
    season = await drawn(stage, [reader], seats=1)
    evening = at(FIRST - _DAY, 9)
    wished = TimeSelection(FIRST, at(FIRST, 10).time(), at(FIRST, 12).time())
    with pytest.raises(NotOpenYet) as refused:
        await stage.inside.reservations.create(ctx(other, evening), SEATS[0], wished)
    assert refused.value.details == {"season": True}
    assert await rows(stage) == []
    if not guard:
        await stage.drop("reservations", "claims")

    async def book() -> None:
        await unknowing.reservations.create(ctx(other, evening), SEATS[0], wished)

    put_around(stage.stored.reservations, "insert_many", before=book)
    await days(stage.inside).run(evening)
    assert [row["reader"] for row in await rows(stage)] == (
        [other.id] if guard else [other.id, reader.id]
    )
    await days(stage.inside).run(evening)
    assert len(await rows(stage)) == (1 if guard else 2)
    assert (await now(stage, season)).written == FIRST + _DAY


class Died(Exception):
    """The end of a process."""


class OneByOne(ReservationWriter):
    """The control: the step comes before the reservations, in a transaction of its own."""

    async def insert_all(self, day: date, made: Sequence[Reservation], step: InTransaction) -> None:
        await super().insert_all(day, [], step)
        await super().insert_all(day, made, _nothing)


async def _nothing(_: object) -> None:
    """A step that does nothing."""


@guarded
async def test_a_job_that_is_killed_while_it_writes_a_day_leaves_no_half_of_it(
    stage: Stage, guard: bool
) -> None:
    readers = [await stage.reader() for _ in range(3)]
    season, worker = await drawn(stage, readers, seats=3), await stage.worker()
    writer = worker.writer
    if not guard:
        writer = OneByOne(*vars(worker.writer).values())

    async def die() -> None:
        raise Died

    if guard:
        put_around(worker.stored.reservations, "insert_many", behind=die)
    else:
        put_around(worker.stored.reservations, "insert_many", before=die)
    with pytest.raises(Died):
        await days(worker, writer).run(BEFORE)
    assert await rows(stage) == []
    two = [await stage.worker() for _ in range(2)]
    await asyncio.gather(*(days(each).run(BEFORE) for each in two))
    made = await rows(stage)
    # Without the transaction the day counts as written, and nobody has it.
    assert len(made) == (3 if guard else 0)
    assert [row["_id"] for row in made] == [day_id(season.id, r["seat"], FIRST) for r in made]
    assert all(not any(c.startswith("n:") for c in row["claims"]) for row in made)
    assert (await now(stage, season)).written == FIRST


@guarded
async def test_who_gives_up_while_a_day_is_written_does_not_get_it(
    stage: Stage, guard: bool
) -> None:
    readers = [await stage.reader() for _ in range(3)]
    season, worker = await drawn(stage, readers), await stage.worker()
    gives_up, *_, waits = await held(stage, season, readers)
    reader = next(one for one in readers if one.id == gives_up.reader_id)

    async def give_up() -> None:
        await holders(stage.inside).give_up(ctx(reader, BEFORE), season.id)

    if not guard:
        unguard(worker.stored.season_holders)
    put_around(worker.stored.season_holders, "update_one", before=give_up)
    await days(worker).run(BEFORE)
    has_it = {row["seat"]: row["reader"] for row in await rows(stage)}
    if not guard:
        assert has_it[gives_up.thing] == reader.id, "a day for somebody who has given up"
        return
    assert has_it == {}, "the next run writes the day"
    await days(stage.inside).run(BEFORE)
    has_it = {row["seat"]: row["reader"] for row in await rows(stage)}
    assert has_it[gives_up.thing] == waits.reader_id and len(has_it) == 2


async def unused_until_today(stage: Stage, reader: Reader, season: Season) -> Reservation:
    """The holder misses the first three days, on which others come; returns the fourth one, which
    is today."""
    for n in range(4):
        await days(stage.inside).run(at(FIRST + n * _DAY, 0, 5))
    comes, nine = await stage.reader(), at(FIRST, 9)
    wished = TimeSelection(FIRST, nine.time(), at(FIRST, 10).time())
    booked = await stage.inside.reservations.create(ctx(comes, nine), SEATS[9], wished)
    await stage.inside.check_in.check_in(ctx(comes, nine), booked.id, scan(0))
    for n in range(3):
        assert await stage.inside.deadlines.no_show(at(FIRST + n * _DAY, 10, 30)) == 1
        if n == 1:
            assert await use(stage.inside).run(at(FIRST + n * _DAY, 11)) == 1, "warned"
    (today,) = [
        r
        for r in await stage.stored.reservations.stays_on(
            SEATS, [reader.id], at(FIRST + 3 * _DAY, 0)
        )
        if r.date == FIRST + 3 * _DAY
    ]
    return today


@guarded
async def test_who_comes_while_the_seat_is_taken_back_keeps_it_or_has_no_day(
    stage: Stage, guard: bool
) -> None:
    reader = await stage.reader()
    season = await drawn(stage, [reader], seats=1)
    today = await unused_until_today(stage, reader, season)
    worker = await stage.worker()
    morning = at(today.date, 8)

    async def come() -> None:
        await stage.inside.check_in.check_in(ctx(reader, morning), today.id, scan(1))

    if not guard:
        unguard(worker.stored.reservations)
    put_around(worker.stored.season_holders, "update_one", before=come)
    told = await use(worker).run(morning)
    own = await stage.inside.seasons.own(season.id, reader.id)
    after = await stage.reload(today)
    if guard:
        assert (told, own.thing, after.state) == (0, SEATS[0], ReservationState.IN_USE)
    else:
        # Without the guard a reader who sits there has lost seat and day.
        assert (told, own.thing, after.state) == (1, None, ReservationState.CANCELLED)


class Hasty(SeasonHolders):
    """The control: a day whose deadline has passed counts as decided."""

    async def _reserved_days(
        self, season: Season, holder: Application, now: datetime
    ) -> list[Reservation]:
        days = await super()._reserved_days(season, holder, now)
        return [r for r in days if now <= r.check_in_until]


@guarded
async def test_who_comes_by_a_clock_that_is_behind_keeps_the_seat_or_has_not_come(
    stage: Stage, guard: bool
) -> None:
    """One worker's clock has passed today's deadline, and another one's has not."""
    reader = await stage.reader()
    season = await drawn(stage, [reader], seats=1)
    today = await unused_until_today(stage, reader, season)
    worker, second = await stage.worker(), timedelta(seconds=1)
    late, behind = today.check_in_until + second, today.check_in_until - second

    async def come() -> None:
        await stage.inside.check_in.check_in(ctx(reader, behind), today.id, scan(1))

    if guard:
        # Until a job has judged the day, the loss waits, whenever the holder comes.
        assert await use(worker).run(late) == 0
        await come()
        assert await worker.deadlines.no_show(late) == 0
        assert await use(worker).run(late) == 0
    else:
        put_around(worker.stored.season_holders, "update_one", before=come)
        assert await use(worker, Hasty).run(late) == 1
    own = await stage.inside.seasons.own(season.id, reader.id)
    after = await stage.reload(today)
    assert after.state is ReservationState.IN_USE
    # Without the guard the reader sits there, and has lost the seat.
    assert own.thing == (SEATS[0] if guard else None)


async def test_who_comes_after_a_job_has_judged_the_day_is_refused(stage: Stage) -> None:
    reader = await stage.reader()
    season = await drawn(stage, [reader], seats=1)
    today = await unused_until_today(stage, reader, season)
    worker, second = await stage.worker(), timedelta(seconds=1)
    assert await worker.deadlines.no_show(today.check_in_until + second) == 1
    with pytest.raises(WrongState):
        late = ctx(reader, today.check_in_until - second)
        await stage.inside.check_in.check_in(late, today.id, scan(1))
    assert await use(worker).run(today.check_in_until + second) == 1
    assert (await stage.inside.seasons.own(season.id, reader.id)).thing is None


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_who_comes_after_any_look_at_the_unused_days_keeps_the_seat(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The job reads the days three times before it writes; the holder comes after one of them."""
    reader = await stage.reader()
    season = await drawn(stage, [reader], seats=1)
    today = await unused_until_today(stage, reader, season)
    worker, morning, looks = await stage.worker(), at(today.date, 8), 0
    stays_on = worker.stored.reservations.stays_on

    async def look(
        seats: Collection[str], readers: Collection[ReaderId], since: datetime
    ) -> list[Reservation]:
        nonlocal looks
        found, looks = await stays_on(seats, readers, since), looks + 1
        if looks == number:
            await stage.inside.check_in.check_in(ctx(reader, morning), today.id, scan(1))
        return found

    monkeypatch.setattr(worker.stored.reservations, "stays_on", look)
    told = await use(worker).run(morning)
    own = await stage.inside.seasons.own(season.id, reader.id)
    assert (told, own.thing, looks >= number) == (0, SEATS[0], True)


@guarded
async def test_of_two_swaps_at_once_each_seat_goes_to_one_reader(stage: Stage, guard: bool) -> None:
    readers = [await stage.reader() for _ in range(3)]
    season = await drawn(stage, readers, seats=3)
    own = {one.reader_id: one for one in await held(stage, season, readers)}
    first, second, third = readers
    thing = {reader.id: own[reader.id].thing or "" for reader in readers}
    for asker in (first, third):
        await holders(stage.inside).ask_to_swap(ctx(asker, BEFORE), season.id, thing[second.id])
    workers, both = [await stage.worker() for _ in range(2)], asyncio.Barrier(2)
    if not guard:
        await stage.drop("season_applications", "holders")
    for worker in workers:
        if not guard:
            repository: Any = worker.stored.season_holders
            unguard(repository)
            repository._applications = ById(repository._applications)
        put_around(worker.stored.season_holders, "update_one", before=both.wait)
    results = await asyncio.gather(
        *(
            holders(worker).accept_swap(ctx(second, BEFORE), season.id, thing[asker.id])
            for worker, asker in zip(workers, (first, third), strict=True)
        ),
        return_exceptions=True,
    )
    after = sorted(one.thing or "" for one in await held(stage, season, readers))
    assert kinds(results) == ({"ok": 1, "nothing_held": 1} if guard else {"ok": 2})
    # Without the guards two readers have one seat.
    assert (after == sorted(thing.values())) is guard


async def test_a_day_given_back_goes_to_one_of_those_who_book_it(stage: Stage) -> None:
    reader, *others = [await stage.reader() for _ in range(5)]
    season = await drawn(stage, [reader], seats=1)
    morning = at(FIRST, 7, 30)
    await days(stage.inside).run(morning)
    (row,) = await rows(stage)
    workers = [await stage.worker() for _ in range(4)]
    wished = TimeSelection(FIRST, at(FIRST, 10).time(), at(FIRST, 12).time())
    refused = await asyncio.gather(
        *(
            worker.reservations.create(ctx(other, morning), SEATS[0], wished)
            for worker, other in zip(workers, others, strict=True)
        ),
        return_exceptions=True,
    )
    assert kinds(refused) == {"seat_taken": 4}
    await stage.inside.reservations.cancel(ctx(reader, morning), row["_id"])
    for worker in workers:
        worker.occupancy.invalidate()
    booked = await asyncio.gather(
        *(
            worker.reservations.create(ctx(other, morning), SEATS[0], wished)
            for worker, other in zip(workers, others, strict=True)
        ),
        return_exceptions=True,
    )
    assert kinds(booked) == {"ok": 1, "seat_taken": 3}
    assert (await now(stage, season)).changes == 0, "the seat stays the holder's"
    await days(stage.inside).run(at(FIRST + _DAY, 0, 5))
    assert len(await rows(stage, FIRST + _DAY)) == 1
