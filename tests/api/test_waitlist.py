"""候补: the first in line gets the free seat before any other reader can book it."""

from __future__ import annotations

import asyncio
import random
import re
from typing import Any

from tests.api.browsing import Browser
from tests.api.waitlist import AREA, ONE, TWO, full, held_seat, join, offers, wish
from tests.living import Client, Living


async def test_joining_is_refused_for_free_seats_invalid_times_and_duplicates(
    service: Living,
) -> None:
    reader = await service.reader()
    no = await reader.refused("409 seat_free", "POST", "/waitlist", wish(service))
    assert len(no.details["seats"]) == 3
    await full(service)
    for other, refusal in (
        ({"area_id": "nowhere"}, "404 not_found"),
        ({"seats": ["3f-east-001"]}, "404 not_found"),
        ({"end": "19:00"}, "422 too_long"),
        ({"end": "14:30"}, "422 off_grid"),
        ({"date": "2026-10-01"}, "422 outside_horizon"),
        ({"start": "07:00", "end": "09:00"}, "422 in_the_past"),
        ({"power": True}, "422 filter_off"),
        ({"seats": ["x"] * 21}, "400 malformed"),
    ):
        await reader.refused(refusal, "POST", "/waitlist", wish(service) | other)
    made = await join(service, reader)
    assert (made["state"], made["ahead"], made["area"]) == ("waiting", 0, "二层中厅")
    await reader.refused("409 already_waiting", "POST", "/waitlist", wish(service, start="15:00"))
    second = await service.reader()
    assert (await join(service, second))["ahead"] == 1
    await reader.refused(
        "404 not_found",
        "DELETE",
        f"/waitlist/{(await second.ok('GET', '/waitlist'))['items'][0]['id']}",
    )
    await reader.ok("DELETE", f"/waitlist/{made['id']}")
    assert (await second.ok("GET", "/waitlist"))["items"][0]["ahead"] == 0
    await join(service, reader)  # at the end of the waitlist


async def test_the_first_on_the_waitlist_is_offered_the_seat(service: Living) -> None:
    taken = await full(service)
    first, second, passer_by = [await service.reader() for _ in range(3)]
    await first.accept("OFFER")
    for reader in (first, second):
        await join(service, reader)
    owner, made = taken[9]
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    (held,) = await offers(first)
    assert (held["seat"]["id"], held["state"]) == (made["seat"]["id"], "offered")
    assert held["actions"] == ["accept", "decline"] and await offers(second) == []
    assert held["held_until"][11:16] == "08:10"
    await service.settle()
    (message,) = await first.messages()
    assert message["template"] == "OFFER"
    booking = {
        "seat_id": made["seat"]["id"],
        "date": service.today,
        "start": "14:00",
        "end": "16:00",
    }
    await passer_by.refused("409 seat_taken", "POST", "/reservations", booking)
    await second.refused("404 not_found", "POST", f"/reservations/{held['id']}/accept")

    got = await first.ok("POST", f"/reservations/{held['id']}/accept")
    assert got["state"] == "reserved" and "cancel" in got["actions"]
    assert (await first.ok("GET", "/waitlist"))["items"][0]["state"] == "accepted"
    await first.refused("409 wrong_state", "POST", f"/reservations/{held['id']}/accept")
    await first.refused("409 wrong_state", "POST", f"/reservations/{held['id']}/decline")


async def test_a_refused_offer_passes_to_the_next_without_a_violation(service: Living) -> None:
    owner, made = await held_seat(service)
    other, more = await held_seat(service, seat=TWO)
    first, second = await service.reader(), await service.reader()
    for reader in (first, second):
        await join(service, reader, seats=[ONE, TWO])
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    (held,) = await offers(first)
    gone = await first.ok("POST", f"/reservations/{held['id']}/decline")
    assert gone["state"] == "offer_expired"
    (passed,) = await offers(second)
    assert passed["seat"]["id"] == ONE
    # The first one waits on at the same place, and for another seat.
    await other.ok("POST", f"/reservations/{more['id']}/cancel")
    (again,) = await offers(first)
    assert again["seat"]["id"] == TWO
    assert (await first.ok("GET", "/violations"))["total"] == 0


async def test_an_expired_offer_passes_to_the_next_in_line(service: Living) -> None:
    owner, made = await held_seat(service)
    first, second = await service.reader(), await service.reader()
    for reader in (first, second):
        await join(service, reader, seats=[ONE])
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    (held,) = await offers(first)
    await service.move("08:09")
    assert await offers(second) == []
    await service.move("08:11")
    await first.refused("409 wrong_state", "POST", f"/reservations/{held['id']}/accept")
    assert (await first.ok("GET", "/waitlist"))["items"][0]["state"] == "offer_expired"
    (passed,) = await offers(second)
    assert passed["held_until"][11:16] == "08:20"
    await service.move("08:21")
    # Nobody is left: the seat is everybody's.
    await (await service.reader()).reserve(ONE)
    assert not await service.inside.stored.reservations.find_double_bookings()


async def test_offers_skip_entries_for_other_seats_or_with_overlapping_bookings(
    service: Living,
) -> None:
    owner, made = await held_seat(service)
    other, more = await held_seat(service, seat=TWO)
    picky, busy, waits = [await service.reader() for _ in range(3)]
    await join(service, picky, seats=[TWO])
    await join(service, busy, seats=[ONE, TWO])
    await busy.reserve("3f-east-001", "15:00", "16:00")  # something came up meanwhile
    await join(service, waits, seats=[ONE, TWO])
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    assert (await offers(picky), await offers(busy)) == ([], [])
    assert len(await offers(waits)) == 1
    await other.ok("POST", f"/reservations/{more['id']}/cancel")
    assert [o["seat"]["id"] for o in await offers(picky)] == [TWO]


async def test_an_offer_accepted_during_its_time_starts_now(service: Living) -> None:
    owner, made = await held_seat(service, "09:00", "12:00")
    reader = await service.reader()
    await join(service, reader, seats=[ONE], start="09:00", end="12:00")
    await service.move("08:45")
    await owner.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await service.move("09:20")
    await owner.ok("POST", f"/reservations/{made['id']}/finish")
    (held,) = await offers(reader)
    await service.move("09:26")
    got = await reader.ok("POST", f"/reservations/{held['id']}/accept")
    assert (got["start"][11:16], got["check_in_until"][11:16]) == ("09:26", "09:56")
    assert not await service.inside.stored.reservations.find_double_bookings()


async def test_accepting_an_offer_counts_towards_the_daily_limit(service: Living) -> None:
    owner, made = await held_seat(service)
    other, more = await held_seat(service, seat=TWO)
    reader = await service.reader()
    await join(service, reader, seats=[ONE, TWO])
    for hour in range(17, 21):
        await reader.reserve("3f-east-001", f"{hour}:00", f"{hour + 1}:00")
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    (held,) = await offers(reader)
    await reader.reserve("3f-east-001", "21:00", "22:00")
    await reader.refused("422 daily_limit", "POST", f"/reservations/{held['id']}/accept")
    # Given back, the seat is not offered to them once more.
    await reader.ok("POST", f"/reservations/{held['id']}/decline")
    await other.ok("POST", f"/reservations/{more['id']}/cancel")
    assert await offers(reader) == []


async def test_waitlist_entries_end_when_their_time_has_passed(service: Living) -> None:
    await held_seat(service, "09:00", "11:00")
    reader = await service.reader()
    await join(service, reader, seats=[ONE], start="09:00", end="11:00")
    await service.move("10:55")
    (wait,) = (await reader.ok("GET", "/waitlist"))["items"]
    assert wait["state"] in ("over", "offer_expired")
    await reader.reserve("3f-east-001", "11:00", "12:00")


async def test_twenty_concurrent_cancels_and_joins_leave_no_free_seat(
    service: Living,
) -> None:
    """Each freed seat is offered to a waiting reader before another can book it."""
    chance = random.Random(3)
    taken = await full(service)
    early = [await service.reader() for _ in range(8)]
    for reader in early:
        await join(service, reader)
    late = [await service.reader() for _ in range(12)]
    passers = [await service.reader() for _ in range(8)]
    leaving = chance.sample(taken, 20)

    async def cancel(owner: Client, made: Any) -> None:
        key = {"Idempotency-Key": made["id"]}
        answer = await owner.post(f"/reservations/{made['id']}/cancel", **key)
        while answer.code in ("outcome_unknown", "in_progress"):  # asked again, as phones do
            answer = await owner.post(f"/reservations/{made['id']}/cancel", **key)
        assert answer.status == 200, answer.body

    async def wait(reader: Client) -> None:
        answer = await reader.post("/waitlist", wish(service))
        assert answer.status == 201 or answer.code in ("seat_free", "outcome_unknown"), answer.body

    async def snatch(reader: Client, seat: str) -> str:
        body = {"seat_id": seat, "date": service.today, "start": "14:00", "end": "16:00"}
        answer = await reader.post("/reservations", body)
        return "got" if answer.status == 201 else answer.code

    work: list[Any] = [cancel(*one) for one in leaving] + [wait(reader) for reader in late]
    work += [snatch(r, made["seat"]["id"]) for r, (_, made) in zip(passers, leaving, strict=False)]
    chance.shuffle(work)
    await asyncio.gather(*work)
    await service.settle()
    held = [offer for reader in (*early, *late) for offer in await offers(reader)]
    seats = [offer["seat"]["id"] for offer in held]
    assert len(seats) == len(set(seats)), "each seat is offered once"
    for reader in early:
        assert len(await offers(reader)) == 1, "who was there before has an offer each"
    db = service.db
    assert await db["reservations"].count_documents({"state": "offered"}) == len(held)
    waiting = await db["waitlist"].count_documents({"state": "waiting"})
    live = await db["reservations"].count_documents({"state": {"$in": ["reserved", "offered"]}})
    assert waiting == 0 or live == len(taken), "nobody waits while a seat is free"
    assert not await service.inside.stored.reservations.find_double_bookings()
    await service.move("08:30")
    assert await db["reservations"].count_documents({"state": "offered"}) == 0, (
        "none is left behind"
    )


async def test_the_pages_join_accept_and_leave_the_waitlist(service: Living) -> None:
    taken = await full(service)
    reader = await service.web_reader()
    browser = Browser(reader)
    plan = f"/areas/{AREA}?date={service.today}&start=14:00&end=16:00"
    assert "加入候补" in (await browser.get(plan)).body
    assert "加入候补" not in (await browser.get(f"/areas/{AREA}")).body
    form = wish(service) | {"csrf": await browser.token(plan), "key": "k"}
    joined = await browser.post("/waitlist", form, service.base)
    assert joined.headers["Location"] == "/reservations?done=wait"
    page = (await browser.get("/reservations")).body
    assert "排在第一位" in page
    again = await browser.post("/waitlist", form, service.base)
    assert again.status == 409 and "已经候补" in again.body
    owner, made = taken[0]
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    page = (await browser.get("/")).body
    accept = re.search(r'href="(/reservations/[^"]+/accept)"', page)
    assert accept is not None and "待接受" in page
    token = {"csrf": await browser.token(accept[1]), "key": "k2"}
    got = await browser.post(accept[1], token, service.base)
    assert got.headers["Location"].endswith("?done=accept")
    assert "排在第一位" not in (await browser.get("/reservations")).body
    # Another one, given up again by its button.
    later = wish(service, start="20:00", end="22:00")
    await full(service, "20:00", "22:00")
    await browser.post("/waitlist", later | token, service.base)
    leave = re.search(
        r'action="(/waitlist/[^"]+/leave)"', (await browser.get("/reservations")).body
    )
    assert leave is not None
    gone = await browser.post(leave[1], token, service.base)
    assert gone.headers["Location"] == "/reservations?done=unwait"
