"""Load shedding: admission, order and Retry-After. Time is a number."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from heapq import heapify, heappop, heappush
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.http.load_shedding import (
    LATE_S,
    LONGEST_WAIT_S,
    MANY,
    PRESSING,
    SLOTS,
    LoadShedder,
    Places,
    WriteQueue,
)
from handlers.http.local_rate_limiter import LocalRateLimiter
from models.kernel.errors import Busy, OutcomeUnknown
from models.storage.rate_limiter import RateLimit
from tests.waiting import patience


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


PAUSES = st.lists(st.floats(min_value=0, max_value=5), min_size=1, max_size=60)


@given(PAUSES, st.integers(1, 20), st.floats(min_value=0.1, max_value=10))
def test_a_rate_limit_bucket_never_exceeds_its_capacity(
    pauses: list[float], holds: int, rate: float
) -> None:
    time = Time()
    bucket = LocalRateLimiter(RateLimit("b", capacity=holds, per_second=rate), clock=time)
    given = 0
    for pause in pauses:
        time.now += pause
        wait = bucket.wait_for("a")
        given += wait == 0.0
        assert given <= holds + (time.now - 1000) * rate + 1e-6
        if wait:
            assert bucket.wait_for("other", take=0) == 0.0, "each key has its own"
            time.now += wait + 1e-6
            for _ in range(3):  # asking takes nothing
                assert bucket.wait_for("a", take=0) == 0.0, "the wait was honest"


async def settle() -> None:
    """Lets every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def inside(door: WriteQueue, number: int) -> None:
    for _ in range(number):
        await door.acquire()


def start(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(coroutine)


@given(st.lists(st.sampled_from(["come", "leave", "later", "give up"]), max_size=80))
def test_the_queue_admits_in_order_or_refuses_after_the_longest_wait(steps: list[str]) -> None:
    async def story() -> None:
        time = Time()
        door = WriteQueue(Places(clock=time))
        await inside(door, SLOTS - 2)
        waiting: list[tuple[float, asyncio.Task[None]]] = []
        busy = SLOTS - 2
        for step in steps:
            if step == "come":
                waiting.append((time.now, start(door.acquire())))
            elif step == "leave" and busy:
                door.release()
                busy -= 1
            elif step == "later":
                time.now += 0.3
                door.tick()
            elif step == "give up" and waiting:
                waiting.pop(0)[1].cancel()
            await settle()
            let_in = [not task.done() for _, task in waiting]
            assert let_in == sorted(let_in), "who came first is answered first"
            for came, task in [w for w in waiting if w[1].done()]:
                waiting.remove((came, task))
                if (error := task.exception()) is None:
                    busy += 1
                else:
                    assert isinstance(error, Busy) and error.retry_after >= 1
                    assert time.now - came > LONGEST_WAIT_S, "sent away after the wait only"
            assert busy <= SLOTS
            assert not waiting or busy == SLOTS, "nobody waits at an open door"
            assert all(time.now - came <= LONGEST_WAIT_S + 0.3 for came, _ in waiting)
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)

    asyncio.run(story())


async def test_a_queue_that_is_too_long_refuses_at_once() -> None:
    time = Time()
    door = WriteQueue(Places(clock=time))
    await inside(door, SLOTS)
    waiting = [start(door.acquire()) for _ in range(1001)]
    await settle()
    waits = []
    for _ in range(1000):
        with pytest.raises(Busy) as refused:
            await door.acquire()
        waits.append(refused.value.retry_after)
    assert waits == sorted(waits), "one after the other"
    assert (waits[0], waits[-1]) == (1, 3), (
        "a thousand of them at the five hundred a second of a start"
    )
    for _ in range(SLOTS):
        door.release()
    await settle()
    assert sum(task.done() for task in waiting) == SLOTS
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("rate", [250, 500, 1000, 4000])
async def test_retry_after_spreads_refused_requests_over_the_free_capacity(rate: int) -> None:
    """3,000 requests come within a second to a service that does this many a second; a third of
    that goes into receiving requests. No client asks more than three times, the total hardly
    exceeds the work, and repeats come after whole seconds, at least one."""
    time, rng = Time(), random.Random(7)
    door = WriteQueue(Places(clock=time))
    due = [(time.now + rng.uniform(0, 1), 1) for _ in range(3000)]
    heapify(due)
    attempts: list[tuple[asyncio.Task[None], int]] = []
    work, heard, tries, began, tick_at = 0.0, 0, Counter[int](), time.now, time.now + 0.1
    while due or attempts:
        time.now += 0.02
        work = min(work + rate * 0.02, rate * 0.02)
        while due and due[0][0] <= time.now and work > -rate / 2:
            attempts.append((start(door.acquire()), heappop(due)[1]))
            work -= 1 / 3
            heard += 1
        await settle()
        while door.inside and work > 0:
            door.release()
            work -= 2 / 3
        if time.now >= tick_at:
            door.tick()
            tick_at += 0.1
        await settle()
        for task, number in [one for one in attempts if one[0].done()]:
            attempts.remove((task, number))
            if (refused := task.exception()) is None:
                tries[number] += 1
                continue
            assert isinstance(refused, Busy)
            heappush(due, (time.now + refused.retry_after + rng.uniform(0, 1), number + 1))
    assert sum(tries.values()) == 3000 and max(tries) <= 3, tries
    took_s, needs_s = time.now - began, (heard + 2 * 3000) / 3 / rate
    assert took_s < 1.3 * needs_s + 2, (took_s, needs_s, tries)


@pytest.mark.parametrize("shared", [True, False], ids=["in turn", "one queue: the control"])
async def test_queues_that_share_places_take_turns(shared: bool) -> None:
    places = Places(clock=Time())
    crowded = WriteQueue(places)
    calm = WriteQueue(places) if shared else crowded
    await inside(crowded, SLOTS)
    crowd = [start(crowded.acquire()) for _ in range(50)]
    await settle()
    few = [start(calm.acquire()) for _ in range(3)]
    await settle()
    for _ in range(6):
        crowded.release()
    await settle()
    assert all(one.done() for one in few) == shared
    assert sum(one.done() for one in crowd) == (3 if shared else 6)
    assert places.taken == SLOTS
    for task in crowd + few:
        task.cancel()
    await asyncio.gather(*crowd, *few, return_exceptions=True)


async def test_a_request_cancelled_on_admission_passes_its_place_on() -> None:
    door = WriteQueue(Places(clock=Time()))
    await inside(door, SLOTS)
    first, second = start(door.acquire()), start(door.acquire())
    await settle()
    door.release()
    first.cancel()  # let in and gone in the same turn
    await asyncio.gather(first, return_exceptions=True)
    await second


async def test_the_queue_stays_saturated_for_a_tick_after_a_batch() -> None:
    time = Time()
    door = WriteQueue(Places(clock=time))
    await inside(door, PRESSING - 1)
    assert not door.is_saturated
    await inside(door, 1)
    for _ in range(PRESSING):
        door.release()
    assert door.inside == 0 and door.is_saturated and door.saturated_s == 0
    door.tick()
    assert door.is_saturated, "in the tick before"
    time.now += 5
    assert door.saturated_s == 5
    door.tick()
    assert not door.is_saturated and door.saturated_s == 0


async def test_reads_are_refused_before_changes() -> None:
    time = Time()
    admission = LoadShedder()
    admission.door = WriteQueue(Places(clock=time))
    admission.begin_read()
    await inside(admission.door, SLOTS)
    admission.begin_read()  # all places taken, and nobody waits yet
    waits = start(admission.door.acquire())
    await settle()
    time.now += LATE_S + 0.01
    with pytest.raises(Busy):
        admission.begin_read()
    assert not waits.done(), "the booking still has its place in the line"
    admission.door.release()
    await waits
    admission.begin_read()
    for _ in range(3):
        admission.end_read()
    assert admission.looking == 0


async def test_a_late_event_loop_without_many_requests_refuses_none() -> None:
    """Lateness alone may come from other programs; with many requests it is a rush."""
    admission = LoadShedder()
    admission._late_s = 10 * LATE_S
    for _ in range(MANY):
        admission.begin_read()
    with pytest.raises(Busy):
        admission.begin_read()
    admission.end_read()
    admission.begin_read()
    for _ in range(MANY):
        admission.end_read()
    await inside(admission.door, MANY)
    with pytest.raises(Busy):
        admission.begin_read()


async def test_a_request_that_steps_aside_frees_its_place_for_the_next() -> None:
    door = WriteQueue(Places(clock=Time()))
    await inside(door, SLOTS)
    next_in_line = start(door.acquire())
    await settle()
    assert not next_in_line.done()
    with door.step_aside():
        await settle()
        assert next_in_line.done(), "the place is taken while its holder waits elsewhere"
    last = start(door.acquire())
    door.release()  # of who stepped aside: one more was inside than there are places
    await settle()
    assert not last.done()
    door.release()
    await settle()
    assert last.done()


async def test_an_arriving_request_wakes_the_load_shedder() -> None:
    admission, done = LoadShedder(), asyncio.Event()

    async def change() -> None:
        admission.request_arrived.set()
        async with admission.door:
            await done.wait()

    running = start(admission.run())
    await settle()
    with pytest.raises(OutcomeUnknown):  # by the next tick, a tenth of a second later
        async with asyncio.timeout(patience(0.5)):
            await admission.changes.within(0, change())
    done.set()
    await admission.changes.finish(5)
    running.cancel()
