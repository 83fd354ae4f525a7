from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from handlers.http.metrics import Metrics
from miniapp_server.clock import Clock
from miniapp_server.scheduler import Job, JobGroup, Messaging, Scheduler
from models.kernel.time_range import TimeRange
from models.outages.heartbeat_repository import GAP, HeartbeatRepository
from models.storage.leases import LeaseRepository
from models.storage.mongo import Database
from tests.builders import on
from tests.waiting import Progress

NOW, LENGTH = on("08:00"), timedelta(seconds=30)


async def test_a_lease_has_one_holder_until_release_or_expiry(db: Database) -> None:
    leases = LeaseRepository(db)
    owners = [f"worker-{n}" for n in range(6)]
    got = await asyncio.gather(*(leases.acquire("job", owner, NOW, LENGTH) for owner in owners))
    assert sum(got) == 1
    holder = owners[got.index(True)]
    other = owners[got.index(False)]
    assert await leases.acquire("another job", other, NOW, LENGTH)
    assert await leases.acquire("job", holder, NOW + LENGTH / 2, LENGTH), "renewed"
    assert not await leases.acquire("job", other, NOW + LENGTH, LENGTH)
    await leases.release("job", other)
    assert not await leases.acquire("job", other, NOW + LENGTH, LENGTH), "not theirs to release"
    assert await leases.acquire("job", other, NOW + LENGTH * 1.5, LENGTH), "time is up"
    await leases.release("job", other)
    assert await leases.acquire("job", holder, NOW + LENGTH * 1.5, LENGTH)


async def test_several_leases_are_renewed_in_one_write(db: Database) -> None:
    leases, later = LeaseRepository(db), NOW + LENGTH / 2
    for name in ("one", "two"):
        assert await leases.acquire(name, "mine", NOW, LENGTH)
    assert await leases.acquire("three", "another", NOW, LENGTH)
    assert await leases.renew(["one", "two"], "mine", later, LENGTH)
    assert not await leases.renew(["one", "two", "three"], "mine", later, LENGTH), "not theirs"
    assert not await leases.renew(["one", "none"], "mine", later, LENGTH), "not there"
    assert not await leases.acquire("two", "another", NOW + LENGTH, LENGTH)
    assert await leases.acquire("three", "fourth", NOW + LENGTH, LENGTH)
    assert await leases.acquire("two", "another", later + LENGTH, LENGTH)


async def test_a_worker_renews_the_leases_of_frequent_jobs_in_one_write(db: Database) -> None:
    queries: list[list[str]] = []

    class Counted(LeaseRepository):
        async def acquire(self, name: str, owner: str, *rest: Any) -> bool:
            queries.append([name])
            return await super().acquire(name, owner, *rest)

        async def renew(self, names: Collection[str], owner: str, *rest: Any) -> bool:
            queries.append(sorted(names))
            return await super().renew(names, owner, *rest)

    async def nothing(_: datetime) -> int:
        ran.append(1)
        return 0

    ran: list[int] = []
    groups = [JobGroup(name, (Job(name, nothing),), every_s=1, judges=False) for name in "abc"]
    rare = JobGroup("rare", (Job("rare", nothing),), every_s=60, judges=False)
    worker = Scheduler([*groups, rare], Counted(db), Clock(), Metrics(), "mine")

    async def rounds() -> list[list[str]]:
        """Runs all groups of jobs a while later. Returns the lease queries."""
        queries.clear()
        for group in worker.groups:
            group.leased_at -= 5
        for group in worker.groups:
            await worker.run_round(group)
        return list(queries)

    assert await rounds() == [["a"], ["b"], ["c"], ["rare"]]
    await db["leases"].update_one({"_id": "rare"}, {"$set": {"owner": "another"}})
    assert await rounds() == [["a", "b", "c"], ["rare"]] and len(ran) == 7
    # Another worker has one of them: it is left alone, and the others go on.
    await db["leases"].update_one({"_id": "b"}, {"$set": {"owner": "another"}})
    assert await rounds() == [["a", "b", "c"], ["a"], ["b"], ["c"]] and len(ran) == 9
    held = await db["leases"].find({"owner": "mine"}).to_list(None)
    assert sorted(one["_id"] for one in held) == ["a", "c"]


async def test_a_group_rests_until_its_kind_of_work_is_there(db: Database) -> None:
    """Also while the group that looks for it goes on looking. A change wakes it all the same."""
    there, ran = set[str](), Progress()
    times = 0

    async def look(_: datetime) -> set[str]:
        await ran.made()
        return there

    async def work(_: datetime) -> int:
        nonlocal times
        times += 1
        there.clear()
        await ran.made()
        return 0

    group = partial(JobGroup, leased=False, judges=False)
    own, messages = Job("its own", work, needs="other"), Job("waits", work, needs="messages")
    looking = group("looks", (own,), every_s=0.5, look_for_work=look)
    waiting = group("waits", (messages,), every_s=1, messaging=Messaging.WRITES)
    worker = Scheduler([looking, waiting], LeaseRepository(db), Clock(), Metrics())
    worker.start()
    try:
        await ran.until(lambda: times >= 1 and waiting.pause_s > 20, 10)
        before = times
        there.add("messages")
        await ran.until(lambda: times > before, 10)
        await ran.until(lambda: waiting.pause_s > 20, 10)
        before = times
        worker.wake()
        await ran.until(lambda: times > before, 10)
    finally:
        await worker.stop()


async def test_a_heartbeat_after_a_gap_returns_the_gap_once(db: Database) -> None:
    heartbeat = HeartbeatRepository(db)
    assert await heartbeat.state() == (None, [])
    assert await heartbeat.beat(NOW) == []
    up = NOW + GAP
    assert await heartbeat.beat(up) == []
    # Both hosts come back at once: one of them ends the gap, and both see it.
    back = up + timedelta(seconds=20)
    gap = TimeRange(up, back)
    assert sorted(map(len, await asyncio.gather(*(heartbeat.beat(back) for _ in range(2))))) == [
        1,
        1,
    ]
    again = back + timedelta(seconds=6)
    assert await heartbeat.beat(again) == [gap, TimeRange(back, again)]
    await heartbeat.remove_gap(gap)
    assert await heartbeat.state() == (again, [TimeRange(back, again)])
    assert await heartbeat.beat(NOW) == [TimeRange(back, again)], "a clock behind changes nothing"
    await heartbeat.set(NOW)
    assert await heartbeat.state() == (NOW, [])


async def test_a_recent_heartbeat_of_this_worker_answers_without_a_query(db: Database) -> None:
    heartbeat, second = HeartbeatRepository(db), timedelta(seconds=1)
    assert heartbeat.beaten_within(second, NOW) is None
    await heartbeat.beat(NOW)
    assert heartbeat.beaten_within(second, NOW + second / 2) == NOW
    assert heartbeat.beaten_within(second, NOW + second) is None
    assert heartbeat.beaten_within(second, NOW - second) is None, "the clock went back"
    up = NOW + GAP * 2
    assert await heartbeat.beat(up) == [TimeRange(NOW, up)]
    assert heartbeat.beaten_within(second, up) is None, "there is a gap to look after"
    await heartbeat.remove_gap(TimeRange(NOW, up))
    await heartbeat.beat(up)
    assert heartbeat.beaten_within(second, up) == up
    await heartbeat.set(up)
    assert heartbeat.beaten_within(second, up) is None, "it was set"
