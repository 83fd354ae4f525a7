"""Outages of kiosks and sign-on lead to no violation."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.api.kiosk import show
from tests.builders import ZONE
from tests.living import Client, Living

STEP = timedelta(minutes=5)
JOBS = {"heartbeat", "outages", "no_show", "fail_presence_checks", "expire_leaves", "complete"}
"""What an outage has to do with; the last moment of a stretch of time has all jobs."""


async def run(service: Living, to: str, *, screens: bool = False) -> None:
    """Lets time pass with the jobs every five minutes. ``screens`` lists the kiosks whose screens
    are online."""
    end = datetime.fromisoformat(f"{service.today}T{to}:00+08:00")
    while (now := ZONE.local(service.clock.now()).replace(second=0, microsecond=0)) < end:
        await service.jump(f"{min(now + STEP, end):%H:%M}:00")
        if screens:
            await show(service)
        await service.settle(JOBS)
    await service.settle()


async def state(reader: Client, made: dict[str, str]) -> dict[str, str]:
    reservation = await reader.ok("GET", f"/reservations/{made['id']}")
    return dict(reservation)


@pytest.fixture
async def two(service: Living) -> tuple[Client, Client]:
    return await service.reader(), await service.reader()


async def test_a_kiosk_outage_extends_deadlines(
    service: Living, two: tuple[Client, Client]
) -> None:
    late, away = two
    waits = await late.reserve("2f-hall-061", "09:00", "12:00")
    left = await away.reserve("2f-hall-062", "09:00", "12:00")
    await show(service)
    await run(service, "09:10")
    await show(service)
    await show(service, "2f-north")
    await away.ok("POST", f"/reservations/{left['id']}/check-in", {"qr": await service.qr()})
    await away.ok("POST", f"/reservations/{left['id']}/leave")
    await run(service, "09:11")
    await run(service, "09:20")
    health = (await service.anonymous.get("//readyz")).body
    assert list(health["troubles"]) == ["outages.kiosks:library"]
    # A code that a program asks for is no screen that anybody can stand before.
    await service.qr()
    await run(service, "09:45")
    assert (await state(late, waits))["state"] == "reserved"
    assert (await state(away, left))["state"] == "away"
    await show(service, "2f-north")  # one is enough
    await run(service, "09:46")
    moved = await state(late, waits)
    assert moved["state"] == "reserved"
    out = datetime.fromisoformat(moved["check_in_until"]) - datetime.fromisoformat(
        waits["check_in_until"]
    )
    assert timedelta(minutes=34) < out < timedelta(minutes=37)
    assert (await state(away, left))["return_by"][11:16] in ("10:14", "10:15", "10:16")
    await run(service, "10:20", screens=True)
    assert (await state(late, waits))["state"] == "no_show"
    assert (await state(away, left))["state"] == "away_expired"
    assert (await late.ok("GET", "/violations"))["total"] == 0


@pytest.mark.whole
async def test_an_outage_extends_no_deadline_beyond_the_bookings_end(
    service: Living, two: tuple[Client, Client]
) -> None:
    reader, _ = two
    made = await reader.reserve(start="09:00", end="10:00")
    await show(service)
    await run(service, "09:59")
    assert (await state(reader, made))["state"] == "reserved"
    await run(service, "10:01")
    assert (await state(reader, made))["state"] == "no_show"
    assert (await reader.ok("GET", "/violations"))["total"] == 0


@pytest.mark.whole
async def test_a_sign_on_outage_extends_deadlines_and_a_hiccup_does_not(
    service: Living, two: tuple[Client, Client]
) -> None:
    reader, other = two
    made = await reader.reserve("2f-hall-061", "09:00", "12:00")
    await run(service, "09:20")
    answers, service.inside.outages._cas_answers = service.inside.outages._cas_answers, _no
    await service.inside.outages.record_cas_failure(service.clock.now())
    await run(service, "09:50")
    assert (await state(reader, made))["state"] == "reserved"
    service.inside.outages._cas_answers = answers
    await run(service, "09:51")
    assert (await state(reader, made))["check_in_until"][11:16] in ("10:00", "10:01")
    assert (await service.anonymous.get("//readyz")).body["status"] == "ready"
    # A hiccup moves nothing.
    later = await other.reserve("2f-hall-062", "now", "12:00")
    await service.inside.outages.record_cas_failure(service.clock.now())
    await run(service, "09:52")
    assert (await state(other, later))["rev"] == later["rev"]


async def _no() -> bool:
    return False


@pytest.mark.whole
async def test_deadlines_in_the_first_minutes_of_an_outage_are_not_judged(
    service: Living, two: tuple[Client, Client]
) -> None:
    reader, other = two
    made = await reader.reserve("2f-hall-061", "09:00", "12:00")
    await run(service, "09:28")
    await service.jump("09:28:40")
    await show(service)
    await service.settle()
    await service.jump("09:30:30")  # due, and the screen has been silent since before
    await service.settle()
    assert (await state(reader, made))["state"] == "reserved"
    await run(service, "09:45")
    await show(service)
    await run(service, "09:46")
    moved = await state(reader, made)
    assert (moved["state"], moved["check_in_until"][11:16]) == ("reserved", "09:46")
    # Where the screens live a deadline is settled as soon as they were seen after it.
    second = await other.reserve("2f-hall-062", "now", "12:00")
    until = datetime.fromisoformat(second["check_in_until"])
    await run(service, f"{until + timedelta(minutes=1):%H:%M}", screens=True)
    assert (await state(other, second))["state"] == "no_show"
    assert (await other.ok("GET", "/violations"))["total"] == 1


@pytest.mark.whole
async def test_a_kiosk_outage_extends_the_time_to_answer_a_presence_check(
    service: Living, two: tuple[Client, Client]
) -> None:
    sits, watcher = two
    await show(service)
    made = await sits.reserve("2f-hall-061", "now", "12:00")
    await sits.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await sits.accept("CHECK_IN_REMINDER")
    near = await watcher.reserve("2f-hall-062", "now", "12:00")
    await watcher.ok("POST", f"/reservations/{near['id']}/check-in", {"qr": await service.qr()})
    await watcher.ok("POST", "/seats/2f-hall-061/report")
    await service.settle()
    await run(service, "09:10")
    assert (await state(sits, made))["state"] == "in_use"
    await show(service)
    await run(service, "09:11")
    assert (await state(sits, made))["state"] == "in_use", "the time to show it moves as well"
    await run(service, "09:32", screens=True)
    left = await state(sits, made)
    assert left["state"] == "away" and left["left_at"][11:16] in ("09:29", "09:30", "09:31")
