"""Attempts are counted before they are judged; all or nothing over several limits."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from models.kernel.errors import TooManyAttempts
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.mongo import Database
from tests.builders import on

NOW = on("08:00")
MINE, ALL = (
    AttemptLimit("mine", 5, timedelta(minutes=10)),
    AttemptLimit("all", 8, timedelta(minutes=10)),
)


async def passes(limiter: AttemptLimiter, limits: list[AttemptLimit], now: datetime = NOW) -> bool:
    try:
        await limiter.register(limits, now)
    except TooManyAttempts:
        return False
    return True


async def test_concurrent_attempts_pass_up_to_the_limit(db: Database) -> None:
    limiter = AttemptLimiter(db)
    assert sum(await asyncio.gather(*(passes(limiter, [MINE]) for _ in range(40)))) == 5
    with pytest.raises(TooManyAttempts) as refusal:
        await limiter.register([MINE], NOW + timedelta(minutes=9))
    assert 60 <= refusal.value.retry_after <= 61
    assert not await passes(limiter, [MINE], NOW + timedelta(minutes=10, seconds=-1))
    assert await passes(limiter, [MINE], NOW + timedelta(minutes=10)), "a new window"


async def test_a_refused_attempt_takes_no_place_and_a_success_releases_its_places(
    db: Database,
) -> None:
    limiter = AttemptLimiter(db)
    for _ in range(3):
        await limiter.register([ALL], NOW)
    for _ in range(5):
        await limiter.register([MINE, ALL], NOW)
    assert not await passes(limiter, [ALL, MINE])
    await limiter.refund([MINE])
    assert not await passes(limiter, [MINE, ALL]), "MINE has a place, ALL has none"
    assert await passes(limiter, [MINE]), "and the place in MINE was given back"
    await limiter.refund([ALL, AttemptLimit("unknown", 1, timedelta(1))])
    assert await passes(limiter, [ALL]) and not await passes(limiter, [ALL])


async def test_counting_refuses_no_attempt_and_reports_those_past_the_limit(db: Database) -> None:
    limiter, later = AttemptLimiter(db), NOW + timedelta(minutes=10)
    past = await asyncio.gather(*(limiter.count(ALL, NOW) for _ in range(20)))
    assert sorted(past) == [False] * 8 + [True] * 12
    assert await limiter.count(ALL, later - timedelta(seconds=1))
    assert not await limiter.count(ALL, later), "a new window"
    await limiter.refund([ALL])
    assert [await limiter.count(ALL, later) for _ in range(9)] == [False] * 8 + [True]


async def test_counters_are_pruned_when_their_window_is_over(db: Database) -> None:
    limiter = AttemptLimiter(db)
    assert sum([await passes(limiter, [MINE]) for _ in range(12)]) == 5
    assert await limiter.prune(NOW + timedelta(minutes=10, seconds=-1)) == 0
    assert await limiter.prune(NOW + timedelta(minutes=10)) == 1
