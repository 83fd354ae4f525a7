"""A primary cut off from its majority may have its writes rolled back: none of them is
acknowledged.

Each sequence is made step by step on three members. The old primary remains one until it hears of
the election, as only ``step_up`` makes one here, so no step depends on its speed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import pytest
import pytest_asyncio
from pymongo.read_concern import ReadConcern

from lab.chaos.replica_set import ReplicaSet, replica_set
from miniapp_server import seed
from models.kernel import ids
from models.kernel.errors import Busy, DomainError, WrongState
from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange
from models.messages.entities import Message, Template
from models.messages.repository import MessageRepository
from models.policy.entities import Policy
from models.readers.context import IdempotencyKey
from models.reservation_store.repository import ReservationRepository
from models.reservations import transitions
from models.reservations.claims import slot_claims
from models.reservations.entities import Reservation
from models.reservations.errors import StaleRevision
from models.reservations.state_machine import ReservationState
from models.schema.indexes import ensure_indexes
from models.storage.mongo import Collection
from models.waitlist.entities import WaitlistEntry
from tests.builders import BY_READER, LI, ZHANG, ZONE, on_seat, reserved
from tests.race.stage import EIGHT, OTHER_SEAT, SEAT, Stage, clock, ctx, put_around, selection
from tests.survive.trio import BY_HAND, Trio, said, worker

pytestmark = pytest.mark.asyncio(loop_scope="module")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each sequence once; ten times in the long form, always with the same outcome."""
    if metafunc.config.getoption("long"):
        metafunc.fixturenames.append("turn")
        metafunc.parametrize("turn", range(10))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    data = seed.read()
    hall = replace(data, areas=tuple(area for area in data.areas if area.id == "2f-hall"))
    async with replica_set(tmp_path_factory.mktemp("three"), BY_HAND) as three:
        async with worker(three, 5000) as first:
            await ensure_indexes(first.db)
            await seed.seed(first.stored, first.inside.reference, hall, EIGHT)
        yield three


@pytest_asyncio.fixture(loop_scope="module")
async def trio(three: ReplicaSet) -> AsyncIterator[Trio]:
    """All members agree, there are no bookings, and both workers know the primary."""
    async with worker(three, 5000) as first, worker(three, 300) as second:
        for name in ("reservations", "messages", "waitlist"):
            await first.db[name].delete_many({})
        yield Trio(three, first, second)
        three.mend()
        await three.settled()


async def cancelled_at_two_workers(trio: Trio, second: Stage) -> tuple[Any, Reservation]:
    """A cancellation waits for its majority in vain; its reader asks again at another worker.
    Returns that worker's answer and the stored reservation after the recovery."""
    reader = await trio.first.reader()
    r = await trio.first.reserved(reader)
    request = ctx(reader, key=IdempotencyKey("k-1", "digest"))
    old = await trio.cut_off()
    first = asyncio.create_task(trio.first.inside.reservations.cancel(request, r.id))
    await trio.has(old, {"_id": r.id, "state": "cancelled"})
    answer = await said(second.inside.reservations.cancel(request, r.id))
    await trio.kill_first(first)
    await trio.heal(old)
    stored = await trio.second.reload(r)
    again = await trio.second.inside.reservations.cancel(request, r.id)
    assert again.state is ReservationState.CANCELLED, (
        "who asks again after it is told so and it is true"
    )
    return answer, stored


async def booked_at_two_workers(trio: Trio, second: Stage) -> tuple[Any, Reservation | None]:
    """``cancelled_at_two_workers`` with a booking."""
    reader = await trio.first.reader()
    request = ctx(reader, key=IdempotencyKey("k-1", "digest"))
    old = await trio.cut_off()
    first = asyncio.create_task(
        trio.first.inside.reservations.create(request, SEAT, selection(10, 11))
    )
    await trio.has(old, {"reader": reader.id, "state": "reserved"})
    answer = await said(second.inside.reservations.create(request, SEAT, selection(10, 11)))
    await trio.kill_first(first)
    await trio.heal(old)
    reservations = await trio.second.stored.reservations.on_day(ZONE, reader.id, clock(8).date())
    again = await trio.second.inside.reservations.create(request, SEAT, selection(10, 11))
    assert (await trio.second.reload(again)).state is ReservationState.RESERVED
    return answer, reservations[0] if reservations else None


Sequence = Callable[[Trio, Stage], Awaitable[tuple[Any, Reservation | None]]]
AT_TWO_WORKERS: Final[dict[str, Sequence]] = {
    "cancel": cancelled_at_two_workers,
    "reserve": booked_at_two_workers,
}


@pytest.mark.parametrize("name", AT_TWO_WORKERS)
async def test_a_repeated_request_is_not_answered_from_a_write_that_is_rolled_back(
    trio: Trio, name: str
) -> None:
    answer, stored = await AT_TWO_WORKERS[name](trio, trio.second)
    if isinstance(answer, Reservation):
        assert stored is not None, "acknowledged and lost"
        assert (stored.id, stored.state) == (answer.id, answer.state), "acknowledged and lost"


@pytest.mark.parametrize("name", AT_TWO_WORKERS)
async def test_local_reads_acknowledge_a_write_that_is_rolled_back(trio: Trio, name: str) -> None:
    """The control: a worker that reads its member's data acknowledges what no majority has."""
    answer, stored = await AT_TWO_WORKERS[name](trio, trio.second_by_local_reads)
    assert isinstance(answer, Reservation)
    assert stored is None or stored.state is not answer.state, "not lost: nothing was forced"


def bookings(count: int) -> list[Reservation]:
    return [
        reserved(id=f"{n:024x}", seat=f"2f-hall-{n:03d}", reader=ids.ReaderId(f"{n:024x}"))
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize("count", [1, 3], ids=["alone", "in a batch"])
async def test_a_tombstone_meeting_an_unreplicated_booking_leaves_the_outcome_unknown(
    trio: Trio, count: int
) -> None:
    """The insert gets no majority in time, and nor does the tombstone, which meets it."""
    store, made = trio.second.stored.reservations, bookings(count)
    old = await trio.cut_off()
    answers = await asyncio.gather(*(said(store.insert(r)) for r in made))
    await trio.heal(old)
    await all_true(trio, made, answers)


async def test_a_repeated_insert_meeting_an_unreplicated_one_leaves_the_outcome_unknown(
    trio: Trio,
) -> None:
    """A retry of the driver or of a batch meets what the first attempt wrote to one member."""
    (made,) = bookings(1)
    old = await trio.cut_off()
    first = asyncio.create_task(trio.first.stored.reservations.insert(made))
    await trio.has(old, {"_id": made.id})
    answer = await said(trio.second.stored.reservations.insert(made))
    await trio.kill_first(first)
    await trio.heal(old)
    await all_true(trio, [made], [answer])


async def all_true(trio: Trio, made: list[Reservation], answers: list[Any]) -> None:
    """Acknowledged reservations exist, and the others can be booked."""
    store = trio.second.stored.reservations
    for r, answer in zip(made, answers, strict=True):
        if answer is None:
            assert await store.get(r.id) == r, "acknowledged and lost"
        else:
            again = replace(r, id=ReservationId(f"{int(r.id, 16) + 2**40:024x}"))
            await store.insert(again)
            assert await store.get(again.id) == again


class EndsAfter:
    """A collection whose first change ends, in any way, after a step."""

    def __init__(self, collection: Collection, step: Callable[[], Awaitable[None]]) -> None:
        self._collection, self._step = collection, [step]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def find_one_and_update(self, *args: Any, **options: Any) -> Any:
        try:
            return await self._collection.find_one_and_update(*args, **options)
        finally:
            if self._step:
                await self._step.pop()()


async def test_a_change_based_on_a_rolled_back_one_is_refused(trio: Trio) -> None:
    """Ann's change to another seat is rolled back and fenced off, so her revision has the number of
    the lost one. Her next change rests on that, and Bob books the seat that she still has."""
    ours, theirs = trio.second.stored.reservations, trio.first.stored.reservations
    made = reserved("10:00", "11:00", reader=ZHANG, seat=SEAT)
    await ours.insert(made)
    old = await trio.cut_off()
    base: Reservation | None = None

    async def read_and_elect() -> None:
        nonlocal base
        local = trio.first.db.with_options(read_concern=ReadConcern("local"))
        base = await ReservationRepository(local).get_own(made.id, ZHANG)
        await trio.elect_another(old)

    repository: Any = ours
    repository._all = EndsAfter(repository._all, read_and_elect)
    undone = await said(ours.replace(made, moved(made, OTHER_SEAT, 10)))
    assert isinstance(undone, DomainError)
    assert base is not None and (base.rev, base.seat_id) == (2, OTHER_SEAT)
    fenced = await ours.get(made.id)
    assert fenced is not None and (fenced.rev, fenced.seat_id) == (2, SEAT)

    change = moved(base, OTHER_SEAT, 12)
    answer = await said(theirs.replace(base, change))
    bobs = reserved("12:00", "13:00", reader=LI, seat=SEAT, id="6" * 24)
    bob = await said(theirs.insert(bobs))
    await trio.heal(old)

    stored = await theirs.get(made.id)
    assert stored is not None
    assert set(slot_claims(ZONE, stored.seat_id, ZHANG, stored.span)) <= set(stored.claims)
    assert await theirs.find_double_bookings() == []
    assert bob is None, "nobody has that seat at twelve"
    if answer is None:
        assert (stored.seat_id, stored.span) == (change.seat_id, change.span)
    else:
        assert isinstance(answer, StaleRevision) and stored == fenced


def moved(r: Reservation, seat: str, hour: int) -> Reservation:
    """Moved to that seat, for one hour from that hour on."""
    span = TimeRange(clock(hour), clock(hour + 1))
    return transitions.change(
        r, on_seat(r, seat, span), policy=Policy(), actor=BY_READER, now=EIGHT
    )


async def test_a_rolled_back_message_is_not_taken_for_stored(trio: Trio) -> None:
    """A repeating dispatcher finds its own message in one member and must not empty the outbox."""
    one = Message("r:1", ZHANG, Template.RESERVED, "预约成功", "…", EIGHT, {})
    old = await trio.cut_off()
    messages = MessageRepository(trio.second.db, trio.second.cipher)
    answers = [await said(messages.add([one])) for _ in range(2)]
    await trio.heal(old)
    _, stored_messages = await messages.page_of(ZHANG, False, 0, 10)
    assert stored_messages == 1 or not any(isinstance(answer, int) for answer in answers)
    assert await messages.add([one]) == 1 - stored_messages


class Hasty(ReservationRepository):
    """The control: looks again at once after giving a transaction up."""

    async def _together(self, work: Callable[[Any], Awaitable[None]]) -> None:
        async with self._all.database.client.start_session() as session:
            await session.with_transaction(work)


@pytest.mark.parametrize("guard", [True, False], ids=["guarded", "control"])
async def test_conflicting_changes_are_answered_busy_while_members_lag(
    trio: Trio, guard: bool
) -> None:
    """One change gives a seat to a waiting reader, and the other members lag. Another worker reads
    what a majority has and meets the newer version whenever it writes."""
    ann, waiting = await trio.first.reader(), await trio.first.reader()
    r = await trio.first.reserved(ann)
    area = trio.first.inside.reference.seat(SEAT).area_id
    await trio.first.stored.waitlist.join(
        ZONE,
        WaitlistEntry("a" * 24, waiting.id, area, frozenset(), frozenset(), r.start, r.end, EIGHT),
    )
    hasty = {} if guard else {"reservations": Hasty(trio.first.db)}
    other = await trio.first.worker(**hasty)
    tried = asyncio.Event()

    async def note() -> None:
        tried.set()

    put_around(other.stored.reservations, "find_one_and_update", behind=note)
    old = await trio.cut_off()
    faster = asyncio.create_task(said(trio.first.inside.reservations.cancel(ctx(ann), r.id)))
    await trio.has(old, {"_id": r.id, "state": "cancelled"})
    slower = asyncio.create_task(said(other.reservations.cancel(ctx(ann), r.id)))
    await tried.wait()
    if not guard:
        assert isinstance(await slower, Busy), "eight looks at what a majority has, and no more"
    trio.set.mend()
    assert isinstance(await faster, Reservation)
    if guard:
        assert isinstance(await slower, WrongState), "it is cancelled already, and that is true"
    await trio.set.settled()
