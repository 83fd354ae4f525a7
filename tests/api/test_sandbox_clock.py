"""A long move of the sandbox's clock skips idle jobs: it must end in the state of running all jobs
at each step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from miniapp_server.clock import Clock
from miniapp_server.sandbox.state_repository import SandboxState
from models.messages.entities import WECHAT_TEMPLATES
from tests.api.gate import gate_of
from tests.living import MONDAY_8, Client, Living, living

SEATS: Final = [f"2f-hall-{n:03}" for n in range(61, 69)]
TARGET: Final = MONDAY_8 + timedelta(hours=30)
MOVE: Final = "//sandbox/clock"

Move = Callable[[Living], Awaitable[None]]


class StandingClock(Clock):
    """A clock that stands still except for moves, so that each run begins at the same instants."""

    instant = MONDAY_8.astimezone(UTC)

    def now(self) -> datetime:
        return self.instant

    def set(self, instant: datetime) -> timedelta:
        self.instant = instant.astimezone(UTC)
        return super().set(instant)


async def in_one_leap(service: Living) -> None:
    await service.anonymous.ok("POST", MOVE, {"now": TARGET.isoformat()})


async def in_small_steps(service: Living) -> None:
    step = MONDAY_8
    while step < TARGET:
        step = min(step + timedelta(minutes=197), TARGET)
        await service.anonymous.ok("POST", MOVE, {"now": step.isoformat()})


async def with_all_jobs_at_each_step(service: Living) -> None:
    step = service.clock.now()
    while step < TARGET:
        due = [TARGET, await service.inside.stored.deliveries.next_due(step)]
        if (next_due := await service.inside.stored.reservations.next_due(step)) is not None:
            due.append(next_due[0])
        step = min(instant for instant in due if instant is not None)
        await service.inside.stored.heartbeat.set(step)
        await SandboxState(service.db).set_offset(service.clock.set(step))
        while await service.scheduler.run_until_idle(step):
            pass


@dataclass
class Cast:
    """Readers by their part in the story."""

    service: Living
    readers: dict[str, Client] = field(default_factory=dict)

    async def __call__(self, part: str) -> Client:
        reader = self.readers[part] = await self.service.reader()
        for templates in (WECHAT_TEMPLATES[:6], WECHAT_TEMPLATES[6:]):
            await reader.accept(*templates)
        return reader


async def a_morning(service: Living, cast: Cast, *, silent_gate: bool) -> None:
    """Begins every state that ends by time, with a reader who misses each deadline."""
    missing = await cast("missing")
    await missing.reserve(SEATS[0], "09:00", "12:00")
    sits = await cast("sits through")
    made = await sits.reserve(SEATS[1], "now", "10:00")
    await sits.reserve(SEATS[1], "10:00", "11:00")
    qr = {"qr": await service.qr()}
    await sits.ok("POST", f"/reservations/{made['id']}/check-in", qr)
    out = await cast("stays out")
    made = await out.reserve(SEATS[2], "now", "12:00")
    await out.ok("POST", f"/reservations/{made['id']}/check-in", qr)
    await out.ok("POST", f"/reservations/{made['id']}/leave")
    inside, left = await cast("inside"), await cast("left")
    await inside.reserve(SEATS[3], "10:00", "12:00")
    made = await left.reserve(SEATS[4], "now", "12:00")
    await left.ok("POST", f"/reservations/{made['id']}/check-in", qr)
    doubted = await cast("doubted")
    made = await doubted.reserve(SEATS[6], "now", "12:00")
    await doubted.ok("POST", f"/reservations/{made['id']}/check-in", qr)
    await doubted.accept("CHECK_IN_REMINDER")
    await sits.ok("POST", f"/seats/{SEATS[6]}/report")
    evening = await cast("evening")
    await evening.reserve(SEATS[5], "20:00", "22:00")
    await evening.reserve(SEATS[5], "09:00", "10:00", service.tomorrow)
    for part, start in (("first in line", "10:00"), ("second in line", "11:00")):
        wish = {"area_id": "2f-hall", "date": service.today, "start": start, "end": "12:00"}
        await (await cast(part)).ok("POST", "/waitlist", wish | {"seats": [SEATS[0]]})
    gate = await gate_of(service)
    reported_at = MONDAY_8 + timedelta(minutes=-5 if silent_gate else 5)
    passed = [gate.event(inside, "in"), gate.event(left, "out")]
    answer = await gate.send(
        passed, complete_until=min(reported_at, service.clock.now()).isoformat()
    )
    assert answer.body["accepted"] == 2


async def an_end(service: Living, cast: Cast) -> Any:
    """The final state of the database, without ids."""
    db, name = service.db, {r.reader_id: part for part, r in cast.readers.items()}

    times = ("start", "end", "ended_at", "checked_in_at", "left_at", "return_by")
    reservations = [
        [name[r["reader"]], r["seat"], r["state"], r["penalty_waived"], *(r[key] for key in times)]
        + [(entry["event"], entry["at"]) for entry in r["history"]]
        async for r in db["reservations"]
        .find()
        .sort([("seat", 1), ("start", 1), ("created_at", 1)])
    ]
    violations = [
        (name[v["reader"]], v["kind"], v["at"])
        async for v in db["violations"].find().sort([("at", 1), ("kind", 1)])
    ]
    waits = sorted([(name[w["reader"]], w["state"]) async for w in db["waitlist"].find()])
    messages = {}
    for part, reader in cast.readers.items():
        token = await service.sessions.open_wx(reader.openid, None, service.clock.now())
        reader.token = token.token
        inbox = (await reader.ok("GET", "/messages"))["items"]
        sent = [m["template"] for m in await reader.messages()]
        messages[part] = [(m["title"], m["at"], m["text"]) for m in inbox], sent
    return reservations, violations, waits, messages


async def _ended(mongo_url: str, redis_url: str, move: Move, silent_gate: bool) -> Any:
    async with living(mongo_url, redis_url, clock=StandingClock()) as service:
        cast = Cast(service)
        await a_morning(service, cast, silent_gate=silent_gate)
        await move(service)
        return await an_end(service, cast)


@pytest.mark.parametrize(
    ("silent_gate", "way"),
    [
        (True, with_all_jobs_at_each_step),
        pytest.param(False, in_small_steps, marks=pytest.mark.whole),
        pytest.param(False, with_all_jobs_at_each_step, marks=pytest.mark.whole),
        pytest.param(True, in_small_steps, marks=pytest.mark.whole),
    ],
)
async def test_one_long_clock_move_ends_in_the_same_state_as_many_short_ones(
    mongo_url: str, redis_url: str, silent_gate: bool, way: Move
) -> None:
    leap = await _ended(mongo_url, redis_url, in_one_leap, silent_gate)
    assert leap == await _ended(mongo_url, redis_url, way, silent_gate)
