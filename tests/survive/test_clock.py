"""A host with a wrong clock decides nothing, for readers or in jobs."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from time import monotonic_ns
from typing import Any

import pytest

from miniapp_server.clock import Clock, real_now
from miniapp_server.keys import CLOCK_CHECK
from models.identity.roles import Role
from models.kernel.errors import Unavailable
from models.reservations.state_machine import ReservationState
from models.storage.mongo import server_time
from tests.api.console import staff
from tests.living import MONDAY_8, SEAT, Living, living
from tests.waiting import until


class Machine:
    """A machine whose clock a test sets."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> int:
        return int((real_now() + self.ahead).timestamp() * 1000) * 1_000_000


async def rounds(service: Living) -> None:
    """Runs every group of jobs twice."""
    groups = [group for group in service.scheduler.groups if group.every_s <= 10]
    for _ in range(2):
        before = {group.name: group.last_success for group in groups}
        for group in groups:
            group.nudged.set()

        async def all_came_round(before: dict[str, float] = before) -> bool:
            return all(group.last_success > before[group.name] for group in groups)

        await until(all_came_round, "a round of all jobs")


async def health(service: Living) -> Any:
    return (await service.anonymous.get("//readyz")).body


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_host_with_a_wrong_clock_refuses_changes_and_judges_no_deadline(
    mongo_url: str, redis_url: str, hours: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Two hours ahead, all of these deadlines would have passed; two hours back, a leave would end
    in the past. Afterwards the other readers' day continues unaffected."""
    machine = Machine()
    async with living(
        mongo_url, redis_url, jobs=True, now=MONDAY_8, clock=Clock(machine)
    ) as service:
        waits, sits, away = [await service.reader() for _ in range(3)]
        viewer = await staff(service, Role.VIEWER)
        made = [await waits.reserve("2f-hall-061", "08:00", "10:00")]
        for reader, seat in ((sits, "2f-hall-062"), (away, "2f-hall-063")):
            r = await reader.reserve(seat, "now", "09:00")
            scan = {"qr": await service.qr()}
            made.append(await reader.ok("POST", f"/reservations/{r['id']}/check-in", scan))
        made[2] = await away.ok("POST", f"/reservations/{made[2]['id']}/leave")
        await rounds(service)
        before = await service.books()
        alive, _ = await service.inside.stored.heartbeat.state()

        machine.ahead = timedelta(hours=hours)
        caplog.clear()
        code = await sits.refused("503 clock_wrong", "POST", f"/reservations/{made[1]['id']}/leave")
        assert code.headers["Retry-After"] == "5"
        await rounds(service)
        wish = {"seat_id": "2f-hall-070", "date": service.today, "start": "11:00", "end": "12:00"}
        await sits.refused("503 clock_wrong", "POST", "/reservations", wish)
        keys = (await service.anonymous.ok("GET", "//sandbox/kiosks"))["items"]
        path = f"/kiosks/{keys[0]['id']}/code"
        key = {"X-Kiosk-Key": keys[0]["key"]}
        await service.anonymous.refused("503 clock_wrong", "GET", path, **key)

        async def said() -> bool:
            trouble = (await health(service))["troubles"].get("clock")
            return bool(trouble == f"off by {hours * 3600} s")

        await until(said, "the clock among the troubles")
        assert (await health(service))["status"] == "degraded"
        page = (await viewer.get("/console")).body
        assert "这台服务器的时间不准" in page and "off by" not in page
        metrics = str((await service.anonymous.get("//metrics")).body)
        gauge = next(x for x in metrics.splitlines() if x.startswith("seat_clock_offset_seconds "))
        assert abs(float(gauge.split()[1]) - hours * 3600) < 1
        await rounds(service)
        assert await service.books() == before, "no job and no reader has changed anything"
        reservations = (await waits.ok("GET", "/reservations"))["items"]
        assert [r["state"] for r in reservations] == [ReservationState.RESERVED], "looking goes on"
        # What hosts share has not been spoilt by it.
        now = await server_time(service.db)
        held = await service.db["leases"].find().to_list(None)
        assert held and all(abs(lease["until"] - now) < timedelta(minutes=1) for lease in held)
        last, _ = await service.inside.stored.heartbeat.state()
        assert last is not None and alive is not None and last - alive < timedelta(minutes=1)

        machine.ahead = timedelta()

        async def right_again() -> bool:
            return bool((await health(service))["status"] == "ready")

        await until(right_again, "the host serves again by itself")
        lines = [r for r in caplog.records if r.message.startswith("clock_")]
        assert [(r.message, r.levelno) for r in lines] == [
            ("clock_wrong", logging.ERROR),
            ("clock_right_again", logging.WARNING),
        ]
        await away.ok("POST", f"/reservations/{made[2]['id']}/finish")
        await rounds(service)
        assert (await waits.ok("GET", "/violations"))["total"] == 0


@pytest.mark.parametrize(
    ("ahead_s", "took_s", "trusted"),
    [
        (0, 0, True),
        (9.9, 0, True),
        (-9.9, 0, True),
        (10.2, 0, False),
        (-10.2, 0, False),
        (6, 6, True),
        (14, 6, False),
        (7200, 16, False),
        # The answer may have been made at either end of its way: nobody knows.
        (8, 6, None),
        (12, 6, None),
        (-12, 6, None),
        (0, 22, None),
    ],
)
def test_a_clock_is_trusted_within_half_the_round_trip(
    ahead_s: float, took_s: float, trusted: bool | None
) -> None:
    """Half the round trip is tolerated to either side; within it the previous judgement is kept."""
    half = timedelta(seconds=took_s) / 2
    for before_s in (None, 0, 3600):
        clock = Clock()
        if before_s is not None:
            assert clock.judge(real_now() - timedelta(seconds=before_s), timedelta())
        was, off_by = clock.trusted, clock.off_by
        assert was is (before_s == 0), "unknown is not right"
        machine = real_now()
        if not clock.judge(machine - timedelta(seconds=ahead_s) - half, 2 * half):
            assert (trusted, clock.trusted, clock.off_by) == (None, was, off_by), before_s
            continue
        assert clock.trusted is trusted, before_s
        assert clock.off_by is not None
        apart = abs(clock.off_by.total_seconds() - ahead_s)
        assert apart < (took_s / 2 if before_s is not None else 0) + 0.1, before_s
        assert abs(clock.real_now() - machine + clock.off_by) < timedelta(seconds=0.1)


@pytest.mark.parametrize("ahead_s", [2, 5, 9, -9])
async def test_hosts_with_different_clocks_use_mongodbs_time(
    mongo_url: str, redis_url: str, ahead_s: int
) -> None:
    """A host that is seconds ahead is trusted. Its responses, jobs and kiosk codes use MongoDB's
    time, as on every other host: no deadline comes early, no code is of the next step, and its
    heartbeat hides no outage."""
    machine = Machine()
    machine.ahead = timedelta(seconds=ahead_s)
    async with living(mongo_url, redis_url, clock=Clock(machine)) as service:
        right = Clock()
        right.offset = service.clock.offset
        assert service.clock.trusted
        assert abs(service.clock.now() - right.now()) < timedelta(seconds=1)
        answer = await service.anonymous.get("/library")
        said = datetime.fromisoformat(answer.headers["X-Server-Time"])
        assert abs(said - right.now()) < timedelta(seconds=1.5)
        service.clock.set(right.now() + timedelta(days=1))
        ahead = service.clock.now() - right.now()
        assert abs(ahead - timedelta(days=1)) < timedelta(seconds=1), "the sandbox's day is its own"


async def test_a_clock_not_compared_for_half_a_minute_decides_nothing(
    mongo_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have drifted since the last comparison."""
    machine = Machine()

    def steady_ns() -> int:
        return monotonic_ns() + int(machine.ahead.total_seconds() * 10**9)

    unanswered = asyncio.Event()

    async def no_answer() -> None:
        unanswered.set()
        raise Unavailable()

    async with living(mongo_url, redis_url, clock=Clock(machine, steady_ns)) as service:
        reader, before = await service.reader(), await service.books()
        with monkeypatch.context() as patched:
            patched.setattr(service.app[CLOCK_CHECK], "measure", no_answer)
            await unanswered.wait()  # no earlier comparison is under way any more
            machine.ahead = timedelta(seconds=10)
            assert service.clock.trusted, "a while without an answer is no doubt"
            machine.ahead = timedelta(seconds=31)
            wish = {"seat_id": SEAT, "date": service.today, "start": "11:00", "end": "12:00"}
            await reader.refused("503 clock_wrong", "POST", "/reservations", wish)
            assert await service.books() == before
            trouble = (await health(service))["troubles"]["clock"]
            assert trouble.startswith("not compared with MongoDB's for 3"), trouble

        machine.ahead = timedelta()

        async def right_again() -> bool:
            return service.clock.trusted

        await until(right_again, "the next measurement")
        await reader.reserve(SEAT, "11:00", "12:00")


@pytest.mark.parametrize("known_s", [0, 9])
def test_a_slow_answer_of_mongodb_does_not_shift_the_known_time(known_s: int) -> None:
    """MongoDB paused for two seconds and answered at the end. Jobs that used the middle of the
    round trip would be a second early, also where the known time is some milliseconds off."""
    now, offset = real_now(), timedelta(seconds=known_s)
    for wrong_ms in (0, 5, -5):
        clock = Clock(lambda: round((now + offset).timestamp() * 10**9))
        assert clock.judge(now + timedelta(milliseconds=wrong_ms), timedelta())
        assert clock.judge(now, timedelta(seconds=2))
        assert abs(clock.now() - now) < timedelta(seconds=0.01), wrong_ms
        # One that does not agree is believed: the clock was set.
        assert clock.judge(now + timedelta(seconds=3), timedelta(seconds=2))
        assert clock.now() - now > timedelta(seconds=2)
