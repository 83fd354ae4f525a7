"""The proposed seat, and another one on request."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest

from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import staff
from tests.api.reader_pages import suspend
from tests.api.stored_reads import commands_of
from tests.living import SEAT, Client, Living


async def proposed(reader: Client, query: str = "") -> Any:
    return (await reader.ok("GET", f"/proposal{query}"))["proposed"]


async def test_a_proposal_prefers_a_known_seat_then_one_near_it(service: Living) -> None:
    reader = await service.reader()
    proposal = await proposed(reader)
    names = ("seat", "date", "start", "end", "free_until", "reason", "near", "together")
    assert list(proposal) == [*names]
    assert (proposal["date"], proposal["start"], proposal["end"]) == (service.today, "now", "10:00")
    assert (proposal["reason"], proposal["near"]) == ("roomy", None)
    # What they like comes first, then what is near to it.
    await reader.ok("POST", "/favourites", {"seat_id": SEAT})
    proposal_known = await proposed(reader)
    assert (proposal_known["seat"]["id"], proposal_known["reason"], proposal_known["near"]) == (
        SEAT,
        "known",
        "065",
    )
    near = await proposed(reader, f"?skip={SEAT}")
    assert (near["reason"], near["near"]) == ("near", "065") and near["seat"]["id"] != SEAT
    third = await proposed(reader, f"?skip={SEAT},{near['seat']['id']}")
    assert third["seat"]["id"] not in (SEAT, near["seat"]["id"])
    # For the time that is asked for, and only what can be booked then.
    taken = await service.reader()
    await taken.reserve(SEAT, "14:00", "16:00")
    later = await proposed(reader, "?start=14:00&end=15:00")
    assert (later["start"], later["end"], later["reason"]) == ("14:00", "15:00", "near")
    wish = {"seat_id": later["seat"]["id"], "date": later["date"]}
    await reader.ok("POST", "/reservations", wish | {"start": "14:00", "end": "15:00"})


async def stay(service: Living, reader: Client, seat: str, start: str, end: str) -> None:
    """A stay from now or ``start`` on, given back at once."""
    made = await reader.reserve(seat, start, end)
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await reader.ok("POST", f"/reservations/{made['id']}/finish")


@pytest.mark.whole
async def test_a_proposal_for_another_day_starts_at_the_readers_usual_time(service: Living) -> None:
    """The first stay of a day counts, and the night keeps its time with the reader. Readers
    without a stay, and unbound ones, get a morning time instead of the opening hour."""
    reader, new, unbound = await service.reader(), await service.reader(), await service.wx_user()
    for day in range(3):
        await service.move("13:30")
        await stay(service, reader, SEAT, "now", "16:00")
        await service.move("19:00")
        await stay(service, reader, SEAT, "now", "21:00")
        if not day:
            await reader.reserve("2f-hall-001", "07:00", "08:00", service.tomorrow)  # and misses it
        await service.move(timedelta(hours=13))
    for today in ("", f"?date={service.tomorrow}", "?venue=library"):
        day = (await reader.ok("GET", f"/proposal{today}"))["tomorrow"]
        assert (day["date"], day["bookable"]) == (service.tomorrow, True)
    tomorrow = f"?date={service.tomorrow}"
    assert (await proposed(reader, tomorrow))["start"] == "13:00"
    assert (await proposed(new, tomorrow))["start"] == "09:00"
    for looks, start in ((reader, "13:00"), (new, "09:00"), (unbound, "09:00")):
        times = await looks.ok("GET", f"/seats/{SEAT}/times{tomorrow}")
        assert (times["starts"][0]["value"], times["proposed"]) == ("07:00", start)
    assert "proposed" not in await reader.ok("GET", f"/seats/{SEAT}/times{tomorrow}&start=09:00")


async def test_the_usual_time_costs_no_query_and_is_the_readers_to_see_and_erase(
    service: Living,
) -> None:
    person = await service.web_reader()
    starts = dict.fromkeys([person.reader_id], time(13, 30))
    for _ in range(20):
        await service.inside.stored.readers.add_stay_starts(starts)
    browser = Browser(await service.web_reader(person))
    page = f"/?date={service.tomorrow}"
    await browser.get("/")
    assert "13:00–15:00" in (await browser.get(page)).body
    today, tomorrow = [await commands_of(service, browser.get(path)) for path in ("/", page)]
    assert tomorrow == today == {"reservations": 1}
    panel = await commands_of(service, browser.get(f"/areas/2f-hall{page[1:]}&seat={SEAT}"))
    assert panel == {"reservations": 1}
    assert await commands_of(service, browser.get(f"/areas/2f-hall{page[1:]}")) == {}
    assert await commands_of(service, browser.get("/reservations")) == {"reservations": 1}
    data = (await browser.get("/me/data.json")).body
    assert data["reader"][0]["stay_starts"] == "13:30 " * 15, "the latest ones only"
    assert "<span>15</span>" in (await browser.get("/me/data")).body
    form = {"csrf": await browser.token("/contact")}
    assert (await browser.post("/me/erase", form, service.base)).status == 200
    # A night that counts the day of an erased reader does not bring them back.
    await service.inside.stored.readers.add_stay_starts(starts)
    assert str(person.reader_id) not in await service.all_documents()
    again = Browser(await service.web_reader(person))
    assert "09:00–11:00" in (await again.get(page)).body


async def test_a_reader_who_cannot_book_gets_no_proposal(service: Living) -> None:
    busy, suspended, waiting = [await service.reader() for _ in range(3)]
    await busy.reserve()
    assert await proposed(busy) is None
    desk = await staff(service, Role.ADMINISTRATOR)
    assert (await suspend(service, desk, suspended, forever="1")).status == 303
    assert await proposed(suspended) is None
    assert await proposed(waiting, "?venue=none") is None
    await service.move("22:31")
    closed = await waiting.ok("GET", "/proposal")
    assert closed["proposed"] is None and closed["tomorrow"]["bookable"], "closed for today only"
    await waiting.refused("400 malformed", "GET", "/proposal?start=14:00")
    await waiting.refused("422 outside_horizon", "GET", "/proposal?date=2026-12-01")
    await waiting.refused("422 in_the_past", "GET", "/proposal?date=2026-09-01")
