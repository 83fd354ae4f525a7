"""Suspected code sharing: passed-on kiosk codes are listed without any violation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.code_sharing.service import CROWD_SIZE
from tests.api.console import librarian
from tests.api.gate import gate_of
from tests.api.kiosk import CARD, kiosk, touched
from tests.living import Living


async def test_a_check_in_by_a_reader_outside_the_gate_is_listed(service: Living) -> None:
    gate, desk = await gate_of(service), await librarian(service)
    gone, back, unseen = [await service.reader() for _ in range(3)]
    for number, reader in enumerate((gone, back, unseen)):
        await reader.reserve(f"2f-hall-06{number}", "09:00", "12:00")
    await service.move("08:10")
    for reader in (gone, back):
        await gate.send([gate.event(reader, "in", "08:01"), gate.event(reader, "out", "08:05")])
    await service.move("08:55")
    await gate.pass_(back, "in")  # checks in by itself
    for reader in (gone, unseen):
        (made,) = (await reader.ok("GET", "/reservations"))["items"]
        await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await service.move(timedelta(minutes=2))
    (listed,) = (await desk.ok("GET", "/staff/code-sharing"))["items"]
    assert (listed["score"], listed["reasons"]) == (3, ["outside"])
    assert listed["kiosk"] == "二层南自助服务区选座机" and gone.number not in str(listed)
    assert (await gone.ok("GET", "/violations"))["total"] == 0


async def test_one_code_used_by_many_readers_is_listed(service: Living) -> None:
    desk = await librarian(service)
    readers = [await service.reader() for _ in range(CROWD_SIZE)]
    for number, reader in enumerate(readers):
        await reader.reserve(f"3f-east-{number + 1:03}", "09:00", "12:00")
    await service.jump("08:50:00")
    await service.inside.stored.heartbeat.set(service.clock.now())
    qr = await service.qr()
    for reader in readers:
        (made,) = (await reader.ok("GET", "/reservations"))["items"]
        await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": qr})
    few = await service.reader()
    made = await few.reserve("2f-hall-001", "now", "10:00")
    await few.ok(
        "POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr("2f-north")}
    )
    await service.move("08:53")
    listing = await desk.ok("GET", "/staff/code-sharing?page_size=100")
    assert listing["total"] == CROWD_SIZE
    assert {tuple(item["reasons"]) for item in listing["items"]} == {("crowd",)}


@pytest.mark.whole
async def test_card_check_ins_at_the_kiosk_are_not_listed(service: Living) -> None:
    gate, desk, reader = await gate_of(service), await librarian(service), await service.reader()
    await service.inside.stored.cards.put(CARD, reader.reader_id)
    made = await reader.reserve(start="now", end="12:00")
    await gate.pass_(reader, "out")
    await service.move(timedelta(minutes=1))
    at_kiosk, key = await touched(service, service.stranger()), await kiosk(service)
    await at_kiosk.ok("POST", "/kiosks/2f-south/check-in", {"reservation_id": made["id"]}, **key)
    await service.move(timedelta(minutes=15))
    assert (await desk.ok("GET", "/staff/code-sharing"))["total"] == 0
