"""Each part of a guarded update's filter is needed, and a change follows its reservation."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from models.kernel.errors import DomainError
from models.kernel.ids import Actor
from models.kernel.time_range import TimeRange
from models.reservations import transitions
from models.reservations.errors import SeatTaken, StaleRevision
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Collection, new_id
from tests.builders import on_seat
from tests.race.reservation_changes import claims_fit, extends, moves
from tests.race.stage import (
    EIGHT,
    OTHER_SEAT,
    SEAT,
    SEATS,
    Stage,
    both_sides_whole,
    clock,
    ctx,
    events,
    guarded,
    kinds,
    put_around,
    scan,
    selection,
    unguard,
)

pytestmark = both_sides_whole


class Loose:
    """Removes parts of a guarded update's filter."""

    def __init__(self, collection: Collection, left_out: set[str]) -> None:
        self._collection, self._left_out = collection, left_out

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def find_one_and_update(self, filter: Any, update: Any, **options: Any) -> Any:
        conditions = {name: value for name, value in filter.items() if name not in self._left_out}
        return await self._collection.find_one_and_update(conditions, update, **options)


@pytest.mark.parametrize(
    ("left_out", "ends"),
    [
        (set(), False),
        ({"rev", "change"}, False),
        ({"rev", "end"}, False),
        ({"change", "end"}, False),
        ({"rev", "change", "end"}, True),
    ],
    ids=["all", "due condition", "change", "rev", "control: state alone"],
)
async def test_a_completion_needs_its_guard_against_a_concurrent_extension(
    stage: Stage, left_out: set[str], ends: bool
) -> None:
    """An extension does not change the state: one of the three other conditions is needed."""
    reader = await stage.reader()
    r = await stage.in_use(reader)
    job = await stage.worker()
    loose: Any = Loose(stage.db["reservations"], left_out)
    job.stored.reservations._all = loose
    put_around(
        job.stored.reservations,
        "find_one_and_update",
        before=partial(extends, stage.inside, reader, r),
    )
    await job.deadlines.complete(r.end)
    after = await stage.reload(r)
    assert after.end == clock(12)
    assert after.state is (ReservationState.COMPLETED if ends else ReservationState.IN_USE)


@guarded
async def test_concurrent_changes_of_seat_and_time_are_both_applied(
    stage: Stage, guard: bool
) -> None:
    """One change moves to another seat, one to another time. Without the guard the document names a
    seat and time whose claims it does not hold, and the next reader books them too."""
    reader, next_reader = await stage.reader(), await stage.reader()
    r = await stage.reserved(reader, SEAT, 10, 11)
    slow = await stage.worker()
    if not guard:
        unguard(slow.stored.reservations)

    async def move_in_time() -> None:
        start, end = clock(9).time(), clock(10).time()
        await stage.inside.reservations.change(ctx(reader), r.id, None, start, end)

    put_around(slow.stored.reservations, "find_one_and_update", before=move_in_time)
    await slow.reservations.change(ctx(reader), r.id, OTHER_SEAT, None, None)
    after = await stage.reload(r)
    assert (after.seat_id, after.start) == (OTHER_SEAT, clock(9))
    results = []
    for seat, start in ((OTHER_SEAT, 9), (SEAT, 10), (OTHER_SEAT, 10), (SEAT, 9)):
        try:
            results.append(
                await stage.inside.reservations.create(
                    ctx(next_reader), seat, selection(start, start + 1)
                )
            )
        except DomainError as error:
            results.append(error)  # type: ignore[arg-type]
        else:
            await stage.inside.reservations.cancel(ctx(next_reader), results[-1].id)
    if guard:
        assert events(after) == ["reserve", "change", "change"]
        assert kinds([results[0]]) == {"seat_taken": 1} and kinds(results[1:]) == {"ok": 3}
    else:
        assert events(after) == ["reserve", "change"], "one change is lost from the history"
        assert kinds([results[0]]) == {"ok": 1}, "the seat is sold twice"


@guarded
async def test_a_check_in_concurrent_with_a_seat_change_is_at_the_new_seat(
    stage: Stage, guard: bool
) -> None:
    reader = await stage.reader()
    r = await stage.reserved(reader)
    slow = await stage.worker()
    if not guard:
        unguard(slow.stored.reservations)
    put_around(
        slow.stored.reservations,
        "find_one_and_update",
        before=partial(moves, stage.inside, reader, r),
    )
    answer = await slow.check_in.check_in(ctx(reader, clock(9, 40)), r.id, scan(1))
    after = await stage.reload(r)
    assert (after.state, after.seat_id) == (ReservationState.IN_USE, OTHER_SEAT)
    held = {claim.split(":")[1] for claim in await stage.live_claims()}
    if guard:
        assert answer == after and held == {OTHER_SEAT}
    else:
        assert answer.seat_id == SEAT and held == {SEAT}, "sits on a seat that it does not hold"


@guarded
async def test_a_refused_seat_change_keeps_the_old_seat(stage: Stage, guard: bool) -> None:
    """Two readers want the same third seat. Only the index prevents it; the control drops it."""
    if not guard:
        await stage.drop("reservations", "claims")
    one, two, seat = await stage.reader(), await stage.reader(), SEATS[2]
    first = await stage.reserved(one, SEAT)
    second = await stage.reserved(two, OTHER_SEAT)
    slow = await stage.worker()

    async def others_change() -> None:
        await stage.inside.reservations.change(ctx(two), second.id, seat, None, None)

    put_around(slow.stored.reservations, "find_one_and_update", before=others_change)
    try:
        await slow.reservations.change(ctx(one), first.id, seat, None, None)
        heard = ""
    except DomainError as error:
        heard = error.code
    doubles = await stage.stored.reservations.find_double_bookings()
    if guard:
        assert heard == "seat_taken" and doubles == []
        assert await stage.reload(first) == first
    else:
        assert heard == "" and [double.thing for double in doubles] == ["seat"]


@guarded
async def test_a_change_based_on_a_rolled_back_revision_is_refused(
    stage: Stage, guard: bool
) -> None:
    """A worker has read a change that a failing primary then lost; its fence took the same number.
    Guarded by the number alone, the next change would rest on the lost one: the document would keep
    its old seat, claim the lost one, and the next reader would book the old one too."""
    ann, bob = await stage.reader(), await stage.reader()
    r = await stage.reserved(ann, SEAT, 10, 11)
    lost = await stage.inside.reservations.change(ctx(ann), r.id, OTHER_SEAT, None, None)
    # What the new primary holds: the document of before, and over it the fence of the lost change.
    await stage.db["reservations"].update_one(
        {"_id": r.id},
        {
            "$set": {"rev": lost.rev, "change": new_id(), "seat": r.seat_id, "claims": r.claims},
            "$pop": {"changes": 1, "outbox": 1, "history": 1},
        },
    )
    stage.history.operations.pop()  # the lost change was never acknowledged
    if not guard:
        loose: Any = Loose(stage.db["reservations"], {"change"})
        stage.stored.reservations._all = loose
    later = TimeRange(clock(12), clock(13))
    moved = transitions.change(
        lost,
        on_seat(lost, lost.seat_id, later),
        policy=stage.inside.reference.policy,
        actor=Actor("reader", "api"),
        now=EIGHT,
    )
    if guard:
        with pytest.raises(StaleRevision):
            await stage.stored.reservations.replace(lost, moved)
        stands = await stage.reload(r)
        assert (stands.seat_id, stands.span, stands.claims) == (r.seat_id, r.span, r.claims)
        with pytest.raises(SeatTaken):
            await (await stage.worker()).reservations.create(ctx(bob), SEAT, selection(10, 11))
    else:
        await stage.stored.reservations.replace(lost, moved)
        assert not claims_fit(await stage.reload(r))
        await (await stage.worker()).reservations.create(ctx(bob), SEAT, selection(12, 13))
        assert [d.thing for d in await stage.stored.reservations.find_double_bookings()] == ["seat"]


async def test_an_outbox_event_is_identified_by_its_change(stage: Stage) -> None:
    """The number of a lost revision is reused: its event neither replaces nor removes another
    one."""
    r = await stage.reserved(await stage.reader())
    read, _ = await stage.stored.reservations.with_outbox_events(9)
    await stage.db["reservations"].update_one(
        {"_id": r.id}, {"$set": {"outbox.0.change": new_id()}}
    )
    again, _ = await stage.stored.reservations.with_outbox_events(9)
    assert [n.seq for n in read[0].outbox] == [n.seq for n in again[0].outbox]
    assert read[0].outbox[0].key != again[0].outbox[0].key
    await stage.stored.reservations.remove_outbox_events(read)
    assert await stage.stored.reservations.with_outbox_events(9) == (again, [])
    await stage.stored.reservations.remove_outbox_events(again)
    assert await stage.stored.reservations.with_outbox_events(9) == ([], [])


async def test_an_outage_extends_a_deadline_while_a_lost_check_in_is_fenced_off(
    stage: Stage,
) -> None:
    """The reader tried to check in while there was no primary. Afterwards the lost attempt is
    fenced off at the same moment as the deadlines are extended; the fence must not exclude the
    reservation."""
    r = await stage.reserved(await stage.reader(), SEAT, 10, 11)
    worker, outage = await stage.worker(), TimeRange(clock(10, 29, 50), clock(10, 30, 20))

    async def fence() -> None:
        fenced = {"$set": {"change": new_id()}, "$inc": {"rev": 1}}
        await stage.db["reservations"].update_one({"_id": r.id}, fenced)

    put_around(worker.stored.reservations, "find_one_and_update", before=fence)
    assert await worker.extension.extend_deadlines(outage) == 1
    after = await stage.reload(r)
    assert after.check_in_until == clock(10, 31, 20) and after.penalty_waived
    assert await worker.extension.extend_deadlines(outage) == 0
