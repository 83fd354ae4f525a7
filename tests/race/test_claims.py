"""Decisions of the index over ``claims``: seat, reader, daily count, key, presence.

Each party has read and decided before the first one writes. The controls drop the index.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from models.kernel.ids import ReservationId
from models.readers.context import IdempotencyKey, RequestContext
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.errors import InProgress, RequestRefused, SeatTaken
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Database
from tests.builders import ZONE
from tests.living import living
from tests.race.stage import (
    OTHER_SEAT,
    SEAT,
    SEATS,
    Stage,
    both_sides,
    clock,
    ctx,
    events,
    guarded,
    kinds,
    put_around,
    scan,
    selection,
)


class AllAtOnce(ReservationRepository):
    """Holds all writes of reservations back until ``parties`` of them are ready."""

    def __init__(self, db: Database, parties: int) -> None:
        super().__init__(db)
        self._barrier = asyncio.Barrier(parties)
        self._met: set[ReservationId] = set()

    async def insert(self, made: Reservation) -> None:
        if made.id not in self._met:
            self._met.add(made.id)
            await self._barrier.wait()
        await super().insert(made)


async def reserve_all(
    stage: Stage, wishes: Sequence[tuple[RequestContext, str, int, int]]
) -> list[Reservation | BaseException]:
    """Reserves all of (context, seat, start, end) at once."""
    worker = await stage.worker(reservations=AllAtOnce(stage.db, len(wishes)))
    return await asyncio.gather(
        *(
            worker.reservations.create(who, seat, selection(start, end))
            for who, seat, start, end in wishes
        ),
        return_exceptions=True,
    )


@both_sides
@guarded
async def test_one_seat_goes_to_one_of_200_readers(stage: Stage, guard: bool) -> None:
    if not guard:
        await stage.drop("reservations", "claims")
    readers = [await stage.reader() for _ in range(200)]
    results = await reserve_all(stage, [(ctx(reader), SEAT, 10, 12) for reader in readers])
    doubles = await stage.stored.reservations.find_double_bookings()
    if not guard:
        assert kinds(results) == {"ok": 200}
        assert {double.thing for double in doubles} == {"seat"} and len(doubles) == 199
        return
    assert kinds(results) == {"ok": 1, "seat_taken": 199}
    assert doubles == [] and await stage.stored.reservations.count() == 1
    (won,) = [result for result in results if isinstance(result, Reservation)]
    assert await stage.reload(won) == won
    assert await stage.live_claims() == [c for c in won.claims if c.startswith("s:")]


async def test_one_seat_goes_to_one_of_200_requests(mongo_url: str, redis_url: str) -> None:
    """Over HTTP. ``test_one_seat_goes_to_one_of_200_readers`` has its control: the index is the
    only guard."""
    async with living(mongo_url, redis_url) as service:
        readers = await asyncio.gather(*(service.reader() for _ in range(200)))
        body = {"seat_id": SEAT, "date": service.today, "start": "10:00", "end": "12:00"}
        key = {"Idempotency-Key": "one"}
        answers = await asyncio.gather(*(r.post("/reservations", body, **key) for r in readers))
        for n, reader in enumerate(readers):  # who knows nothing asks again, as phones do
            while answers[n].code in ("outcome_unknown", "in_progress"):
                again = {**key, "Idempotency-Repeat": "1"}
                answers[n] = await reader.post("/reservations", body, **again)
        assert sorted({(a.status, a.code) for a in answers}) == [(201, ""), (409, "seat_taken")]
        assert [a.status for a in answers].count(201) == 1
        assert await service.inside.stored.reservations.count() == 1


@both_sides
@guarded
async def test_overlapping_bookings_of_one_reader_are_refused(stage: Stage, guard: bool) -> None:
    if not guard:
        await stage.drop("reservations", "claims")
    reader = await stage.reader()
    spans = [(10, 12), (11, 13), (10, 13), (11, 12)]
    wishes = [(ctx(reader), seat, *spans[i % 4]) for i, seat in enumerate(SEATS[:20])]
    results = await reserve_all(stage, wishes)
    doubles = await stage.stored.reservations.find_double_bookings()
    if guard:
        assert kinds(results) == {"ok": 1, "own_overlap": 19}  # all of them cross 11:00–12:00
        assert doubles == [] and await stage.stored.reservations.count() == 1
    else:
        assert kinds(results) == {"ok": 20}
        assert {double.thing for double in doubles} == {"reader"}


@both_sides
@guarded
async def test_concurrent_bookings_of_a_day_stop_at_the_daily_limit(
    stage: Stage, guard: bool
) -> None:
    if not guard:
        await stage.drop("reservations", "claims")
    reader = await stage.reader()
    hours = range(8, 22)
    days = Counter(selection(h, h + 1).day for h in hours)
    results = await reserve_all(stage, [(ctx(reader), SEATS[h], h, h + 1) for h in hours])
    limit = stage.inside.reference.policy.daily_booking_limit
    if guard:
        won = sum(min(wished, limit) for wished in days.values())
        assert kinds(results) == {"ok": won, "daily_limit": len(hours) - won}
        for day, wished in days.items():
            used = await stage.stored.reservations.used_daily_numbers(ZONE, reader.id, day)
            assert used == set(range(1, min(wished, limit) + 1)), day
    else:
        assert kinds(results) == {"ok": len(hours)}


@both_sides
@guarded
@pytest.mark.parametrize(
    ("steps", "refusal"), [((1, 2), "other_in_use"), ((1, 1), "qr_used")], ids=["presence", "code"]
)
async def test_a_reader_is_checked_in_at_one_seat_at_a_time(
    stage: Stage, guard: bool, steps: tuple[int, int], refusal: str
) -> None:
    """Two reservations share 10:30, the last minute of one and the first of the other. With two
    codes the presence claim decides, with one code its single use."""
    if not guard:
        await stage.drop("reservations", "claims")
    reader = await stage.reader()
    first = await stage.reserved(reader, SEAT, 10, 11)
    second = await stage.reserved(reader, OTHER_SEAT, 11, 12)
    barrier = asyncio.Barrier(2)
    parties = [await stage.worker(), await stage.worker()]
    for worker in parties:
        put_around(worker.stored.reservations, "find_one_and_update", before=barrier.wait)
    results = await asyncio.gather(
        *(
            worker.check_in.check_in(ctx(reader, clock(10, 30)), made.id, scan(step))
            for worker, made, step in zip(parties, (first, second), steps, strict=True)
        ),
        return_exceptions=True,
    )
    in_use = await stage.stored.reservations.count(ReservationState.IN_USE)
    if not guard:
        assert kinds(results) == {"ok": 2} and in_use == 2
        return
    assert kinds(results) in ({"ok": 1, refusal: 1}, {"ok": 1, "other_in_use": 1})
    assert steps[0] == steps[1] or kinds(results) == {"ok": 1, refusal: 1}
    assert in_use == 1
    for made, result in zip((first, second), results, strict=True):
        if isinstance(result, Exception):
            assert await stage.reload(made) == made, "a refused check-in burns nothing"


@both_sides
async def test_a_check_in_sent_twice_has_one_effect(stage: Stage) -> None:
    reader = await stage.reader()
    made = await stage.reserved(reader)
    barrier = asyncio.Barrier(2)
    parties = [await stage.worker(), await stage.worker()]
    for worker in parties:
        put_around(worker.stored.reservations, "find_one_and_update", before=barrier.wait)
    one, two = await asyncio.gather(
        *(worker.check_in.check_in(ctx(reader, clock(10)), made.id, scan(1)) for worker in parties)
    )
    assert one == two == await stage.reload(made)
    assert events(one) == ["reserve", "check_in"]


@both_sides
@guarded
async def test_one_idempotency_key_makes_one_reservation(stage: Stage, guard: bool) -> None:
    """The request and its repetition run at two workers; both answers name one reservation."""
    if not guard:
        await stage.drop("reservations", "claims")
    reader, key = await stage.reader(), IdempotencyKey("k-1", "digest")
    results = await _at_two_workers(stage, [ctx(reader, key=key), ctx(reader, key=key)])
    made = await stage.stored.reservations.count()
    if guard:
        assert kinds(results) == {"ok": 2} and results[0] == results[1]
        assert made == 1
    else:
        assert kinds(results) == {"ok": 2} and results[0] != results[1] and made == 2


@both_sides
@guarded
async def test_an_idempotency_key_reused_for_another_request_is_refused(
    stage: Stage, guard: bool
) -> None:
    if not guard:
        await stage.drop("reservations", "claims")
    reader = await stage.reader()
    contexts = [ctx(reader, key=IdempotencyKey("k-1", digest)) for digest in ("one", "other")]
    results = await _at_two_workers(stage, contexts)
    if guard:
        assert kinds(results) == {"ok": 1, "idempotency_key_reused": 1}
        assert await stage.stored.reservations.count() == 1
    else:
        assert kinds(results) == {"ok": 2}


async def _at_two_workers(
    stage: Stage, contexts: list[RequestContext]
) -> list[Reservation | BaseException]:
    barrier = asyncio.Barrier(2)
    workers = [await stage.worker(), await stage.worker()]
    for worker in workers:
        put_around(worker.stored.reservations, "insert_many", before=barrier.wait)
    return await asyncio.gather(
        *(
            d.reservations.create(a, SEAT, selection(10, 11))
            for d, a in zip(workers, contexts, strict=True)
        ),
        return_exceptions=True,
    )


@both_sides
@guarded
async def test_a_request_refused_on_repetition_cannot_succeed_later(
    stage: Stage, guard: bool
) -> None:
    """The first attempt hangs before its insert; its repetition meets a taken seat; the seat is
    given back; the first attempt goes on. The refused reader has no seat."""
    other, reader = await stage.reader(), await stage.reader()
    slow, worker = await stage.worker(), await stage.worker()
    repeated = IdempotencyKey("k-1", "digest", repeated=guard)

    async def meanwhile() -> None:
        taken = await worker.reservations.create(ctx(other), SEAT, selection(10, 11))
        with pytest.raises(SeatTaken):
            await worker.reservations.create(ctx(reader, key=repeated), SEAT, selection(10, 11))
        await worker.reservations.cancel(ctx(other), taken.id)

    put_around(slow.stored.reservations, "insert_many", before=meanwhile)
    first = ctx(reader, key=IdempotencyKey("k-1", "digest"))
    if guard:
        with pytest.raises(RequestRefused):
            await slow.reservations.create(first, SEAT, selection(10, 11))
        assert await stage.stored.reservations.live_of(reader.id, first.now) == []
        with pytest.raises(RequestRefused):
            await worker.reservations.create(ctx(reader, key=repeated), SEAT, selection(10, 11))
        made = await worker.reservations.create(ctx(reader), SEAT, selection(10, 11))
        assert await stage.reload(made) == made
    else:
        made = await slow.reservations.create(first, SEAT, selection(10, 11))
        assert made.reader_id == reader.id, "refused, and has the seat"


@both_sides
async def test_a_repeat_of_a_running_request_is_answered_in_progress(stage: Stage) -> None:
    """Within one worker, while the first request runs."""
    reader = await stage.reader()
    keyed = ctx(reader, key=IdempotencyKey("k-1", "digest"))

    async def again() -> None:
        with pytest.raises(InProgress):
            await stage.inside.reservations.create(keyed, SEAT, selection(10, 11))

    put_around(stage.stored.reservations, "insert_many", before=again)
    made = await stage.inside.reservations.create(keyed, SEAT, selection(10, 11))
    assert await stage.inside.reservations.create(keyed, SEAT, selection(10, 11)) == made
