"""A downtime of the service leads to no violation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from uuid import uuid4

import pytest

from handlers.http.metrics import Metrics
from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock, real_now
from miniapp_server.keys import RESOURCES
from miniapp_server.scheduler import Job, JobGroup, Scheduler
from models.identity.roles import Role
from models.kernel.ids import Actor
from models.readers.context import RequestContext
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from tests.api.console import WHEREFORE, librarian
from tests.api.rooms import GROUP, book, confirm
from tests.builders import ZONE
from tests.inside import Inside
from tests.living import ENCRYPTION_KEYS, SEAT, Living, living
from tests.survive.serving import command, ended
from tests.waiting import patience


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url) as running:
        yield running


async def wake(service: Living, last_seen: datetime, now: datetime) -> None:
    """The service was last seen alive at ``last_seen`` and comes back at ``now``."""
    await service.inside.stored.heartbeat.set(last_seen)
    await service.scheduler.run_until_idle(now)


async def stored(service: Living, id: str) -> Reservation:
    reservation = await service.inside.stored.reservations.get(id)
    assert reservation is not None
    return reservation


HALF = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
GAPS = [
    # the outage, by how much the deadline came before its end, and how much more time there is
    pytest.param(timedelta(seconds=5), HALF, None, id="a moment is nothing"),
    pytest.param(
        timedelta(seconds=12), timedelta(seconds=9), timedelta(seconds=69), id="a failover"
    ),
    pytest.param(timedelta(seconds=50), -HALF, HALF, id="due right after a restart"),
]


@pytest.mark.parametrize(("gap", "before", "more"), GAPS)
async def test_a_downtime_extends_the_check_in_deadline(
    service: Living, gap: timedelta, before: timedelta, more: timedelta | None
) -> None:
    """The extension of each deadline is in tests/unit/test_reservations."""
    reader = await service.reader()
    made = await reader.reserve(start="10:00", end="12:00")
    deadline = datetime.fromisoformat(made["check_in_until"])
    up = deadline + before
    await wake(service, up - gap, up)
    after = await stored(service, made["id"])
    if more is None:
        await service.inside.stored.heartbeat.set(max(up, deadline))
        await service.scheduler.run_until_idle(max(up, deadline))
        assert (await stored(service, made["id"])).state is ReservationState.NO_SHOW
        assert (await reader.ok("GET", "/violations"))["total"] == 1
        return
    assert (after.state, after.check_in_until) == (ReservationState.RESERVED, deadline + more)
    # Coming back twice does not extend twice, and the new deadline is one.
    await service.scheduler.run_until_idle(up + timedelta(seconds=1))
    assert await stored(service, made["id"]) == after
    await wake(service, deadline + more, deadline + more)
    missed = await stored(service, made["id"])
    assert missed.state is ReservationState.NO_SHOW and [h.event for h in missed.history] == [
        "reserve",
        "outage",
        "miss",
    ]
    assert (await reader.ok("GET", "/violations"))["total"] == 0


@pytest.mark.parametrize(("gap", "more"), [(5, None), (70, timedelta(seconds=90))])
async def test_a_downtime_extends_the_return_deadline(
    service: Living, gap: int, more: timedelta | None
) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    path = f"/reservations/{made['id']}"
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    left = await reader.ok("POST", f"{path}/leave")
    return_by = (await stored(service, made["id"])).return_by
    assert return_by is not None and left["return_by"] is not None
    up = return_by + HALF
    await wake(service, up - timedelta(seconds=gap), up)
    after = await stored(service, made["id"])
    if more is None:
        assert after.state is ReservationState.AWAY_EXPIRED
    else:
        assert (after.state, after.return_by) == (ReservationState.AWAY, return_by + more)


@pytest.mark.parametrize("verb", ["check-in", "return"])
@pytest.mark.parametrize(
    "noted",
    [False, pytest.param(True, marks=pytest.mark.whole)],
    ids=["at once", "when a worker beats"],
)
async def test_a_reader_is_let_in_after_a_downtime_before_any_job_has_run(
    service: Living, verb: str, noted: bool
) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="now" if verb == "return" else "08:00", end="12:00")
    path = f"/reservations/{made['id']}"
    if verb == "return":
        await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
        await reader.ok("POST", f"{path}/leave")
    await service.jump("08:30:20")  # 20 seconds too late
    heartbeat, now = service.inside.stored.heartbeat, service.clock.now()
    await heartbeat.set(now - MINUTE)
    if noted:
        await service.inside.extension.beat(now)
    scan = {"qr": await service.qr("2f-north")}
    assert (await reader.ok("POST", f"{path}/{verb}", scan))["state"] == "in_use"
    await service.settle()
    after = await stored(service, made["id"])
    assert [h.event for h in after.history][-2:] == ["outage", verb.replace("-", "_")]
    assert (after.rev, len(after.history)) == (after.rev, after.rev), "a revision for each step"


@pytest.mark.parametrize(
    "at_desk",
    [False, pytest.param(True, marks=pytest.mark.whole)],
    ids=["by a code", "at the desk"],
)
async def test_people_are_let_into_a_room_after_a_downtime_before_any_job_has_run(
    service: Living, at_desk: bool
) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    booking = await book(service, asker)
    lacks_people = await book(service, asker, GROUP, start="16:30", end="17:30")
    await service.jump("14:30:20")
    late = {"qr": await service.qr()}
    here, now = f"/room-bookings/{booking['id']}/check-in", service.clock.now()
    await service.inside.stored.heartbeat.set(now)
    await asker.refused("422 too_late", "POST", here, late)
    await service.inside.stored.heartbeat.set(now - MINUTE)
    if at_desk:
        desk, reason = await librarian(service), {"reason": WHEREFORE}
        done = await desk.ok("POST", f"/staff{here}", reason)
    else:
        done = await asker.ok("POST", here, {"qr": await service.qr("2f-north")})
    assert done["state"] == "in_use"
    await service.settle()
    assert [h.event for h in (await service.inside.rooms.get(booking["id"])).history][-2:] == [
        *("outage", "check_in")
    ]
    deadline = datetime.fromisoformat(lacks_people["confirm_by"])
    await service.jump(f"{service.inside.reference.zone.local(deadline + HALF):%H:%M:%S}")
    await service.inside.stored.heartbeat.set(deadline - MINUTE)
    await confirm(lacks_people, friend)


async def test_no_outage_is_recorded_while_one_of_two_hosts_serves(service: Living) -> None:
    """Two hosts send heartbeats; the one that runs the jobs dies, and the other takes them over
    much later."""
    reader = await service.reader()
    made = await reader.reserve(start="10:00", end="12:00")
    deadline = datetime.fromisoformat(made["check_in_until"])
    inside = service.inside
    await wake(service, deadline - HALF, deadline - HALF)
    for seconds in range(-29, 4, 2):
        await inside.extension.beat(deadline + timedelta(seconds=seconds))
    # A host that lies behind changes nothing.
    await inside.stored.heartbeat.beat(deadline - MINUTE)
    assert await inside.stored.heartbeat.state() == (deadline + timedelta(seconds=3), [])
    await service.scheduler.run_until_idle(deadline + timedelta(seconds=4))
    assert (await stored(service, made["id"])).state is ReservationState.NO_SHOW


async def test_no_show_judges_no_deadline_before_the_outage_is_recorded(service: Living) -> None:
    """One job was delayed by the outage, another runs before the gap is recorded."""
    reader = await service.reader()
    made = await reader.reserve(start="10:00", end="12:00")
    deadline = datetime.fromisoformat(made["check_in_until"])
    inside, up = service.inside, deadline + HALF
    await inside.stored.heartbeat.set(deadline - HALF)
    assert await inside.deadlines.no_show(up) == 0
    await inside.extension.beat(up)
    assert await inside.deadlines.no_show(up) == 0
    assert await inside.extension.record_heartbeat(up) == 1
    assert await inside.stored.heartbeat.state() == (up, [])
    assert await inside.deadlines.no_show(up) == 0
    after = await stored(service, made["id"])
    assert after.state is ReservationState.RESERVED and after.check_in_until == up + MINUTE


async def test_a_reader_who_comes_after_a_downtime_can_check_in(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="10:00", end="12:00")
    await service.move("10:10")
    deadline = datetime.fromisoformat(made["check_in_until"])
    await wake(service, deadline - timedelta(minutes=5), deadline + timedelta(minutes=5))
    await service.move("10:37")
    scan = {"qr": await service.qr()}
    answer = await reader.ok("POST", f"/reservations/{made['id']}/check-in", scan)
    assert answer["state"] == "in_use"


@pytest.mark.whole
async def test_a_no_show_job_run_by_hand_extends_deadlines_first(
    mongo_url: str, redis_url: str
) -> None:
    """The command uses real time, so the bookings are made around now."""
    env = {
        "SANDBOX": "1",
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        "MONGO_DATABASE": f"t{uuid4().hex[:16]}",
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "LOG_LEVEL": "ERROR",
    }

    async def run(*words: str) -> str:
        status, out, err = await ended(await command(*words, **env))
        assert status == 0, err
        return out.strip()

    await run("seed")
    async with open_application(load(env), Clock()) as app:
        db = app[RESOURCES].db
        inside = Inside(app, db, app[RESOURCES].repositories)
        for last_seen, line, state in (
            (timedelta(hours=-1), "no_show: 0", ReservationState.RESERVED),
            (timedelta(seconds=30), "no_show: 1", ReservationState.NO_SHOW),
        ):
            await db["reservations"].delete_many({})
            now = real_now()
            made = await _missed_a_moment_ago(inside, now)
            await inside.stored.heartbeat.set(now + last_seen)
            assert await run("job", "no_show") == line
            after = await inside.stored.reservations.get(made.id)
            assert after is not None and after.state is state
        await run("job", "dispatch_outbox")
        assert await db["violations"].count_documents({}) == 1
        await db.client.drop_database(db.name)


async def _missed_a_moment_ago(inside: Inside, now: datetime) -> Reservation:
    """Moves a stored booking to around ``now``, so that it was missed a moment ago."""
    reader = await inside.stored.readers.upsert_from_login("21079999", "张三", "student", now)
    noon = ZONE.local(now).replace(hour=12, minute=0, second=0, microsecond=0)
    selection = TimeSelection(ZONE.day(noon), noon.time(), noon.replace(hour=14).time())
    ctx = RequestContext(reader, Actor("reader", "mini"), noon - timedelta(hours=1))
    made = await inside.reservations.create(ctx, SEAT, selection)
    missed = now - timedelta(seconds=10)
    times = {
        "start": missed - timedelta(minutes=30),
        "check_in_until": missed,
        "end": missed + timedelta(hours=2),
        "remind_at": None,
        "due_at": missed,
    }
    await inside.db["reservations"].update_one({"_id": made.id}, {"$set": times})
    return made


async def test_a_hanging_job_is_reported(service: Living) -> None:
    entered = asyncio.Event()

    async def never(_: datetime) -> int:
        entered.set()
        await asyncio.Event().wait()
        return 0

    # Without leases, since the driver leaves a socket open if it is stopped while it connects.
    group = partial(JobGroup, leased=False)
    stuck = group("stuck", (Job("stuck", never),), every_s=1, last_success=monotonic() - 60)
    well = group("well", (), every_s=1)
    rare = group("rare", (), every_s=600, last_success=monotonic() - 60)
    runner = Scheduler((stuck, well, rare), service.inside.stored.leases, service.clock, Metrics())
    runner.start()
    await asyncio.wait_for(entered.wait(), patience(5))
    assert runner.stalled() == ["stuck"]
    await runner.stop()

    assert (await service.anonymous.ok("GET", "//readyz"))["status"] == "ready"
    service.scheduler.groups += (stuck,)
    answer = await service.anonymous.get("//readyz")
    assert answer.status == 200, "degraded is not down"
    assert answer.body["status"] == "degraded"
    assert answer.body["troubles"] == {"jobs.stuck": "hanging"}
    staff = await service.web_reader(role=Role.ADMINISTRATOR)
    assert "后台任务停住了" in (page := (await staff.get("//console")).body) and "stuck" not in page
