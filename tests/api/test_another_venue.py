"""Bookings moved to another venue: the presence sources there apply."""

from __future__ import annotations

from tests.api.console import post, staff
from tests.api.wishes import annex_code, with_library_changed
from tests.living import Living

THERE = "annex-001"


async def test_a_booking_changed_to_another_venue_needs_check_in_there(service: Living) -> None:
    await with_library_changed(service)
    reader = await service.reader()
    path = f"/reservations/{(await reader.reserve(start='09:00', end='10:00'))['id']}"
    moved = await reader.ok("POST", f"{path}/change", {"seat_id": THERE})
    assert moved["seat"]["id"] == THERE and moved["seat"]["venue"] == "分馆"
    await service.jump("09:00")
    await reader.refused("422 wrong_venue", "POST", f"{path}/check-in", {"qr": await service.qr()})
    arrived = await reader.ok("POST", f"{path}/check-in", await annex_code(service))
    assert arrived["state"] == "in_use"


async def test_a_stay_moved_by_staff_to_another_venue_returns_by_the_code_there(
    service: Living,
) -> None:
    await with_library_changed(service)
    reader, desk = await service.reader(), await staff(service)
    made = await reader.reserve(start="now", end="10:00")
    path = f"/reservations/{made['id']}"
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    assert (await post(service, desk, f"/console{path}/move", seat=THERE)).status == 303
    await reader.ok("POST", f"{path}/leave")
    await service.jump("08:05")
    assert (await reader.ok("POST", f"{path}/return", await annex_code(service)))[
        "state"
    ] == "in_use"
