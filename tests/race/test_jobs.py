"""Two workers that run one job at the same moment: each effect happens once.

Leases make that rare; these races happen when a lease expires under a slow worker.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from models.code_sharing.scan_repository import KioskScan, KioskScanRepository
from models.deadlines.jobs import DeadlineJobs
from models.kernel.errors import Unavailable
from models.kernel.ids import ReservationId
from models.messages.entities import Channel, Message, Template
from models.messages.repository import MessageRepository
from models.readers.personal_data_repository import erase_documents, remaining
from models.reservation_store import repository as reservation_repository
from models.reservation_store.repository import ReservationRepository
from models.reservation_store.room_outbox import RoomEventRecord
from models.reservations.entities import Reservation
from models.storage.leases import LeaseRepository
from models.storage.mongo import Database, new_id
from models.violations.entities import Suspension, Violation
from models.violations.repository import ViolationRepository
from notify import outbox_dispatcher as outbox_dispatcher_module
from notify.delivery.channel import DeliveryChannel
from tests.inside import Inside
from tests.race.outbox import dispatcher
from tests.race.stage import (
    EIGHT,
    MONDAY,
    OTHER_SEAT,
    Around,
    Stage,
    both_sides_whole,
    clock,
    events,
    guarded,
    put_around,
    unguard,
)


@both_sides_whole
@guarded
@pytest.mark.parametrize(
    ("job", "due"),
    [
        (DeadlineJobs.no_show, (10, 30)),
        (DeadlineJobs.complete, (11, 0)),
        (DeadlineJobs.send_reminders, (10, 0)),
    ],
)
async def test_a_job_run_by_two_workers_has_one_effect(
    stage: Stage, job: Any, due: tuple[int, int], guard: bool
) -> None:
    reader, now = await stage.reader(), clock(*due)
    missed = job is not DeadlineJobs.complete
    r = await (stage.reserved(reader) if missed else stage.in_use(reader))
    before = len((await stage.reload(r)).outbox)
    slow, fast = await stage.worker(), await stage.worker()
    done: list[int] = []
    if not guard:
        unguard(slow.stored.reservations)

    async def meanwhile() -> None:
        done.append(await job(fast.deadlines, now))

    put_around(slow.stored.reservations, "find_one_and_update", before=meanwhile)
    done.append(await job(slow.deadlines, now))
    events = len((await stage.reload(r)).outbox) - before
    assert done == ([1, 0] if guard else [1, 1])
    assert events == sum(done)


class Anew(MessageRepository):
    """The control: each message gets a new id."""

    async def add(self, messages: Sequence[Message]) -> int:
        return await super().add([replace(message, id=new_id()) for message in messages])


class RecordedAnew(ViolationRepository):
    """The control: a violation gets a new id each time."""

    async def record(self, violation: Violation) -> Violation:
        return await super().record(replace(violation, id=new_id()))


class ForAll:
    """A channel for which all readers have chosen everything."""

    name = Channel.EMAIL

    async def requested(self, messages: Sequence[Message]) -> list[str]:
        return [message.id for message in messages]


@guarded
async def test_dispatchers_in_two_workers_notify_once(stage: Stage, guard: bool) -> None:
    """Both have read the outbox before one of them sends."""
    reader = await stage.reader()
    missed = await stage.missed(reader, EIGHT)
    barrier = asyncio.Barrier(2)

    async def run() -> int:
        violations = (ViolationRepository if guard else RecordedAnew)(stage.db, stage.cipher)
        worker = await stage.worker(violations=violations)
        messages = (MessageRepository if guard else Anew)(stage.db, stage.cipher)
        put_around(messages, "insert_many", before=barrier.wait)
        return await dispatcher(worker, messages).dispatch(EIGHT)

    assert list(await asyncio.gather(run(), run())) == [2, 2]
    stored_messages, _ = await MessageRepository(stage.db, stage.cipher).page_of(
        reader.id, False, 0, 10
    )
    _, violations = await stage.stored.violations.page_of(reader.id, 0, 10)
    times = 1 if guard else 2
    templates = [Template.NO_SHOW, Template.RESERVED]
    assert sorted(message.template for message in stored_messages) == sorted(templates * times)
    assert violations == times
    assert (await stage.reload(missed)).outbox == ()


class Overtaken(ViolationRepository):
    """A repository that stores a suspension only after another run has done the same and died."""

    overtaken_by: Callable[[], Awaitable[None]]

    async def suspend(self, suspension: Suspension) -> bool:
        await self.overtaken_by()
        return await super().suspend(suspension)


async def test_a_run_tells_of_a_suspension_that_a_dead_one_has_stored(stage: Stage) -> None:
    reader = await stage.reader()
    for day in range(3):
        await stage.missed(reader, EIGHT + timedelta(days=day))
    violations = Overtaken(stage.db, stage.cipher)
    slow, dead = await stage.worker(violations=violations), await stage.worker()
    put_around(dead.stored.messages, "insert_many", before=_kill)

    async def run_and_die() -> None:
        with suppress(Killed):
            await dispatcher(dead, dead.stored.messages).dispatch(EIGHT)

    violations.overtaken_by = run_and_die
    await dispatcher(slow, MessageRepository(stage.db, stage.cipher)).dispatch(EIGHT)
    templates = [row["template"] async for row in stage.db["messages"].find()]
    assert templates.count("SUSPENDED") == 1 and templates.count("NO_SHOW") == 3


class Slow(MessageRepository):
    """Stores so few messages before the run is interrupted."""

    def __init__(self, stage: Stage, left: int) -> None:
        super().__init__(stage.db, stage.cipher)
        self.left = left

    async def add(self, messages: Sequence[Message]) -> int:
        self.left -= len(messages)
        if self.left < 0:
            raise Unavailable()
        return await super().add(messages)


@guarded
async def test_runs_that_are_interrupted_dispatch_all_in_the_end(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow run stores what it has. The control goes on, and each run begins anew."""
    monkeypatch.setattr(outbox_dispatcher_module, "_RUN_S", 0 if guard else 1000)
    seats = sorted(stage.inside.reference.catalog.seats)[:40]
    made = [await stage.reserved(await stage.reader(), seat) for seat in seats]
    worker = await stage.worker()
    for _ in range(40):
        with suppress(Unavailable):
            await dispatcher(worker, Slow(stage, 30)).dispatch(EIGHT)
    left = [r for r in made if (await stage.reload(r)).outbox]
    assert len(left) == (0 if guard else 40)


async def test_a_change_during_the_dispatch_is_still_notified(stage: Stage) -> None:
    """The dispatcher removes only the events that it has dispatched."""
    reader = await stage.reader()
    r = await stage.reserved(reader)

    async def meanwhile() -> None:
        await stage.inside.deadlines.no_show(r.check_in_until)

    worker = await stage.worker()
    put_around(worker.stored.reservations, "bulk_write", before=meanwhile)
    assert await dispatcher(worker, MessageRepository(stage.db, stage.cipher)).dispatch(EIGHT) == 1
    assert [notice.event for notice in (await stage.reload(r)).outbox] == ["no_show"]
    assert events(await stage.reload(r)) == ["reserve", "miss"]


async def _leave(_: Database, ids: Sequence[str]) -> None:
    """The control: removes nothing."""


@guarded
@pytest.mark.parametrize(
    ("late", "left"),
    [
        ("messages", ["deliveries", "messages"]),
        # From there on the dispatcher goes on with what it has read.
        ("violations", ["violations", "deliveries", "messages"]),
    ],
)
async def test_the_dispatcher_stores_nothing_for_a_reader_erased_meanwhile(
    stage: Stage, guard: bool, late: str, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dispatcher reads the reservation before the erasure and writes afterwards."""
    stays, goes = await stage.reader(), await stage.reader()
    gone = await stage.missed(goes, EIGHT)
    remaining_booking = await stage.reserved(stays, start=12, end=13)

    async def meanwhile() -> None:
        await erase_documents(stage.db, goes.id)

    messages = MessageRepository(stage.db, stage.cipher)
    violations = ViolationRepository(stage.db, stage.cipher)
    worker = await stage.worker(violations=violations)
    writer = messages if late == "messages" else violations
    put_around(writer, "insert_many", before=meanwhile)
    if not guard:
        monkeypatch.setattr(reservation_repository, "erase_late_writes", _leave)
    dispatches = dispatcher(worker, messages, [cast(DeliveryChannel, ForAll())])
    for _ in range(2):
        await dispatches.dispatch(EIGHT)
    assert await remaining(stage.db, goes.id) == ([] if guard else left)
    stored_messages, _ = await MessageRepository(stage.db, stage.cipher).page_of(
        stays.id, False, 0, 9
    )
    assert [message.reservation_id for message in stored_messages] == [remaining_booking.id]
    assert [(await stage.reload(r)).outbox for r in (remaining_booking, gone)] == [(), ()]


class ScannedAnew(KioskScanRepository):
    """The control: each scan of a code gets a new id."""

    async def add(self, scan: KioskScan) -> None:
        await super().add(replace(scan, id=ReservationId(new_id())))


class EmptiedFirst(ReservationRepository):
    """The control: removes events from the outbox before their effects are stored."""

    async def with_outbox_events(
        self, limit: int
    ) -> tuple[list[Reservation], list[RoomEventRecord]]:
        events = await super().with_outbox_events(limit)
        await self.remove_outbox_events(events[0])
        return events


class Killed(BaseException):
    """Simulates a killed process: earlier writes stay, and later ones do not happen."""


async def _kill() -> None:
    raise Killed


AFTER_THE_VIOLATION = ("violations", "insert_many", "behind")
AFTER_THE_SCAN = ("kiosk_scans", "update_one", "behind")
BEFORE_THE_MESSAGES = ("messages", "insert_many", "before")
BEFORE_THEIR_DELIVERIES = ("messages", "insert_many", "behind")
BEFORE_THE_REMOVAL = ("reservations", "bulk_write", "before")
CRASHES = (
    *(AFTER_THE_VIOLATION, AFTER_THE_SCAN),
    *(BEFORE_THE_MESSAGES, BEFORE_THEIR_DELIVERIES, BEFORE_THE_REMOVAL),
)


@pytest.mark.parametrize(
    ("crash", "control"),
    [
        *((crash, control) for crash in CRASHES for control in (None, "other ids")),
        *((crash, "emptied first") for crash in CRASHES if crash is not BEFORE_THE_REMOVAL),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else f"{value or 'guarded'}",
)
async def test_a_crashed_dispatcher_loses_and_duplicates_no_effect(
    stage: Stage, crash: tuple[str, str, str], control: str | None
) -> None:
    """It dies between the violation, the messages and the outbox; another one starts over."""
    reader, anew = await stage.reader(), control == "other ids"
    for day in range(2):
        await stage.missed(reader, EIGHT + timedelta(days=day))
    channels = [cast(DeliveryChannel, ForAll())]
    await dispatcher(stage.inside, stage.stored.messages, channels).dispatch(EIGHT)
    seated = await stage.in_use(await stage.reader(), OTHER_SEAT)
    missed = await stage.missed(reader, EIGHT + timedelta(days=2))

    async def worker() -> Inside:
        emptied = EmptiedFirst if control == "emptied first" else ReservationRepository
        return await stage.worker(
            reservations=emptied(stage.db),
            violations=(RecordedAnew if anew else ViolationRepository)(stage.db, stage.cipher),
            kiosk_scans=(ScannedAnew if anew else KioskScanRepository)(stage.db),
            messages=(Anew if anew else MessageRepository)(stage.db, stage.cipher),
        )

    killed, next_one = await worker(), await worker()
    repository, method, side = crash
    put_around(getattr(killed.stored, repository), method, **{side: _kill})
    with pytest.raises(Killed):
        await dispatcher(killed, killed.stored.messages, channels).dispatch(EIGHT)
    await dispatcher(next_one, next_one.stored.messages, channels).dispatch(EIGHT)
    assert [(await stage.reload(r)).outbox for r in (seated, missed)] == [(), ()]
    counts = {
        name: await stage.db[name].count_documents({})
        for name in ("violations", "suspensions", "kiosk_scans", "deliveries")
    }
    templates = Counter([row["template"] async for row in stage.db["messages"].find()])
    all_told = {"RESERVED": 4, "CHECKED_IN": 1, "NO_SHOW": 3, "SUSPENDED": 1}
    once = {"violations": 3, "suspensions": 1, "kiosk_scans": 1, "deliveries": 9}
    assert ((counts, templates) == (once, all_told)) is (control is None), (counts, templates)


class Greedy(LeaseRepository):
    """The control: reads the holder of the lease, then takes it."""

    async def acquire(self, name: str, owner: str, real_now: Any, length: timedelta) -> bool:
        row = await self._all.find_one({"_id": name, "until": {"$gt": real_now}})
        if row is not None and row["owner"] != owner:
            return False
        fields = {"owner": owner, "until": real_now + length}
        await self._all.update_one({"_id": name}, {"$set": fields}, upsert=True)
        return True


@guarded
async def test_a_lease_has_one_holder(stage: Stage, guard: bool) -> None:
    barrier, minute = asyncio.Barrier(2), timedelta(minutes=1)

    async def acquire(owner: str) -> bool:
        leases = (LeaseRepository if guard else Greedy)(stage.db)
        if guard:
            put_around(leases, "update_one", before=barrier.wait)
        else:
            put_around(leases, "find_one", behind=barrier.wait)
        return await leases.acquire("dispatch_outbox", owner, EIGHT, minute)

    won = await asyncio.gather(acquire("one"), acquire("two"))
    assert sorted(won) == ([False, True] if guard else [True, True])
    loser = LeaseRepository(stage.db)
    holder = "one" if won[0] else "two"
    if guard:
        assert await loser.acquire("dispatch_outbox", "three", EIGHT + minute, minute), "it ran out"
        assert not await loser.acquire("dispatch_outbox", holder, EIGHT + minute, minute)


@guarded
async def test_three_violations_suspend_once(stage: Stage, guard: bool) -> None:
    """The third and fourth violation are processed at the same moment, each seeing three unused
    ones."""
    if not guard:
        await stage.drop("suspensions", "uses")
    reader = await stage.reader()
    days = [MONDAY.replace(hour=8) + timedelta(days=n) for n in range(4)]
    missed = [await stage.missed(reader, day) for day in days]
    for r in missed[:2]:
        await stage.inside.violation_recorder.record(r, r.outbox[-1])
    barrier = asyncio.Barrier(2)
    workers: list[Inside] = [await stage.worker(), await stage.worker()]
    for worker in workers:
        violations: Any = worker.stored.violations
        violations._suspensions = Around(violations._suspensions, "insert_one", before=barrier.wait)
    results = await asyncio.gather(
        *(
            worker.violation_recorder.record(r, r.outbox[-1])
            for worker, r in zip(workers, missed[2:], strict=True)
        )
    )
    suspensions = await stage.db["suspensions"].count_documents({"reader": reader.id})
    assert suspensions == sum(
        penalty is not None and penalty.suspension is not None for penalty in results
    )
    assert suspensions == (1 if guard else 2)
    again = [await stage.inside.violation_recorder.record(r, r.outbox[-1]) for r in missed]
    if guard:
        assert [a and a.suspension for a in again[2:]] == [f and f.suspension for f in results]
        assert await stage.db["suspensions"].count_documents({}) == 1


async def test_a_third_violation_processed_twice_suspends_once(stage: Stage) -> None:
    """The suspension's id is derived from its violation, so both dispatchers write the same one."""
    reader = await stage.reader()
    missed = [await stage.missed(reader, EIGHT + timedelta(days=n)) for n in range(3)]
    for r in missed[:2]:
        await stage.inside.violation_recorder.record(r, r.outbox[-1])
    barrier = asyncio.Barrier(2)
    third, workers = missed[2], [await stage.worker(), await stage.worker()]
    for worker in workers:
        violations: Any = worker.stored.violations
        violations._suspensions = Around(violations._suspensions, "insert_one", before=barrier.wait)
    await asyncio.gather(
        *(worker.violation_recorder.record(third, third.outbox[-1]) for worker in workers)
    )
    assert await stage.db["suspensions"].count_documents({}) == 1
    bound = await stage.stored.readers.get(reader.id)
    assert bound is not None and bound.suspended_until == third.check_in_until + timedelta(days=7)


@guarded
async def test_one_violation_per_day_counts(stage: Stage, guard: bool) -> None:
    if not guard:
        await stage.drop("violations", "counted_on")
    reader, barrier = await stage.reader(), asyncio.Barrier(2)

    async def record(id: str) -> Violation:
        violations = ViolationRepository(stage.db, stage.cipher)
        put_around(violations, "insert_many", before=barrier.wait)
        r = await stage.reserved(reader, start=10 + len(id), end=11 + len(id))
        return await violations.record(
            Violation(id, reader.id, r.id, "no_show", clock(20), MONDAY.date(), counts=True)
        )

    recorded = await asyncio.gather(record("a"), record("bb"))
    assert sorted(v.counts for v in recorded) == ([False, True] if guard else [True, True])
