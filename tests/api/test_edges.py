"""Regression tests of small bugs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from models.identity.entities import Principal
from models.identity.session_repository import SessionRepository
from models.kernel.errors import Unauthenticated, Unavailable
from models.reservations.entities import Reservation
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.encryption import token_hash
from tests.living import MONDAY_8, Living


async def test_concurrent_first_attempts_of_a_window_are_all_counted(service: Living) -> None:
    throttles = AttemptLimiter(service.db)
    now = service.clock.now()
    for turn in range(20):
        limit = [AttemptLimit(f"turn {turn}", 500, timedelta(minutes=10))]
        await asyncio.gather(*(throttles.register(limit, now) for _ in range(12)))
        counter = await service.db["attempt_limits"].find_one({"_id": f"turn {turn}"})
        assert counter is not None and counter["n"] == 12


async def test_a_session_that_ends_during_its_lookup_is_not_cached(
    service: Living,
) -> None:
    reader = await service.reader()
    sessions = service.sessions
    stored: SessionRepository = service.inside.stored.sessions

    class Slow(SessionRepository):
        async def find_principal(self, session_id: str) -> Principal | None:
            principal = await stored.find_principal(session_id)
            if principal is not None:
                await sessions.close(principal.session)
            return principal

    sessions._sessions = Slow(service.db, service.settings.sealer)
    await sessions.principal(reader.token, service.clock.now())
    assert await stored.find_principal(token_hash(reader.token)) is None
    try:
        await sessions.principal(reader.token, service.clock.now())
    except Unauthenticated:
        return
    raise AssertionError("the ended session still opens")


async def test_an_action_that_takes_no_body_refuses_one(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve()
    path = f"/reservations/{made['id']}/cancel"
    await reader.refused("400 malformed", "POST", path, {"reason": "late"})
    assert (await reader.post(path, {})).status == 200


async def test_a_time_outside_the_hours_shows_no_free_seat(service: Living) -> None:
    reader = await service.reader()
    await service.move("10:30")
    for start, end in (("22:00", "23:00"), ("06:00", "08:00"), ("09:00", "11:00")):
        answer = await reader.ok("GET", f"/areas?start={start}&end={end}")
        assert {area["seats_free"] for area in answer["items"]} == {0}


async def test_an_interrupted_extension_moves_each_deadline_once(service: Living) -> None:
    first = await (await service.reader()).reserve("2f-hall-001", "10:00", "13:00")
    second = await (await service.reader()).reserve("2f-hall-002", "10:00", "13:00")
    inside, now = service.inside, MONDAY_8
    await inside.stored.heartbeat.set(now + timedelta(minutes=145))  # 10:25
    back = now + timedelta(minutes=155)  # 10:35, both were due at 10:30
    replace, times = inside.stored.reservations.replace, 0

    async def cut_off(*args: object, **options: object) -> Reservation:
        nonlocal times
        times += 1
        if times == 2:
            raise Unavailable()
        return await replace(*args, **options)  # type: ignore[arg-type]

    inside.stored.reservations.replace = cut_off  # type: ignore[method-assign]
    with suppress(Unavailable):
        await inside.extension.record_heartbeat(back)
    assert await inside.extension.record_heartbeat(back + timedelta(seconds=27)) == 1
    deadlines = set()
    for made in (first, second):
        stored = await inside.stored.reservations.get(made["id"])
        assert stored is not None and stored.penalty_waived
        deadlines.add(stored.check_in_until)
    assert deadlines == {MONDAY_8 + timedelta(minutes=160)}, "10:40 for both"
