"""候补: recipients of offers, and the fate of an offer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.waitlist.jobs import BATCH
from models.waitlist.repository import WaitlistRepository
from tests.api.console import librarian
from tests.api.waitlist import ONE, held_seat, join, offers, wish
from tests.living import Living


async def test_a_current_reader_may_extend_before_the_seat_is_offered(service: Living) -> None:
    """Extensions take precedence until a quarter of an hour before the stay's end."""
    owner, made = await held_seat(service, "10:00", "11:00")
    sits, reader = await service.reader(), await service.reader()
    stay = await sits.reserve(made["seat"]["id"], "now", "10:00")
    await sits.ok("POST", f"/reservations/{stay['id']}/check-in", {"qr": await service.qr()})
    await join(service, reader, seats=[ONE], start="10:00", end="11:00")
    await service.move("09:20")
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    assert await offers(reader) == []
    ends = (await sits.ok("GET", f"/reservations/{stay['id']}/extensions"))["ends"]
    assert [e["value"] for e in ends][:1] == ["11:00"]
    await service.move("09:44")
    assert await offers(reader) == []
    await service.move("09:46")
    (held,) = await offers(reader)
    assert held["seat"]["id"] == made["seat"]["id"]
    body = {"end": "11:00"}
    await sits.refused("409 seat_taken", "POST", f"/reservations/{stay['id']}/extend", body)


async def test_the_time_given_back_by_an_earlier_end_is_offered_at_once(service: Living) -> None:
    """Without the quarter of an hour in which extensions take precedence."""
    owner, made = await held_seat(service, "09:00", "12:00")
    path = f"/reservations/{made['id']}"
    first, second = await service.reader(), await service.reader()
    await join(service, first, seats=[ONE], start="11:00", end="12:00")
    await join(service, second, seats=[ONE], start="09:00", end="12:00")
    await service.move("09:10")
    await owner.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    await owner.ok("POST", f"{path}/shorten", {"end": "11:00"})
    (held,) = await offers(first)
    assert held["seat"]["id"] == made["seat"]["id"] and held["start"][11:16] == "11:00"
    assert await offers(second) == [], "what is kept is nobody else's"


async def test_readers_who_could_not_book_cannot_join_the_waitlist(service: Living) -> None:
    busy, booked = await service.reader(), await service.reader()
    for hour in range(9, 14):
        await busy.reserve("3f-east-001", f"{hour:02}:00", f"{hour + 1:02}:00")
    await booked.reserve("3f-east-002", "15:00", "17:00")
    await held_seat(service)
    body = wish(service, seats=[ONE])
    await busy.refused("422 daily_limit", "POST", "/waitlist", body)
    await booked.refused("409 own_overlap", "POST", "/waitlist", body)
    assert await service.db["waitlist"].count_documents({}) == 0


async def test_a_changed_time_offers_the_seat_to_the_first_on_the_waitlist(
    service: Living,
) -> None:
    (owner, made), first = await held_seat(service), await service.reader()
    await join(service, first, seats=[ONE])
    later = {"start": "18:00", "end": "20:00"}
    await owner.ok("POST", f"/reservations/{made['id']}/change", later)
    (held,) = await offers(first)
    assert (held["seat"]["id"], held["start"][11:16]) == (made["seat"]["id"], "14:00")


@pytest.mark.whole
async def test_the_job_serves_a_long_waitlist_completely(service: Living) -> None:
    (owner, made), last = await held_seat(service), await service.reader()
    waits = service.db["waitlist"]
    await join(service, last, seats=[ONE])
    mine = await waits.find_one({"reader": last.reader_id}) or {}
    before = {
        "area": "3f-east",
        "seats": ["3f-east-900"],
        "created_at": mine["created_at"] - timedelta(minutes=5),
    }
    await waits.insert_many(
        mine | before | {"_id": f"x{n:04}", "reader": f"r{n}", "claims": [f"w:{n}"]}
        for n in range(2 * BATCH + 1)
    )
    await service.jump("06:50:00")  # when nobody is woken
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    await service.jump("08:01:00")
    await service.settle()
    (held,) = await offers(last)
    assert held["seat"]["id"] == made["seat"]["id"]
    await service.move("16:30")
    assert await waits.count_documents({"open": True}) == 0


async def test_a_seat_still_in_use_is_not_offered(service: Living) -> None:
    owner, made = await held_seat(service, "09:00", "12:00")
    first = await service.reader()
    await service.move("09:10")
    seen = {"kind": "occupied", "qr": await service.qr()}
    await owner.ok("POST", f"/reservations/{made['id']}/report", seen)
    elsewhere = {"seat_id": "3f-east-001"}
    await join(service, first, seats=[ONE], start="now", end="12:00")
    await owner.ok("POST", f"/reservations/{made['id']}/change", elsewhere)
    await service.settle()
    assert await offers(first) == []
    desk = await librarian(service)
    await desk.ok("POST", f"/staff/reports/{made['id']}/resolve")
    await service.move("09:12")
    (held,) = await offers(first)
    assert held["seat"]["id"] == made["seat"]["id"]


async def test_leaving_the_waitlist_gives_up_a_concurrent_offer(
    service: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    (owner, made), first = await held_seat(service), await service.reader()
    place = await join(service, first, seats=[ONE])
    settle = WaitlistRepository.withdraw

    async def late(waits: WaitlistRepository, *rest: Any) -> Any:
        monkeypatch.setattr(WaitlistRepository, "withdraw", settle)
        await owner.ok("POST", f"/reservations/{made['id']}/cancel")
        assert len(await offers(first)) == 1
        return await settle(waits, *rest)

    monkeypatch.setattr(WaitlistRepository, "withdraw", late)
    await first.ok("DELETE", f"/waitlist/{place['id']}")
    assert (await first.ok("GET", "/waitlist"))["items"][0]["state"] == "left"
    rows = await service.db["reservations"].find({"reader": first.reader_id}).to_list(None)
    assert [row["state"] for row in rows] == ["offer_expired"]
    await (await service.reader()).reserve(made["seat"]["id"], "14:00", "16:00")


@pytest.mark.whole
async def test_a_downtime_does_not_expire_an_offer(service: Living) -> None:
    (owner, made), first = await held_seat(service), await service.reader()
    await join(service, first, seats=[ONE])
    await service.settle()
    seen = service.clock.now()
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    await service.jump("08:30:00")
    await service.inside.stored.heartbeat.set(seen)  # nothing ran meanwhile
    await service.settle()
    (held,) = await offers(first)
    assert held["held_until"][11:16] == "08:40"
    await first.ok("POST", f"/reservations/{held['id']}/accept")
