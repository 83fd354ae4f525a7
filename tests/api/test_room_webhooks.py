"""Webhooks about bookings of rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.api.console import WHEREFORE, librarian, post, staff
from tests.api.room_blocks import BLOCKS, EXAMS, make
from tests.api.room_bookings import GROUP, HALL, OTHER, PURPOSE, SEMINAR, book, confirm
from tests.api.webhook_console import endpoint, judge
from tests.living import Living, living
from tests.receiver import NewReceiver


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service with this machine's address allowed for webhooks."""
    async with living(mongo_url, redis_url, WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8") as running:
        yield running


async def test_a_room_is_followed_from_its_request_to_its_end(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    at, desk = await endpoint(service, program), await librarian(service)
    asker, *friends = [await service.reader() for _ in range(4)]
    asked = await book(service, asker, SEMINAR)
    await desk.ok("POST", f"/staff/room-requests/{asked['id']}/approve")
    await confirm(asked, *friends)
    await service.move("14:00")
    here = f"/room-bookings/{asked['id']}"
    await friends[0].ok("POST", f"{here}/check-in", {"qr": await service.qr()})
    await service.move("15:10")
    for _ in range(2):  # sent twice
        await asker.ok("POST", f"{here}/finish")
    await service.settle()
    bodies = [b for b in program.verified(at.secret) if b["data"]["id"] == asked["id"]]
    assert [(b["type"], b["data"]["state"], b["data"]["people"]) for b in bodies] == [
        ("room_booking.created", "requested", 1),
        ("room_booking.approved", "reserved", 1),
        ("room_booking.checked_in", "in_use", 4),
        ("room_booking.ended", "finished", 4),
    ]
    ended = bodies[-1]["data"]
    place = [ended[name] for name in ("venue", "floor", "room_id", "room", "how")]
    assert place == ["图书馆", 4, SEMINAR, "研讨室401", "finished"]
    assert [ended[name][11:16] for name in ("start", "end", "checked_in_at", "ended_at")] == [
        *("14:00", "16:00"),
        *("14:00", "15:10"),
    ]
    assert {b["data"]["reader"]["id"][:4] for b in bodies} == {"rdr_"}
    everything = b"".join(body for _, body in program.raw).decode()
    for secret in (PURPOSE, asker.number, str(asker.reader_id), str(friends[0].reader_id)):
        assert secret not in everything, secret
    await judge(service, bodies)
    assert not await service.db["reservations"].count_documents({"outbox.at": {"$exists": True}})


@pytest.mark.whole
async def test_every_end_of_a_booking_of_a_room_is_told_once(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    at, desk, console = (
        await endpoint(service, program),
        await librarian(service),
        await staff(service),
    )
    readers = [await service.reader() for _ in range(6)]
    released, declined = await book(service, readers[0], GROUP), await book(service, readers[1])
    await readers[1].ok("POST", f"/room-bookings/{declined['id']}/cancel")
    cancelled, declined = declined, await book(service, readers[1], HALL)
    refused = f"/staff/room-requests/{declined['id']}/decline"
    await desk.ok("POST", refused, {"reason": WHEREFORE})
    missed = await book(service, readers[2])
    taken = await book(service, readers[3], OTHER)
    assert (await post(service, console, f"/console/rooms/{taken['id']}/cancel")).status == 303
    stay = await book(service, readers[4], OTHER)
    await service.move("14:00")
    scanned = {"qr": await service.qr()}
    await readers[4].ok("POST", f"/room-bookings/{stay['id']}/check-in", scanned)
    await service.move("16:10")
    await service.settle()
    ends: dict[str, list[Any]] = {}
    for b in program.verified(at.secret):
        if b["type"] in ("room_booking.ended", "room_booking.no_show"):
            facts = (b["type"].partition(".")[2], b["data"]["state"], b["data"].get("how"))
            ends.setdefault(b["data"]["id"], []).append(facts)
    assert ends == {
        released["id"]: [("ended", "released", "released")],
        cancelled["id"]: [("ended", "cancelled", "cancelled")],
        declined["id"]: [("ended", "declined", "declined")],
        missed["id"]: [("no_show", "no_show", None)],
        taken["id"]: [("ended", "cancelled", "cancelled_by_library")],
        stay["id"]: [("ended", "completed", "completed")],
    }
    await judge(service, [b for _, b in program.got])


async def test_blocks_are_told_when_they_are_made_changed_ended_and_restored(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    at, desk = await endpoint(service, program, personal="1"), await librarian(service)
    made = await make(service, desk, last="2026-09-08")
    today, tomorrow = (f"{BLOCKS}/{day['block']}" for day in made)
    change = {"start": "15:00", "title": "讲座", "all": True}
    for _ in range(2):  # sent twice
        await desk.ok("POST", f"{today}/change", change)
    await desk.refused(
        "409 series_does_not_fit", "POST", f"{tomorrow}/change", {"start": "01:00", "all": True}
    )
    await desk.ok("POST", f"{tomorrow}/end", {})
    await desk.ok("POST", f"{tomorrow}/restore")
    await service.move("15:10")
    await desk.ok("POST", f"{today}/end", {})
    await service.settle()
    told: dict[str, list[Any]] = {day["block"]: [] for day in made}
    bodies = program.verified(at.secret)
    for b in bodies:
        data = b["data"]
        told[data["id"]].append((b["type"], data["start"][11:16], data["title"], data.get("how")))
    assert told == {
        made[0]["block"]: [
            ("room_block.created", "14:00", EXAMS, None),
            ("room_block.changed", "15:00", "讲座", None),
            ("room_block.ended", "15:00", "讲座", "finished"),
        ],
        made[1]["block"]: [
            ("room_block.created", "14:00", EXAMS, None),
            ("room_block.ended", "14:00", EXAMS, "cancelled"),
            ("room_block.created", "14:00", EXAMS, None),
        ],
    }
    ended = next(b["data"] for b in bodies if b["data"].get("how") == "finished")
    assert [ended[name] for name in ("venue", "floor", "room", "series", "room_id")] == [
        *("图书馆", 4, "研讨室401", "a" * 24, SEMINAR),
    ]
    assert ended["ended_at"][11:16] == "15:10" and all("reader" not in b["data"] for b in bodies)
    await judge(service, bodies)
    assert not await service.db["reservations"].count_documents({"outbox.at": {"$exists": True}})


@pytest.mark.whole
async def test_an_erased_booker_is_in_no_webhook(service: Living, receiver: NewReceiver) -> None:
    program = await receiver()
    await endpoint(service, program, personal="1")
    program.answer = lambda _: web.Response(status=503)
    booker = await service.web_reader()
    await book(service, booker, start="17:00", end="18:00")
    await service.settle()
    person = await service.inside.stored.readers.get(booker.reader_id)
    assert person is not None
    await service.inside.erasure.erase(person, service.clock.now())
    assert str(booker.reader_id) not in await service.all_documents()
    program.answer = lambda _: web.Response(status=204)
    await service.move(timedelta(hours=1))
    assert program.types == ["room_booking.created", "room_booking.ended"]
    assert all(b["data"]["reader"] is None for _, b in program.got)
