"""The proposed seat, and another one on request."""

from __future__ import annotations

from typing import Any

from models.identity.roles import Role
from tests.api.console import staff
from tests.api.reader_pages import suspend
from tests.living import SEAT, Client, Living


async def proposed(reader: Client, query: str = "") -> Any:
    return (await reader.ok("GET", f"/proposal{query}"))["proposed"]


async def test_a_proposal_prefers_a_known_seat_then_one_near_it(service: Living) -> None:
    reader = await service.reader()
    proposal = await proposed(reader)
    assert list(proposal) == [*("seat", "date", "start", "end", "free_until", "reason", "near")]
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


async def test_a_proposal_for_another_day_starts_at_the_readers_usual_time(service: Living) -> None:
    """New and unbound readers get a morning time instead of the opening hour."""
    reader, unbound = await service.reader(), await service.wx_user()
    tomorrow = f"?date={service.tomorrow}"
    assert (await proposed(reader, tomorrow))["start"] == "09:00"
    for looks in (reader, unbound):
        times = await looks.ok("GET", f"/seats/{SEAT}/times{tomorrow}")
        assert (times["starts"][0]["value"], times["proposed"]) == ("07:00", "09:00")
    await service.move("13:40")
    made = await reader.reserve(start="14:00", end="16:00")
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await reader.ok("POST", f"/reservations/{made['id']}/finish")
    assert (await proposed(reader, tomorrow))["start"] == "14:00"
    assert (await reader.ok("GET", f"/seats/{SEAT}/times{tomorrow}"))["proposed"] == "14:00"
    assert "proposed" not in await reader.ok("GET", f"/seats/{SEAT}/times{tomorrow}&start=09:00")


async def test_a_reader_who_cannot_book_gets_no_proposal(service: Living) -> None:
    busy, suspended, waiting = [await service.reader() for _ in range(3)]
    await busy.reserve()
    assert await proposed(busy) is None
    desk = await staff(service, Role.ADMINISTRATOR)
    assert (await suspend(service, desk, suspended, forever="1")).status == 303
    assert await proposed(suspended) is None
    assert await proposed(waiting, "?venue=none") is None
    await service.move("22:31")
    assert await proposed(waiting) is None, "the library is closed"
    await waiting.refused("400 malformed", "GET", "/proposal?start=14:00")
    await waiting.refused("422 outside_horizon", "GET", "/proposal?date=2026-12-01")
    await waiting.refused("422 in_the_past", "GET", "/proposal?date=2026-09-01")
