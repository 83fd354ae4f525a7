"""A morning of 480 passages, or a day of 3,000, ends alike in any order of arrival."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from models.kernel.ids import Actor
from models.readers.context import RequestContext
from models.reservations.rules import TimeSelection
from tests.api.gate import gate_of
from tests.living import MONDAY_8, living

TICK: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Length:
    """The size of a run: readers and passages each, from 08:30 to ``end`` after 08:00. ``hours``
    gives the booking of the reader with a number."""

    readers: int
    passages_each: int
    end: timedelta
    hours: Callable[[int], list[tuple[int, int]]]


MORNING: Final = Length(
    60, 8, timedelta(hours=3, minutes=30), lambda i: [(9 + i % 2, 11), (11, 12 + i % 2)]
)
DAY: Final = Length(
    *(300, 10, timedelta(hours=13)),
    lambda i: [(9 + i % 3, 12), (12, 14 + i % 2), (15, 16 + i % 4)],
)


async def _day(
    mongo_url: str,
    redis_url: str,
    length: Length,
    plan: list[tuple[int, str, datetime]],
    chance: random.Random | None,
) -> Any:
    """Plays a day and returns its final state. With ``chance``, each passage is sent up to ten
    minutes late, twice and in any order."""
    async with living(mongo_url, redis_url, LOG_LEVEL="ERROR") as service:
        gate = await gate_of(service)
        scheduler, inside, now = service.scheduler, service.inside, MONDAY_8
        # At each step of the clock it would look for what is over since months.
        scheduler.groups = tuple(group for group in scheduler.groups if group.name != "prune")
        count = length.readers
        readers = [await service.reader() for _ in range(count)]
        number_of = {reader.reader_id: i for i, reader in enumerate(readers)}
        seats = [
            seat.id for seat in inside.reference.catalog.seats.values() if seat.disabled is None
        ]
        for i, reader in enumerate(readers):
            person = await inside.stored.readers.get(reader.reader_id)
            assert person is not None
            for n, (start, end) in enumerate(length.hours(i)):
                seat = seats[i if n < 2 else i + count]
                wish = TimeSelection(
                    now.date(),
                    MONDAY_8.time().replace(hour=start),
                    MONDAY_8.time().replace(hour=end),
                )
                await inside.reservations.create(
                    RequestContext(person, Actor("reader", "mini"), now), seat, wish
                )
        events = [
            (
                at + (chance.uniform(0, 0.499) * TICK if chance else timedelta()),
                gate.event(readers[i], way, at),
            )
            for i, way, at in plan
        ]
        tick = MONDAY_8
        sent = 0
        while tick < MONDAY_8 + length.end + 2 * TICK:
            tick += TICK / 2
            await service.anonymous.ok("POST", "//sandbox/clock", {"now": tick.isoformat()})
            batch = [e for reported, e in events if tick - TICK / 2 < reported <= tick]
            complete = tick - (TICK if chance else timedelta())
            for _ in range(2 if chance else 1):
                if chance:
                    chance.shuffle(batch)
                answer = await gate.send(batch, complete_until=complete.isoformat())
                assert answer.status == 200 and not answer.body["rejected"]
                sent += answer.body["accepted"]
        await service.anonymous.ok(
            "POST", "//sandbox/clock", {"now": (MONDAY_8 + timedelta(hours=15)).isoformat()}
        )
        assert sent == len(plan)
        assert not await inside.stored.reservations.find_double_bookings()
        db = service.db
        ends: dict[tuple[int, datetime], Any] = {}
        async for r in db["reservations"].find():
            # How it ended; a passage told after the end is noted nowhere else than in its record.
            ends[number_of[r["reader"]], r["start"]] = (
                r["state"],
                r["ended_at"],
                r["penalty_waived"],
            )
        judged = [
            (number_of[v["reader"]], v["kind"], v["at"], v["waived"])
            async for v in db["violations"].find()
        ]
        return ends, sorted(judged)


@pytest.mark.whole
@pytest.mark.timeout(300)
async def test_shuffled_passages_end_in_the_same_state_as_ordered_ones(
    mongo_url: str, redis_url: str, long: bool
) -> None:
    chance = random.Random(5)
    length = DAY if long else MORNING
    plan = []
    for n in range(length.readers * length.passages_each):
        i = n % length.readers
        seconds = chance.randrange(30 * 60, int(length.end.total_seconds()))
        at = MONDAY_8 + timedelta(seconds=seconds)
        plan.append((i, chance.choice(["in", "in", "out"]), at))
    plan.sort(key=lambda passed: passed[2])
    in_order, fined = await _day(mongo_url, redis_url, length, plan, None)
    shuffled, fined_too = await _day(mongo_url, redis_url, length, plan, chance)
    states = [state for state, _, _ in in_order.values()]
    assert {"completed", "no_show", "away_expired"} <= set(states), "something happened"
    differing = {k: (in_order[k], shuffled[k]) for k in in_order if in_order[k] != shuffled[k]}
    assert not differing, (len(differing), next(iter(differing.items())))
    assert fined == fined_too
