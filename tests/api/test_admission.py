"""Everybody comes at once, or one comes all the time: nobody gains by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import time

import pytest

from handlers.admission import LATE_S, LONGEST_WAIT_S, SLOTS, STRANGERS, Door
from handlers.security import BOOKINGS
from handlers.services import SERVICES
from models.policy import Policy
from tests.living import SEAT, Living, living


@pytest.fixture
async def strict(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """With the buckets as they are in production; tomorrow opens at 20:00."""
    async with living(mongo_url, redis_url, THROTTLE_SCALE="1") as service:
        desk = service.parts.desk
        await desk.policies.put(Policy(version=2, opens_at=time(20)), service.clock.now())
        await desk.refresh()
        yield service


async def test_who_hammers_before_the_opening_has_no_token_left(strict: Living) -> None:
    hasty, patient = await strict.reader(), await strict.reader()
    same_person = await strict.web_reader(hasty)
    wish = {"seat_id": SEAT, "date": strict.tomorrow, "start": "10:00", "end": "11:00"}
    for _ in range(int(BOOKINGS.capacity)):
        await hasty.refused("422 not_open_yet", "POST", "/reservations", wish)
    await hasty.refused("429 throttled", "POST", "/reservations", wish)
    await same_person.refused("429 throttled", "POST", "/reservations", wish)
    await strict.jump("20:00")
    await hasty.refused("429 throttled", "POST", "/reservations", wish)
    assert (await patient.post("/reservations", wish)).status == 201
    assert (await hasty.get("/me")).status == 200, "looking is another bucket"


async def test_an_address_that_tries_tokens_is_stopped(strict: Living) -> None:
    known = await strict.reader()
    assert (await known.get("/me")).status == 200
    guesser = strict.stranger()
    for number in range(int(STRANGERS.capacity)):
        guesser.token = f"guess-{number}"
        assert (await guesser.get("/me")).status == 401
    seen = [(await guesser.get("/me")).status for _ in range(30)]
    assert 429 in seen, "ten a second are still looked up"
    assert (await known.get("/me")).status == 200, "who is known passes by the same address"


async def test_a_full_house_says_so_in_time(service: Living) -> None:
    now = 0.0
    admission = service.app[SERVICES].admission
    admission.late_at_most_s = LATE_S
    door = admission.door = Door(lambda: now)
    for _ in range(SLOTS):
        await door.enter()
    reader = await service.reader()
    wish = {"seat_id": SEAT, "date": service.today, "start": "14:00", "end": "16:00"}
    waits = asyncio.create_task(reader.post("/reservations", wish))
    async with asyncio.timeout(10):
        while not door.oldest_s and not waits.done():
            now += 0.001
            await asyncio.sleep(0)
    now += LONGEST_WAIT_S / 2
    await reader.refused("503 busy", "GET", "/areas")
    assert not waits.done()
    now += LONGEST_WAIT_S
    sent_away = await waits
    assert (sent_away.status, sent_away.code) == (503, "busy")
    assert int(sent_away.headers["Retry-After"]) >= 1
    assert (await reader.get("//healthz")).status == 200, "liveness waits for nobody"
    door.leave()
    assert (await reader.post("/reservations", wish)).status == 201
    assert (await reader.get("/areas")).status == 200
