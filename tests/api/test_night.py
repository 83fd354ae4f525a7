"""Bookings past midnight: a library that is open from 07:00 to 02:00, and one that never closes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from models.library.entities import AreaId
from models.policy.entities import OpeningRule
from tests.api.browsing import Browser
from tests.api.gate import gate_of
from tests.api.night import NIGHT, OTHER, clock, open_by
from tests.builders import ZONE
from tests.living import SEAT, Client, Living

ALWAYS = OpeningRule(time(0), time(0))


@pytest.fixture
async def night(service: Living) -> AsyncIterator[Living]:
    """The service on a Monday with hours from 07:00 to 02:00."""
    await open_by(service, NIGHT)
    yield service


def span(r: Any) -> str:
    return f"{r['start'][8:16]} {r['end'][8:16]}"


def wish(service: Living, start: str, end: str, seat: str = SEAT, **other: str) -> dict[str, str]:
    return {"seat_id": seat, "date": service.today, "start": start, "end": end} | other


async def ends(reader: Client, id: str) -> list[str]:
    return [e["value"] for e in (await reader.ok("GET", f"/reservations/{id}/extensions"))["ends"]]


async def scan(service: Living) -> dict[str, str]:
    return {"qr": await service.qr()}


async def test_a_stay_over_midnight_lasts_at_most_to_the_closing_time(night: Living) -> None:
    reader, other = await night.reader(), await night.reader()
    await reader.accept("CHECK_IN_REMINDER")
    await clock(night, "20:00", 7)
    times = await reader.ok("GET", f"/seats/{SEAT}/times?date={night.today}&start=22:00")
    assert [c["label"] for c in times["ends"]] == ["23:00", "次日00:00", "次日01:00", "次日02:00"]
    made = await reader.reserve(SEAT, "22:00", "01:00")
    assert (made["date"], span(made)) == (night.today, "07T22:00 08T01:00")
    booking = wish(night, "22:00", "03:00", OTHER)
    no = await other.refused("422 closed", "POST", "/reservations", booking)
    assert no.details == {"open": "07:00", "close": "02:00"}
    # The seat, and the reader, are taken on both days.
    early = wish(night, "00:00", "01:00", date=night.tomorrow)
    await other.refused("409 seat_taken", "POST", "/reservations", early)
    await reader.refused("409 own_overlap", "POST", "/reservations", early | {"seat_id": OTHER})
    for day in (night.today, night.tomorrow):
        seen = await other.ok("GET", f"/seats/{SEAT}?date={day}")
        assert [t["start"] for t in seen["taken"]] == [made["start"]], day
    window = f"date={night.tomorrow}&start=00:00&end=01:00"
    seats = (await other.ok("GET", f"/areas/2f-hall/map?{window}"))["seats"]
    assert {s["id"]: s["status"] for s in seats}[SEAT] == "occupied"

    await clock(night, "22:00", 7)
    path = f"/reservations/{made['id']}"
    await reader.ok("POST", f"{path}/check-in", await scan(night))
    await clock(night, "23:50", 7)
    left = await reader.ok("POST", f"{path}/leave")
    assert left["return_by"][8:16] == "08T00:20"
    await clock(night, "00:10", 8)
    assert (await reader.ok("POST", f"{path}/return", await scan(night)))["state"] == "in_use"
    me = await reader.ok("GET", "/me")
    assert [r["id"] for r in me["active"]] == [made["id"]], "yesterday's booking is today's stay"
    assert await ends(reader, made["id"]) == ["02:00"]
    await reader.refused("422 closed", "POST", f"{path}/extend", {"end": "03:00"})
    await reader.refused("422 off_grid", "POST", f"{path}/extend", {"end": "23:00"})
    longer = await reader.ok("POST", f"{path}/extend", {"end": "02:00"})
    assert span(longer) == "07T22:00 08T02:00"
    await clock(night, "02:00", 8)
    assert (await reader.ok("GET", path))["state"] == "completed"


async def test_a_booking_for_now_after_midnight_belongs_to_the_new_day(night: Living) -> None:
    reader, other = await night.reader(), await night.reader()
    await reader.accept("CHECK_IN_REMINDER")
    await clock(night, "23:10", 7)
    made = await reader.reserve(SEAT, "00:00", "01:00", night.tomorrow)
    await clock(night, "00:05", 8)
    await night.settle()
    assert (await reader.messages())[-1]["template"] == "CHECK_IN_REMINDER", (
        "nobody is asleep who booked"
    )
    assert (await reader.ok("GET", "/me"))["active"][0]["id"] == made["id"]
    await clock(night, "00:29", 8)
    now = await other.reserve(OTHER, "now", "02:00")
    assert (now["date"], span(now)) == ("2026-09-08", "08T00:29 08T02:00")
    await other.refused("422 closed", "POST", "/reservations", wish(night, "now", "03:00", OTHER))
    seats = {s["id"]: s for s in (await reader.ok("GET", "/areas/2f-hall/map"))["seats"]}
    assert (seats[OTHER]["status"], seats["2f-hall-001"]["status"]) == ("occupied", "free")
    assert seats["2f-hall-001"]["free_until"][8:16] == "08T02:00", "the map is of this night"
    dates = (await reader.ok("GET", "/venues"))["items"][0]["dates"]
    assert dates[0]["bookable"] and dates[0]["open"] == {"from": "07:00", "to": "02:00"}
    await clock(night, "02:30", 8)
    booking = wish(night, "now", "03:00", "2f-hall-002")
    await other.refused("422 closed", "POST", "/reservations", booking)
    seats = {s["id"]: s for s in (await reader.ok("GET", "/areas/2f-hall/map"))["seats"]}
    assert seats["2f-hall-001"]["free_until"][8:16] == "09T02:00", "of the hours to come"


@pytest.mark.whole
async def test_the_waitlist_offers_a_seat_over_midnight(night: Living) -> None:
    await clock(night, "22:40", 7)
    owner, first, sleeper = [await night.reader() for _ in range(3)]
    made = await owner.reserve(SEAT, "23:00", "01:00")
    place = {"area_id": "2f-hall", "seats": [SEAT]}
    time_of_night = {"date": night.today, "start": "23:00", "end": "01:00"}
    await first.ok("POST", "/waitlist", place | time_of_night)
    no = {"date": night.tomorrow, "start": "00:00", "end": "02:00"}
    await first.refused("409 already_waiting", "POST", "/waitlist", place | no)
    await owner.refused("409 own_overlap", "POST", "/waitlist", place | no)
    # A seat of tomorrow's day wakes nobody; one of this night is offered at once.
    late = await owner.reserve(OTHER, "09:00", "10:00", night.tomorrow)
    body = {"date": night.tomorrow, "start": "09:00", "end": "10:00"}
    await sleeper.ok("POST", "/waitlist", place | {"seats": [OTHER]} | body)
    await owner.ok("POST", f"/reservations/{late['id']}/cancel")
    await clock(night, "23:00", 7)
    await owner.ok("POST", f"/reservations/{made['id']}/check-in", await scan(night))
    await clock(night, "23:55", 7)
    await owner.ok("POST", f"/reservations/{made['id']}/finish")
    (waits,) = (await first.ok("GET", "/waitlist"))["items"]
    assert waits["offer"] is not None and span(waits["offer"]) == "07T23:55 08T01:00"
    assert (await sleeper.ok("GET", "/waitlist"))["items"][0]["offer"] is None
    # Accepted after midnight it begins then, and stays a booking of the day of the offer.
    await clock(night, "00:03", 8)
    offer = f"/reservations/{waits['offer']['id']}"
    accepted = await first.ok("POST", f"{offer}/accept")
    assert (accepted["date"], span(accepted)) == ("2026-09-07", "08T00:03 08T01:00")
    seats = {s["id"]: s for s in (await sleeper.ok("GET", "/areas/2f-hall/map"))["seats"]}
    assert seats[SEAT]["status"] == "occupied"
    again = await first.ok("POST", f"{offer}/check-in", await scan(night))
    assert (again["date"], again["state"]) == ("2026-09-07", "in_use")
    used = night.inside.stored.reservations.used_daily_numbers
    monday = datetime.fromisoformat("2026-09-07").date()
    assert await used(ZONE, first.reader_id, monday) == {1}
    await clock(night, "07:00", 8)
    assert (await sleeper.ok("GET", "/waitlist"))["items"][0]["offer"] is not None


@pytest.mark.whole
async def test_gate_passages_are_replayed_for_a_stay_over_midnight(night: Living) -> None:
    gate, reader = await gate_of(night), await night.reader()
    await clock(night, "22:00", 7)
    made = await reader.reserve(SEAT, "23:00", "01:00")
    following = await reader.reserve(OTHER, "01:00", "02:00", night.tomorrow)
    await clock(night, "23:00", 7)
    await gate.pass_(reader, "in")
    path = f"/reservations/{made['id']}"
    assert (await reader.ok("GET", path))["state"] == "in_use"
    await clock(night, "00:20", 8)
    await gate.pass_(reader, "out")
    out = await reader.ok("GET", path)
    assert (out["state"], out["return_by"][8:16]) == ("away", "08T00:50")
    await clock(night, "00:40", 8)
    await gate.pass_(reader, "in")
    assert (await reader.ok("GET", path))["state"] == "in_use"
    await clock(night, "01:01", 8)
    await night.settle()
    assert (await reader.ok("GET", path))["state"] == "completed"
    then = await reader.ok("GET", f"/reservations/{following['id']}")
    assert then["state"] == "in_use", "who came in before the stay is inside"


async def test_bookings_cross_midnight_in_a_library_that_never_closes(service: Living) -> None:
    await open_by(service, ALWAYS)
    reader = await service.reader()
    await clock(service, "21:00", 7)
    made = await reader.reserve(SEAT, "22:00", "02:00")
    assert span(made) == "07T22:00 08T02:00"
    booking = wish(service, "22:00", "03:00", OTHER)
    await reader.refused("422 too_long", "POST", "/reservations", booking)
    await reader.reserve(OTHER, "02:00", "06:00", service.tomorrow)
    await clock(service, "22:00", 7)
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", await scan(service))
    await clock(service, "01:30", 8)
    assert await ends(reader, made["id"]) == ["03:00", "04:00", "05:00"], "midnight is no closing"
    path = f"/reservations/{made['id']}/extend"
    await reader.refused("409 own_overlap", "POST", path, {"end": "03:00"})
    dates = (await reader.ok("GET", "/venues"))["items"][0]["dates"]
    assert all(d["bookable"] and d["open"] == {"from": "00:00", "to": "00:00"} for d in dates)


@pytest.mark.whole
async def test_pages_mark_an_end_on_the_next_day(night: Living) -> None:
    await clock(night, "20:00", 7)
    reader = await night.reader()
    made = await reader.reserve(SEAT, "22:00", "02:00")
    page = Browser(await night.web_reader(reader))
    for path in ("/reservations", f"/reservations/{made['id']}", "/"):
        assert "22:00–次日02:00" in (await page.get(path)).body, path
    other = Browser(await night.web_reader())
    panel = (await other.get(f"/areas/2f-hall?seat={OTHER}&begin=22:00")).body
    assert "<span>次日02:00</span>" in panel and "<span>23:00</span>" in panel
    home_page = (await other.get("/?start=22:00&end=01:00")).body
    assert "22:00–次日01:00" in home_page and "结束时间要晚于开始时间" not in home_page
    assert "07:00–次日02:00" in (await other.get("/rules")).body
    form = wish(night, "22:00", "02:00", OTHER) | {"csrf": await other.token()}
    done = await other.post("/reserve", form, night.base)
    assert done.status == 303
    await night.settle()
    text = (await reader.ok("GET", "/messages"))["items"][0]["text"]
    assert "9月7日 22:00–次日02:00" in text


@pytest.mark.whole
async def test_statistics_and_outages_count_the_hours_after_midnight(night: Living) -> None:
    reader = await night.reader()
    await clock(night, "22:00", 7)
    made = await reader.reserve(SEAT, "22:00", "02:00")
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", await scan(night))
    await clock(night, "01:00", 8)
    service, venue = night.inside.outages, next(iter(night.inside.reference.catalog.venues))
    assert service._open(venue, night.clock.now())
    assert not service._open(venue, night.clock.now() + timedelta(hours=2))
    await clock(night, "00:30", 9)
    for _ in range(3):
        await night.inside.statistics.aggregate_next_day(night.clock.now())
    first, last = (datetime(2026, 9, day).date() for day in (7, 8))  # noqa: DTZ001
    days = {
        d.day: d
        for d in await night.inside.statistics.between(first, last)
        if d.area_id == AreaId("2f-hall")
    }
    assert (days[first].used[22:], days[first].booked) == ((60, 60), 1)
    assert (days[last].used[:3], days[last].booked) == ((60, 60, 0), 0)
    assert days[first].open_minutes == days[first].seats * 19 * 60


async def test_jobs_handle_deadlines_after_midnight(night: Living) -> None:
    """The following booking on the next date is carried over, a no-show counts on the day its
    booking started, and pruning removes claims of ended bookings only."""
    reader, late, other = [await night.reader() for _ in range(3)]
    await clock(night, "21:00", 7)
    first = await reader.reserve(SEAT, "22:00", "00:00")
    second = await reader.reserve(SEAT, "00:00", "02:00", night.tomorrow)
    await clock(night, "22:00", 7)
    await reader.ok("POST", f"/reservations/{first['id']}/check-in", await scan(night))
    await clock(night, "23:50", 7)
    missed = await late.reserve(OTHER, "now", "01:00")
    await clock(night, "00:40", 8)
    states = [
        (await who.ok("GET", f"/reservations/{made['id']}"))["state"]
        for who, made in ((reader, first), (reader, second), (late, missed))
    ]
    assert states == ["completed", "in_use", "no_show"]
    violation: Any = await night.db["violations"].find_one({"reader": late.reader_id})
    assert violation["counted_on"] == f"{late.reader_id}:2026-09-07"
    taken = wish(night, "01:00", "02:00")
    await other.refused("409 seat_taken", "POST", "/reservations", taken)
    await clock(night, "08:00", 10)
    ids = [made["id"] for made in (first, second, missed)]
    claims = [r["claims"] async for r in night.db["reservations"].find({"_id": {"$in": ids}})]
    assert claims == [[], [], []]
